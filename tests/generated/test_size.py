"""Generated projects stay small enough to be read, and in the rooms that they have."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from tests.generated.golden_trees import PACKAGE, tree
from tests.projects import label, matrix, some

TOP_LINES = 850
SUBPACKAGE_LINES = 873
MODULE_LINES = 160
FUNCTION_LINES = 40
# Rooms that serve the project: what stands on top imports none of their private names.
ROOMS = {"runs", "fused"}


def modules(answers: dict[str, str | bool]) -> dict[PurePosixPath, str]:
    """Return the texts of the package's modules, by their place in it."""
    root = f"src/{PACKAGE}"
    return {
        PurePosixPath(file.path).relative_to(root): file.text
        for file in tree({**answers, "package": PACKAGE})
        if file.path.startswith(root)
    }


def lines(texts: Iterator[str]) -> int:
    """Return the number of lines in some texts."""
    return sum(len(text.splitlines()) for text in texts)


def test_default_project_fits_its_goal() -> None:
    """A default project has few lines on its top floor, and few in its subpackages."""
    found = modules({})
    assert lines(text for path, text in found.items() if len(path.parts) == 1) <= TOP_LINES
    assert lines(text for path, text in found.items() if len(path.parts) > 1) <= SUBPACKAGE_LINES
    assert {path.parts[0] for path in found if len(path.parts) > 1} == ROOMS


@pytest.mark.parametrize("target", ["species", "body_mass_g"])
def test_project_of_a_table_is_as_small(target: str) -> None:
    """What tables need more lies in a subpackage."""
    found = modules({"data": "csv", "data_path": "data/penguins.csv", "target": target})
    assert lines(text for path, text in found.items() if len(path.parts) == 1) <= TOP_LINES
    assert {path.parts[0] for path in found if len(path.parts) > 1} == {*ROOMS, "table"}


@pytest.mark.parametrize("answers", some(list(matrix())[::7], 2, pytest.mark.slow), ids=label)
def test_modules_and_functions_are_short(answers: dict[str, str | bool]) -> None:
    """No module and no function of any project is long."""
    for path, text in modules(answers).items():
        assert len(text.splitlines()) <= MODULE_LINES, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno is not None
                length = node.end_lineno - node.lineno + 1
                assert length <= FUNCTION_LINES, f"{path}: {node.name} has {length} lines"


def test_top_imports_nothing_private() -> None:
    """The top floor uses the public names of the rooms alone."""
    for path, text in modules({}).items():
        if len(path.parts) > 1:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
                private = [n for n in names if n.startswith("_") and n != "__main__"]
                assert not private, f"{path} imports {private}"
