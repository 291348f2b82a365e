"""`kscaffold template eject`: a starting point for an overlay, or for a template of one's own."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import click

from kscaffold.cli.shared import ref_option
from kscaffold.cli.terminal import echo, shell_join
from kscaffold.errors import AnswerError, TargetError
from kscaffold.hints import near
from kscaffold.project.tree import Tree, TreeFile
from kscaffold.safety.escaping import quote
from kscaffold.template.blocks import Block, blocks_of, overriding, with_block
from kscaffold.template.origins import BUILT_IN
from kscaffold.template.overlays import MANIFEST, Layer
from kscaffold.template.sources import Part, Template, load_templates
from kscaffold.write import check_target, write_tree


@click.command()
@click.argument("what", metavar="[FILE|BLOCK]", required=False)
@click.option("--into", metavar="FOLDER", type=click.Path(), required=True, help="The overlay.")
@click.option(
    "--template", "source", metavar="SOURCE", default=BUILT_IN, help="What to override.  [builtin]"
)
@ref_option
def command(what: str | None, into: str, source: str, ref: str | None) -> None:
    """Write an overlay into FOLDER that changes just FILE or BLOCK, and works at once.

    FILE is a path such as "package/data.py.jinja"; BLOCK is a block's name, or FILE:BLOCK where
    several files have one of that name. Without either, all of the template is written, as one
    of your own. `kscaffold template show` lists files and blocks.
    """
    template = load_templates([source], Path(), ref)
    folder = Path(into)
    # What a killed run left there is undone before anything of it is looked at.
    check_target(folder, force=True)
    if what is None:
        files = _everything(template, folder)
        write_tree(folder, files)
    else:
        files = _part(template, folder, what)
        # A template should not contain backups.
        for backup in write_tree(folder, files, force=True).backups:
            with suppress(OSError):
                (folder / backup).unlink()
    for file in files:
        echo(str(folder / file.path))
    source = folder.as_posix() if "/" in folder.as_posix() else f"./{folder}"
    command = shell_join(["kscaffold", "new", "PATH", "--template", source])
    echo(f"\nTry it: {command}", err=True, keep="\n")


def _everything(template: Template, folder: Path) -> Tree:
    if len(template.stack) != 1:
        raise AnswerError("is an overlay", key="--template", hint="name a FILE or a BLOCK of it")
    if folder.exists() and any(folder.iterdir()):
        hint = "give another folder: --into"
        raise TargetError("is not empty", place=str(folder), hint=hint)
    [part] = template.stack
    layer = replace(part.layer, apart=frozenset())
    name = f"name = {quote(template.manifest.template.name)}"
    manifest = layer.read(MANIFEST).replace(name, f"name = {quote(_name(folder))}", 1)
    files = (TreeFile(path, layer.read_bytes(path)) for path in layer.files())
    return (TreeFile(MANIFEST, manifest), *files)


def _name(folder: Path) -> str:
    """Return a template's name for a folder's; one that no built-in template has."""
    name = re.sub(r"[^\w.-]", "-", folder.absolute().name, flags=re.ASCII)
    name = name.lstrip("._-") or "template"
    return f"my-{name}" if name == BUILT_IN else name


class _File(NamedTuple):
    """A file that can be overridden.

    Attributes:
        layer: where it is read from.
        extends: what an overlay's file calls it.
        choice: the folder that it is in, if that is a choice.
    """

    layer: Layer
    extends: str
    choice: Part | None = None


def _part(template: Template, folder: Path, what: str) -> Tree:
    """Return one more file or block for an overlay, and the manifests that it still needs."""
    files = _files(template)
    block = None if what in files else _block(files, what)
    path = block.template if block else what
    file, is_there = files[path], (folder / path).exists()
    content: str | bytes
    if block:
        content = overriding(block, file.extends)
        if is_there:
            content = _with_one_more(folder, block, file.extends)
    elif is_there:
        raise TargetError("is there already", place=str(folder / path))
    else:
        content = file.layer.read_bytes(path)
    needed = {MANIFEST: f"extends = {quote(template.origins[-1].source)}\n"}
    if file.choice:
        about = quote(file.choice.found.layer.description)
        needed[f"{file.choice.folder}/{MANIFEST}"] = f"[template]\ndescription = {about}\n"
    missing = (TreeFile(*each) for each in needed.items() if not (folder / each[0]).exists())
    return (*missing, TreeFile(path, content))


def _files(template: Template) -> dict[str, _File]:
    """Return the files that are written with some answers, by their paths in the template."""
    files = {}
    for file in template.manifest.files:
        layer = template.layers.top(file.template)
        files[file.template] = _File(layer, f"{layer.name}/{file.template}")
    for choice in template.choices:
        layer = template.stack[choice.number].layer
        for path in choice.found.layer.files():
            files[f"{choice.folder}/{path}"] = _File(layer, path, choice)
    return dict(sorted(files.items()))


def _with_one_more(folder: Path, block: Block, name: str) -> str:
    overlay = Layer("", folder, f"{folder.as_posix()}/")
    text, place = overlay.read(block.template), str(folder / block.template)
    if f'extends "{name}"' not in text.partition("\n")[0]:
        raise TargetError(f"is there already, but does not extend {name}", place=place)
    if block.name in {each.name for each in blocks_of(overlay, block.template)}:
        raise TargetError(f"has the block {block.name!r} already", place=place)
    longer = with_block(text, block)
    return longer.replace("\n", "\r\n") if b"\r\n" in overlay.read_bytes(block.template) else longer


def _block(files: dict[str, _File], what: str) -> Block:
    """Find a block by its name, or by FILE:BLOCK; raises `AnswerError`."""
    blocks = [
        block
        for path, file in files.items()
        if path.endswith(".jinja")
        for block in blocks_of(file.layer, path)
    ]
    named = {f"{block.template}:{block.name}": block for block in blocks}
    if what in named:
        return named[what]
    found = [name for name, block in named.items() if block.name == what]
    if len(found) > 1:
        hint = f"give one of {', '.join(found)}"
        raise AnswerError(f"{what!r} is a block of several files", hint=hint)
    if not found:
        known = {*files, *named, *(block.name for block in blocks)}
        hint = near(what, known) or "`kscaffold template show` lists them"
        raise AnswerError(f"no file or block {what!r}", hint=hint)
    return named[found[0]]
