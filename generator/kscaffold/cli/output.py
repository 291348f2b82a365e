"""The output of `kscaffold new` for people: the tree, the differences, the next steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from kscaffold.cli.terminal import Styled, echo, shell_join
from kscaffold.project.answers import Answers, spelled
from kscaffold.project.tree import Tree, TreeFile, is_text
from kscaffold.safety.files import read_regular
from kscaffold.template.manifest import Value
from kscaffold.template.overlays import MAX_FILE
from kscaffold.template.parts import BUILT_IN
from kscaffold.template.stack import Template

COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def print_tree(root: Path, tree: Tree) -> None:
    """Print the files as a tree, folders first."""
    folders: dict[str, Any] = {}
    for file in tree:
        folder = folders
        *parents, name = file.path.split("/")
        for parent in parents:
            folder = folder.setdefault(parent, {})
        folder[name] = None
    for line in (f"{root}/", *_branches(folders, "")):
        echo(line)


def _branches(folder: dict[str, Any], indent: str) -> Iterator[str]:
    entries = sorted(folder.items(), key=lambda entry: (entry[1] is None, entry[0]))
    for name, below in entries:
        last = name == entries[-1][0]
        yield f"{indent}{'└── ' if last else '├── '}{name}{'/' if below else ''}"
        yield from _branches(below or {}, indent + ("    " if last else "│   "))


def print_diff(target: Path, tree: Tree) -> None:
    """Print how each file would change; new files are printed in full."""
    for file in tree:
        before: bytes | None = None
        with suppress(OSError):  # no regular file is there
            before = read_regular(target / file.path, MAX_FILE)
        if before == file.data:
            continue
        if file.secret:
            echo(f"{file.path} holds a secret, so it is not shown")
        elif not is_text(file.data) or not is_text(before or b""):
            echo(f"binary file {file.path} {'is new' if before is None else 'differs'}")
        else:
            _print_changes(file, before)


def _print_changes(file: TreeFile, before: bytes | None) -> None:
    import difflib
    import io

    # Only a line feed ends a line of a patch, unlike in `str.splitlines`.
    lines = difflib.unified_diff(
        io.StringIO((before or b"").decode(), newline="\n").readlines(),
        io.StringIO(file.text, newline="\n").readlines(),
        f"a/{file.path}" if before is not None else "/dev/null",
        f"b/{file.path}",
    )
    for line in lines:
        end = "" if line.endswith("\n") else "\n\\ No newline at end of file\n"
        echo(Styled(line, fg=COLOURS.get(line[0])), end, nl=False, keep="\t\n")


def print_summary(
    target: Path, answers: Answers, tree: Tree, template: Template, *, git: bool
) -> None:
    """Print what was written, the next steps, and the command that makes the same project."""
    enter = "" if target == Path() else f"{shell_join(['cd', _word(target)])} && "
    print_tree(target, tree)
    if template.origins[0].kind == BUILT_IN:  # other templates have messages of their own
        echo("\nGo on with", keep="\n")
        echo(f"  {enter}pip install -e .")
        echo(f"  python -m {answers.values['package']} train")
    echo("\nThe same project again, without questions", keep="\n")
    echo(f"  {recreate_command(target, answers, template, git=git)}")


def recreate_command(target: Path, answers: Answers, template: Template, *, git: bool) -> str:
    """Return the shell command that makes the same project."""
    words = ["kscaffold", "new", _word(target), "--defaults"]
    for origin in template.origins:
        words += ["--template", origin.source] if origin.kind != BUILT_IN else []
        words += ["--ref", origin.commit] if origin.commit else []
    # The default name of "." depends on the current folder.
    named = {} if target.name.strip(".") else {"name": answers.values.get("name")}
    for name, value in {**named, **answers.chosen}.items():
        if value is not None:
            question = template.manifest.questions.get(name)
            is_list = question is not None and question.type == "list"
            words += _option(name.replace("_", "-"), value, is_list=is_list)
    return shell_join([*words, *([] if git else ["--no-git"])])


def _word(path: Path) -> str:
    """Return a path as an argument that no command takes for an option."""
    return f"./{path}" if str(path).startswith("-") else str(path)


def _option(name: str, value: Value, *, is_list: bool) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    if isinstance(value, tuple) and is_list:
        return [word for each in value for word in _option(name, each, is_list=False)]
    text = spelled(value)
    # Which options take a value depends on the template, which is not loaded yet.
    return [f"--{name}={text}"] if text.startswith("-") else [f"--{name}", text]
