"""`kscaffold template eject`: a starting point for an overlay, or for a whole template."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import click

from kscaffold.cli.shared import ref_option
from kscaffold.cli.terminal import echo, shell_join
from kscaffold.errors import AnswerError, TargetError
from kscaffold.hints import near
from kscaffold.project.answers import resolve
from kscaffold.project.pipeline import prepare
from kscaffold.project.tree import Tree, TreeFile
from kscaffold.safety.escaping import quote
from kscaffold.template.blocks import (
    Block,
    blocks_of,
    extends,
    overriding,
    with_block,
    with_overridden,
)
from kscaffold.template.overlays import MANIFEST, Layer
from kscaffold.template.parts import BUILT_IN, Part
from kscaffold.template.sources import load_templates
from kscaffold.template.stack import Template
from kscaffold.write import check_target, write_tree


@click.command()
@click.argument("what", metavar="[FILE|BLOCK|QUESTION:CHOICE]", required=False)
@click.option("--into", metavar="FOLDER", type=click.Path(), required=True, help="The overlay.")
@click.option(
    "--template", "source", metavar="SOURCE", default=BUILT_IN, help="What to override.  [builtin]"
)
@ref_option
def command(what: str | None, into: str, source: str, ref: str | None) -> None:
    """Write an overlay into FOLDER that overrides just FILE or BLOCK, or adds a choice.

    FILE is a path such as "package/data.py.jinja"; BLOCK is the name of a block, or FILE:BLOCK if
    several files have one of that name. QUESTION:CHOICE, such as "algorithm:vae", copies a choice
    as one of your own, "my-vae". Without any, the whole template is copied.
    `kscaffold template show` lists files and blocks.
    """
    if not into:
        raise AnswerError("is empty", key="--into", hint="give a folder, or . for the current one")
    template = load_templates([source], Path(), ref)
    folder = Path(into)
    chosen: tuple[str, ...] = ()
    # Undo what a killed run left there before looking at it.
    check_target(folder, force=True)
    if what is None:
        files = _everything(template, folder)
        write_tree(folder, files)
    else:
        choice = _choice(template, folder, what)
        files, hidden = (choice.files, []) if choice else _part(template, folder, what)
        chosen = choice.option if choice else ()
        for each in hidden:
            echo(f"note: {each}; your overlay takes precedence over it", err=True)
        # Templates should not contain backups.
        for backup in write_tree(folder, files, force=True).backups:
            with suppress(OSError):
                (folder / backup).unlink()
    for file in files:
        echo(str(folder / file.path))
    source = folder.as_posix() if "/" in folder.as_posix() else f"./{folder}"
    command = shell_join(["kscaffold", "new", "PATH", "--template", source, *chosen])
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
    """Return a template name for a folder; not that of the built-in template."""
    name = re.sub(r"[^\w.-]", "-", folder.absolute().name, flags=re.ASCII)
    name = name.lstrip("._-") or "template"
    return f"my-{name}" if name == BUILT_IN else name


@dataclass(frozen=True)
class _File:
    """A file that can be overridden: its layer, its path there, and the choice that has it.

    `is_chosen` is whether it counts with the default answers.
    """

    layer: Layer
    path: str
    choice: Part | None
    is_chosen: bool

    @property
    def target(self) -> str:
        """Its path in an overlay."""
        return f"{self.choice.folder}/{self.path}" if self.choice else self.path


def _files(template: Template) -> list[_File]:
    """Return the files of a template: those chosen by default first, from the top down."""
    answers = resolve(template.manifest, {}, prepare(template, "project").tools).values
    files = []
    for part in reversed(template.parts):
        choice = part if part.question else None
        is_chosen = choice is None or answers.get(part.question) in part.answers
        files += [_File(part.layer, path, choice, is_chosen) for path in part.layer.files()]
    return sorted(files, key=lambda file: not file.is_chosen)


def _blocks(files: Sequence[_File]) -> dict[str, tuple[_File, Block]]:
    """Return the blocks by FILE:BLOCK; of those with the same name, the highest."""
    named: dict[str, tuple[_File, Block]] = {}
    for file in files:
        for block in blocks_of(file.layer, file.path) if file.path.endswith(".jinja") else ():
            for path in {file.path, file.target} if file.is_chosen else {file.target}:
                named.setdefault(f"{path}:{block.name}", (file, block))
    return named


def _copy(files: Sequence[_File], what: str) -> tuple[_File, str | bytes] | None:
    """Return a file and its content, with the blocks that files above it override."""
    for file in files:
        if file.choice and file.target == what:
            return file, file.layer.read_bytes(file.path)
    above: list[_File] = []
    for file in (each for each in files if each.is_chosen and each.path == what):
        if extends(file.layer, what):
            above.append(file)
        elif not above:
            return file, file.layer.read_bytes(what)
        else:
            blocks = [block for each in above[::-1] for block in blocks_of(each.layer, what)]
            return file, functools.reduce(with_overridden, blocks, file.layer.read(what))
    return None


@dataclass(frozen=True)
class _Copy:
    """A choice under another name: the option that chooses it, and its files."""

    option: tuple[str, str]
    files: Tree


def _choice(template: Template, folder: Path, what: str) -> _Copy | None:
    """Return a copy of the choice that QUESTION:CHOICE names, and what an overlay needs beside it.

    A choice that asks questions, or lies in several layers, is extended: a question can be asked
    in one place only.
    """
    question, _, answer = what.partition(":")
    found = [part for part in template.parts if (part.question, part.answer) == (question, answer)]
    if not found or not found[0].is_offered:
        return None
    name = f"my-{answer}"
    target = f"{found[0].folder.rpartition('/')[0]}/{name}"
    if (folder / target).exists():
        raise TargetError("is there already", place=str(folder / target))
    layer, values = found[0].layer, found[0].values
    if len(found) > 1 or "questions" in values:
        about = f"[template]\ndescription = {quote(layer.description)}\n"
        files: Tree = (TreeFile(MANIFEST, f"extends = {quote(answer)}\n\n{about}"),)
    else:
        # Its rules and expressions name the choice.
        named = re.compile(rf"""({question}\s*==?\s*["']){re.escape(answer)}(?=["'])""")
        manifest = named.sub(rf"\g<1>{name}", layer.read(MANIFEST))
        copies = (TreeFile(path, layer.read_bytes(path)) for path in layer.files())
        files = (TreeFile(MANIFEST, manifest), *copies)
    copied = tuple(replace(file, path=f"{target}/{file.path}") for file in files)
    option = (f"--{question.replace('_', '-')}", name)
    return _Copy(option, (*_manifest(template, folder), *copied))


def _manifest(template: Template, folder: Path) -> Tree:
    """Return the manifest of the overlay, unless it has one."""
    text = f"extends = {quote(template.origins[-1].source)}\n"
    return () if (folder / MANIFEST).exists() else (TreeFile(MANIFEST, text),)


def _part(template: Template, folder: Path, what: str) -> tuple[Tree, list[str]]:
    """Return a file and the manifests that an overlay lacks, and what it then overrides."""
    files = _files(template)
    content: str | bytes
    block = None
    if copied := _copy(files, what):
        file, content = copied
        if (folder / file.target).exists():
            raise TargetError("is there already", place=str(folder / file.target))
    else:
        file, block = _block(files, what)
        content = overriding(block)
        if (folder / file.target).exists():
            content = _with_one_more(folder / file.target, block)
    missing = _manifest(template, folder)
    if file.choice and not (folder / file.choice.folder / MANIFEST).exists():
        about = f"[template]\ndescription = {quote(file.layer.description)}\n"
        missing = (*missing, TreeFile(f"{file.choice.folder}/{MANIFEST}", about))
    return (*missing, TreeFile(file.target, content)), _hidden(files, file, block)


def _hidden(files: Sequence[_File], file: _File, block: Block | None) -> list[str]:
    """Return which files of other choices override the same file of the base, or block of it.

    An overlay lies above the choices of the template that it extends.
    """
    what = "block" if block else "file"
    return [
        f"{other.target} overrides the same {what} for another choice"
        for other in files
        if not file.choice and not other.is_chosen and other.path == file.path
        if not block or block.name in {each.name for each in blocks_of(other.layer, other.path)}
    ]


def _with_one_more(path: Path, block: Block) -> str:
    overlay = Layer("", path.parent, f"{path.parent.as_posix()}/")
    text = overlay.read(path.name)
    if not re.match(rf'#: extends "([^/"]+/)?{re.escape(block.template)}"\n', text):
        reason = f"is there already, but does not extend {block.template}"
        raise TargetError(reason, place=str(path))
    if block.name in {each.name for each in blocks_of(overlay, path.name)}:
        raise TargetError(f"has the block {block.name!r} already", place=str(path))
    longer = with_block(text, block)
    return longer.replace("\n", "\r\n") if b"\r\n" in overlay.read_bytes(path.name) else longer


def _block(files: Sequence[_File], what: str) -> tuple[_File, Block]:
    """Find a block by its name, or by FILE:BLOCK; raises `AnswerError`."""
    named = _blocks(files)
    if what in named:
        return named[what]
    by_target = {
        f"{file.target}:{block.name}": (file, block)
        for file, block in named.values()
        if block.name == what
    }
    found = {name: each for name, each in by_target.items() if each[0].is_chosen} or by_target
    if len(found) > 1:
        hint = f"give one of {', '.join(found)}"
        raise AnswerError(f"{what!r} is a block of several files", hint=hint)
    if not found:
        paths = {path for file in files for path in (file.path, file.target)}
        choices = {f"{file.choice.question}:{file.choice.answer}" for file in files if file.choice}
        known = {*paths, *named, *choices, *(block.name for _, block in named.values())}
        hint = near(what, known) or "`kscaffold template show` lists them"
        raise AnswerError(f"no file or block {what!r}", hint=hint)
    return next(iter(found.values()))
