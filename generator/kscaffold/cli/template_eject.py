"""`kscaffold template eject`: the begin of an overlay, or of a template of one's own."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import click

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
@click.option("--ref", metavar="REF", help="The branch, tag or commit of a template from git.")
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
        _remove(write_tree(folder, files, force=True).backups, folder)
    for file in files:
        echo(str(folder / file.path))
    command = shell_join(["kscaffold", "new", "PATH", "--template", _as_source(folder)])
    echo(f"\nTry it: {command}", err=True, keep="\n")


def _remove(backups: Iterable[str], folder: Path) -> None:
    """Remove the backups: a template should not contain them."""
    for name in backups:
        with suppress(OSError):
            (folder / name).unlink()


def _as_source(folder: Path) -> str:
    text = folder.as_posix()
    return text if "/" in text else f"./{text}"


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
    name = "".join(
        c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in folder.absolute().name
    )
    name = name.lstrip("._-") or "template"
    return f"my-{name}" if name == BUILT_IN else name


def _part(template: Template, folder: Path, what: str) -> Tree:
    """Return the overlay's manifest, unless it is there, and one more file or block."""
    part = _file_or_block(template, folder, what)
    if (folder / MANIFEST).exists():
        return part
    return (TreeFile(MANIFEST, f"extends = {quote(template.origins[-1].source)}\n"), *part)


@dataclass(frozen=True)
class _File:
    """A file that can be overridden.

    Attributes:
        layer: where it is read from.
        extends: what an overlay's file calls it.
        choice: the folder that it is in, if that is a choice.
    """

    layer: Layer
    extends: str
    choice: Part | None = None


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


def _manifest_of_choice(file: _File, folder: Path) -> Tree:
    """Return the manifest of the choice that a file is in, unless it is there."""
    if file.choice is None or (folder / file.choice.folder / MANIFEST).exists():
        return ()
    text = f"[template]\ndescription = {quote(file.choice.found.layer.description)}\n"
    return (TreeFile(f"{file.choice.folder}/{MANIFEST}", text),)


def _file_or_block(template: Template, folder: Path, what: str) -> Tree:
    files = _files(template)
    if what in files:
        if (folder / what).exists():
            raise TargetError("is there already", place=str(folder / what))
        copy = TreeFile(what, files[what].layer.read_bytes(what))
        return (*_manifest_of_choice(files[what], folder), copy)
    block = _block(files, what)
    file = files[block.template]
    if (folder / block.template).exists():
        return (TreeFile(block.template, _with_one_more(folder, block, file.extends)),)
    text = overriding(block, file.extends)
    return (*_manifest_of_choice(file, folder), TreeFile(block.template, text))


def _with_one_more(folder: Path, block: Block, name: str) -> str:
    overlay = Layer("", folder, f"{folder.as_posix()}/")
    text, place = overlay.read(block.template), str(folder / block.template)
    if f'extends "{name}"' not in text.partition("\n")[0]:
        raise TargetError(f"is there already, and extends no {name}", place=place)
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
