"""What each project is held to that can be told without running it."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from kscaffold.errors import KscaffoldError
from kscaffold.matrix.combinations import Given
from kscaffold.project.answers import Answers, resolve
from kscaffold.project.format import format_python
from kscaffold.project.pipeline import Scaffold, build_tree, choose, derived_values
from kscaffold.project.style import PYPROJECT, Style, style_of
from kscaffold.project.tree import Tree

CHECKS = ("renders", "parses", "black", "ruff", "imports", "trains")


@dataclass(frozen=True)
class Failure:
    """A check that a project does not pass.

    Attributes:
        check: one of `CHECKS`.
        message: what is wrong, in a line.
        details: lines that show it.
        kind: what it has in common with the same failure elsewhere; by default the message.
    """

    check: str
    message: str
    details: tuple[str, ...] = ()
    kind: str = ""

    def is_like(self, other: Failure) -> bool:
        """Tell whether two failures are the same one, perhaps at another place."""
        return (self.check, self.kind or self.message) == (other.check, other.kind or other.message)


@dataclass
class Project:
    """A project of one combination of answers.

    Attributes:
        given: the answers that make it.
        folder: where it is written, if it could be rendered.
        files: the texts of its Python files, by path.
        failures: what is wrong with it.
        checked: the checks that were made.
    """

    given: Given
    folder: Path
    answers: Answers | None = None
    files: dict[str, str] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    checked: set[str] = field(default_factory=set)

    @property
    def is_rendered(self) -> bool:
        """Whether there is a project to look at."""
        return "renders" in self.checked and not self.failed("renders")

    def failed(self, check: str) -> list[Failure]:
        """Return what a check found."""
        return [failure for failure in self.failures if failure.check == check]

    def report(self, check: str, failures: Sequence[Failure] = ()) -> None:
        """Note that a check was made, and what it found."""
        self.checked.add(check)
        self.failures += failures


def render(scaffold: Scaffold, given: Given, folder: Path) -> Project:
    """Render a project into a folder, and look at its Python files."""
    project = Project(given, folder)
    try:
        answers = project.answers = resolve(scaffold.template.manifest, given, scaffold.tools)
        scaffold = choose(scaffold, answers)
        tree = build_tree(scaffold, answers)
        values = derived_values(scaffold, answers)
        raw = {
            scaffold.renderer.text(file.target, values)
            for file in scaffold.template.manifest.files
            if not (file.format and file.template.endswith(".jinja"))
        }
    except KscaffoldError as error:
        project.report("renders", [Failure("renders", str(error), error.details)])
        return project
    project.report("renders")
    _write(tree, folder)
    project.files = {file.path: file.text for file in tree if file.path.endswith(".py")}
    package, style = str(values.get("package", "")), _style(tree)
    for path, text in project.files.items():
        parsed = [*_parses(path, text)]
        project.report("parses", parsed)
        if not parsed and path not in raw:
            project.report("black", [*_is_stable(path, text, package, style)])
    return project


def _style(tree: Tree) -> Style:
    return style_of(next((file.text for file in tree if file.path == PYPROJECT), ""))


def _write(tree: Tree, folder: Path) -> None:
    for file in tree:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
        if file.executable:
            path.chmod(0o755)


def _parses(path: str, text: str) -> Iterator[Failure]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text, path)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        lines = text.splitlines()[line - 1 : line]
        yield Failure("parses", f"{path}:{line}: {error.args[0]}", tuple(lines))


def _is_stable(path: str, text: str, package: str, style: Style) -> Iterator[Failure]:
    if format_python(text, path, package, style) != text:
        yield Failure("black", f"{path}: black would change what it has formatted once")


def ruff() -> list[str] | None:
    """Return the command that runs ruff, or None where it is not installed."""
    if find_spec("ruff") is not None:
        # It runs in a project, whose own modules it must not import.
        return [sys.executable, "-P", "-m", "ruff"]
    found = shutil.which("ruff")
    return [found] if found else None


def run_ruff(command: Sequence[str], projects: Sequence[Project]) -> None:
    """Have ruff check all projects at once, each with its own settings."""
    folders = {str(project.folder.resolve()): project for project in projects}
    first = projects[0].folder
    result = subprocess.run(
        [*command, "check", "--quiet", "--no-cache", "--output-format", "json", *folders],
        capture_output=True,
        text=True,
        check=False,
        # A project without settings is checked without: neither with this folder's nor the user's.
        cwd=first,
        env={**os.environ, "XDG_CONFIG_HOME": str(first)},
    )
    if result.returncode not in (0, 1):
        if len(projects) > 1:
            # One of them has settings that ruff refuses: which one?
            for project in projects:
                run_ruff(command, [project])
            return
        lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
        message = ": ".join(lines[:3]) or f"ruff ended with {result.returncode}"
        message = message.replace(f"{first.resolve()}/", "")
        projects[0].report("ruff", [Failure("ruff", message)])
        return
    found: dict[str, list[Failure]] = {folder: [] for folder in folders}
    for each in json.loads(result.stdout or "[]"):
        if each["code"] in (None, "invalid-syntax"):
            continue  # another check finds that
        folder = next(f for f in found if each["filename"].startswith(f"{f}/"))
        path, row = each["filename"][len(folder) + 1 :], each["location"]["row"]
        what = f"{each['code']} {each['message']}"
        found[folder].append(Failure("ruff", f"{path}:{row}: {what}", kind=what))
    for folder, project in folders.items():
        project.report("ruff", found[folder])
