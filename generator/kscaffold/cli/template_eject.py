"""`kscaffold template eject`: the begin of an overlay, or of a template of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from kscaffold.blocks import Block, blocks_of, overriding, with_block
from kscaffold.cli.terminal import echo, shell_join
from kscaffold.errors import AnswerError, TargetError
from kscaffold.layers import MANIFEST, Layer
from kscaffold.origins import BUILT_IN
from kscaffold.quoting import quote
from kscaffold.sources import Template, load_templates
from kscaffold.text import near


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
    if what is None:
        files = _everything(template, folder)
    else:
        files = {**_manifest(template, folder), **_part(template, folder, what)}
    try:
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except OSError as error:
        raise TargetError(f"{error.filename}: {error.strerror}") from None
    for path in files:
        echo(str(path))
    command = shell_join(["kscaffold", "new", "PATH", "--template", _as_source(folder)])
    echo(f"\nTry it: {command}", err=True, keep="\n")


def _as_source(folder: Path) -> str:
    text = folder.as_posix()
    return text if "/" in text else f"./{text}"


def _everything(template: Template, folder: Path) -> dict[Path, bytes]:
    if len(template.layers) != 1:
        raise AnswerError("--template: is an overlay; name a FILE or a BLOCK of it")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TargetError(f"{folder}: is not empty; give another folder: --into")
    [layer] = template.layers
    name = f"name = {quote(template.manifest.name)}"
    manifest = layer.read(MANIFEST).replace(name, f"name = {quote(_name(folder))}", 1)
    files = {folder / path: layer.read_bytes(path) for path in layer.files()}
    return {folder / MANIFEST: manifest.encode(), **files}


def _name(folder: Path) -> str:
    """Return a template's name for a folder's; one that no built-in template has."""
    name = "".join(
        c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in folder.absolute().name
    )
    name = name.lstrip("._-") or "template"
    return f"my-{name}" if name == BUILT_IN else name


def _manifest(template: Template, folder: Path) -> dict[Path, bytes]:
    """Return the overlay's manifest, unless it is there."""
    path = folder / MANIFEST
    if path.exists():
        return {}
    origin = template.origins[-1]
    return {path: f"extends = {quote(origin.source)}\n".encode()}


def _part(template: Template, folder: Path, what: str) -> dict[Path, bytes]:
    paths = {file.template for file in template.manifest.files}
    if what in paths:
        target = folder / what
        if target.exists():
            raise TargetError(f"{target}: is there already")
        return {target: template.layers.top(what).read_bytes(what)}
    block = _block(template, sorted(paths), what)
    target = folder / block.template
    name = f"{template.layers.top(block.template).name}/{block.template}"
    if not target.exists():
        return {target: overriding(block, name).encode()}
    return {target: _with_one_more(target, block, name).encode()}


def _with_one_more(target: Path, block: Block, name: str) -> str:
    folder = Layer("", target.parent, f"{target.parent.as_posix()}/")
    text = folder.read(target.name)
    if f'extends "{name}"' not in text.partition("\n")[0]:
        raise TargetError(f"{target}: is there already, and extends no {name}")
    if block.name in {each.name for each in blocks_of(folder, target.name)}:
        raise TargetError(f"{target}: has the block {block.name!r} already")
    return with_block(text, block)


def _block(template: Template, paths: list[str], what: str) -> Block:
    """Find a block by its name, or by FILE:BLOCK; raises `AnswerError`."""
    blocks = [
        block
        for path in paths
        if path.endswith(".jinja")
        for block in blocks_of(template.layers.top(path), path)
    ]
    named = {f"{block.template}:{block.name}": block for block in blocks}
    if what in named:
        return named[what]
    found = [name for name, block in named.items() if block.name == what]
    if len(found) > 1:
        raise AnswerError(f"{what!r} is a block of several files; give one of {', '.join(found)}")
    if not found:
        known = {*paths, *named, *(block.name for block in blocks)}
        hint = near(what, known) or "; `kscaffold template show` lists them"
        raise AnswerError(f"no file or block {what!r}{hint}")
    return named[found[0]]
