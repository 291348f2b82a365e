"""Every legal combination of answers gives a project that is clean at once."""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
import sys
from pathlib import Path

import black
import pytest

from tests.generated.golden_trees import tree
from tests.projects import DISTRIBUTIONS, LICENSES, distributed, label, matrix, some

pytestmark = pytest.mark.slow

PACKAGE = "project_xyz"


@pytest.fixture(scope="module", params=some(["none", *reversed(DISTRIBUTIONS)], 2))
def projects(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Render each combination, in a package of its own so that all can be checked together.

    The packages' names, of one length, are put in afterwards: then each file is compiled once.
    """
    folder = tmp_path_factory.mktemp("matrix")
    licenses = itertools.cycle(LICENSES)
    projects = {}
    combinations = matrix() if request.param == "none" else list(distributed(request.param))[::4]
    for number, answers in enumerate(combinations):
        project = projects[label(answers)] = folder / f"project-{number}"
        for file in tree({**answers, "package": PACKAGE, "license": next(licenses)}):
            path = project / file.path.replace(PACKAGE, f"project_{number:03}")
            path.parent.mkdir(parents=True, exist_ok=True)
            text = file.text.replace(PACKAGE, f"project_{number:03}")
            path.write_text(text, encoding="utf-8")
    return projects


def python_files(projects: dict[str, Path]) -> dict[str, Path]:
    """Return one file for each distinct text, since most are the same in many projects."""
    return {
        re.sub(r"project_\d{3}", PACKAGE, path.read_text(encoding="utf-8")): path
        for folder in projects.values()
        for path in folder.rglob("*.py")
    }


def test_python_parses_and_is_in_black_form(projects: dict[str, Path]) -> None:
    """Every Python file is valid and equals its own black form."""
    for text, path in python_files(projects).items():
        ast.parse(text, str(path))
        assert black.format_str(text, mode=black.Mode()) == text, path


def test_projects_lint_clean(projects: dict[str, Path]) -> None:
    """Ruff finds nothing, with the rules of the projects themselves."""
    folders = [str(folder) for folder in projects.values()]
    result = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--quiet", *folders],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[:4000]


@pytest.mark.parametrize("part", some(range(5), 5))
def test_projects_type_check(projects: dict[str, Path], part: int, tmp_path: Path) -> None:
    """Mypy finds nothing, with the projects' own strict settings."""
    first = next(iter(projects.values()))
    packages = [str(next((folder / "src").iterdir())) for folder in projects.values()][part::5]
    result = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--config-file", str(first / "pyproject.toml")),
            *("--cache-dir", str(tmp_path), *packages),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[:4000]
