"""The checks that do not run a project's code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kscaffold.errors import KscaffoldError
from kscaffold.matrix.combinations import Given
from kscaffold.project.answers import Answers, resolve
from kscaffold.project.format import PYPROJECT, format_python, python_mistake, style_of
from kscaffold.project.pipeline import Scaffold, build_tree, choose, derived_values
from kscaffold.project.tree import Tree, TreeFile

CHECKS = ("renders", "parses", "black", "ruff", "imports", "trains")


@dataclass(frozen=True)
class Failure:
    """A check that a project does not pass; `kind` (by default `message`) is its identity."""

    check: str
    message: str
    details: tuple[str, ...] = ()
    kind: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Equal in all projects that have the failure."""
        return self.check, self.kind or self.message


@dataclass
class Project:
    """The project of one combination of answers; `files` are its Python files."""

    given: Given
    folder: Path
    answers: Answers | None = None
    files: dict[str, str] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    checked: set[str] = field(default_factory=set)

    def failed(self, check: str) -> list[Failure]:
        """Return the failures of a check."""
        return [failure for failure in self.failures if failure.check == check]

    def report(self, check: str, *failures: Failure) -> None:
        """Record that a check was made, and its failures."""
        self.checked.add(check)
        self.failures += failures


def render(scaffold: Scaffold, given: Given, folder: Path) -> Project:
    """Render a project into a folder, and check its Python files."""
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
        project.report("renders", Failure("renders", str(error), error.details))
        return project
    project.report("renders")
    _write(tree, folder)
    package = str(values.get("package", ""))
    style = style_of(next((file.text for file in tree if file.path == PYPROJECT), ""))
    for file in tree:
        if file.path.endswith(".py"):
            project.files[file.path] = file.text
            wrong = [*_parses(file)]
            project.report("parses", *wrong)
            if not wrong and file.path not in raw:
                stable = format_python(file.text, file.path, package, style) == file.text
                message = f"{file.path}: black would change its own output"
                project.report("black", *([] if stable else [Failure("black", message)]))
    return project


def _write(tree: Tree, folder: Path) -> None:
    for file in tree:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
        if file.executable:
            path.chmod(0o755)


def _parses(file: TreeFile) -> Iterator[Failure]:
    if mistake := python_mistake(file.text):
        reason, line = mistake
        lines = file.text.splitlines()[line - 1 : line]
        yield Failure("parses", f"{file.path}:{line}: {reason}", tuple(lines))


def ruff() -> list[str] | None:
    """Return the command that runs ruff; None if it is not installed."""
    if find_spec("ruff") is not None:
        # -P: it runs in a project, whose modules it must not import.
        return [sys.executable, "-P", "-m", "ruff"]
    found = shutil.which("ruff")
    return [found] if found else None


def run_ruff(command: Sequence[str], projects: Sequence[Project]) -> None:
    """Run ruff on all projects at once, each with its own settings."""
    folders = {str(project.folder.resolve()): project for project in projects}
    try:
        found = _ruff_json(command, projects[0].folder, folders)
    except ValueError as error:
        if len(projects) == 1:
            projects[0].report("ruff", Failure("ruff", str(error)))
            return
        # Ruff refuses the settings of one of them: find out which.
        for project in projects:
            run_ruff(command, [project])
        return
    for project in projects:
        project.report("ruff")
    for each in found:
        if each["code"] in (None, "invalid-syntax"):
            continue  # reported by "parses"
        folder = next(f for f in folders if each["filename"].startswith(f"{f}/"))
        path, row = each["filename"][len(folder) + 1 :], each["location"]["row"]
        what = f"{each['code']} {each['message']}"
        folders[folder].report("ruff", Failure("ruff", f"{path}:{row}: {what}", kind=what))


def _ruff_json(command: Sequence[str], first: Path, folders: Iterable[str]) -> list[Any]:
    """Return ruff's findings; raises `ValueError` if it fails."""
    result = subprocess.run(
        [*command, "check", "--quiet", "--no-cache", "--output-format", "json", *folders],
        capture_output=True,
        text=True,
        check=False,
        # So that a project without settings gets neither those of this folder nor the user's.
        cwd=first,
        env={**os.environ, "XDG_CONFIG_HOME": str(first)},
    )
    if result.returncode in (0, 1):
        return [*json.loads(result.stdout or "[]")]
    lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
    message = ": ".join(lines[:3]) or f"ruff ended with {result.returncode}"
    raise ValueError(message.replace(f"{first.resolve()}/", ""))
