"""Templates stay readable: few conditions, none inside another, and valid Python."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.projects import ROOT

TEMPLATES = sorted((ROOT / "templates").rglob("*.jinja"))
STATEMENT = re.compile(r"^[ \t]*#:[ \t]*(?P<word>\w+)[ \t]*(?P<rest>.*)$", re.MULTILINE)
INLINE = re.compile(r"{%.*?%}", re.DOTALL)


def names(path: Path) -> str:
    """Return a template's place, for a test's id."""
    return path.relative_to(ROOT / "templates").as_posix()


@pytest.mark.parametrize("path", TEMPLATES, ids=names)
def test_conditions_are_few_flat_and_bare(path: Path) -> None:
    """At most 4 conditions in 100 lines, or 2 in a short file; bare names; depth 1."""
    text = path.read_text(encoding="utf-8")
    depth, conditions = 0, 0
    for statement in STATEMENT.finditer(text):
        if statement["word"] == "if":
            conditions, depth = conditions + 1, depth + 1
            assert re.fullmatch(r"\w+", statement["rest"]), statement[0]
        elif statement["word"] == "elif":
            pytest.fail(f"a choice of several belongs into the manifest: {statement[0]}")
        elif statement["word"] == "endif":
            depth -= 1
        assert depth in (0, 1), f"a condition inside another: {statement[0]}"
    assert depth == 0
    assert conditions <= max(2, 0.04 * len(text.splitlines()))
    assert not INLINE.search(text), "statements are lines of their own"


@pytest.mark.parametrize(
    "path", [path for path in TEMPLATES if path.name.endswith(".py.jinja")], ids=names
)
def test_python_templates_are_valid_python(path: Path) -> None:
    """Editors, ruff and black can read a template as it stands."""
    ast.parse(path.read_text(encoding="utf-8"), str(path))
