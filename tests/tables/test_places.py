"""A project finds its table: from any folder, and after both moved together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kscaffold.project.filters import seen_from
from tests.projects import generate
from tests.tables.makers import PLAIN, write


@pytest.mark.parametrize(
    ("path", "folder", "seen"),
    [
        ("/a/data/t.csv", "/a/b/project", "../../data/t.csv"),
        ("/a/project/data/t.csv", "/a/project", "data/t.csv"),
        ("/data/t.csv", "/a/project", "/data/t.csv"),
        ("data/wine.csv", "/a/project", "data/wine.csv"),
    ],
)
def test_path_is_seen_from_the_project(path: str, folder: str, seen: str) -> None:
    """It is relative where the two share a folder, and else absolute."""
    assert seen_from(path, folder) == seen


def configured(folder: Path) -> str:
    """Return the line of a project's config.py that names the table."""
    text = (folder / "src" / "placed" / "config.py").read_text(encoding="utf-8")
    return text.split(" data_path:")[1].split('"""')[0]


def test_link_to_the_project_makes_no_difference(tmp_path: Path) -> None:
    """The way up starts at the folder itself, not at a link to it."""
    (tmp_path / "deep" / "down").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "down")
    table = write(tmp_path, "t.csv", PLAIN)
    answers = {"data": "csv", "data_path": str(table), "package": "placed"}
    folder = generate(tmp_path / "link" / "project", answers)
    assert '"../../../t.csv"' in configured(folder)


@pytest.mark.slow
@pytest.mark.parametrize("copied", [False, True])
def test_project_and_table_move_together(copied: bool, tmp_path: Path) -> None:
    """The path in config.py is relative, and starts at the project wherever a command runs."""
    pytest.importorskip("pandas")
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    table = write(before, "t.csv", PLAIN)
    answers = {"data": "csv", "data_path": str(table), "package": "placed"}
    folder = generate(before / "project", {**answers, "copy_data": copied})
    assert ('"data/t.csv"' if copied else '"../t.csv"') in configured(folder)
    before.rename(after)
    if copied:
        (after / "t.csv").unlink()
    program = (
        "from placed.config import Config; from placed.data import load_data;"
        " print(load_data(Config()).train.num_rows)"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(after / "project" / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(found.stdout) == 84
