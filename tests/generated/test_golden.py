"""A change of the templates shows as a diff of what they write."""

from __future__ import annotations

import itertools
from pathlib import Path

import black
import pytest

from kscaffold.project import format as formatting
from kscaffold.project import known
from tests.generated.golden_trees import GOLDEN, PACKAGE, TREES, formatted_texts, golden, tree
from tests.projects import covering, matrix, some

REFRESH = "after a change of the templates, run `make golden` and read the diff"


@pytest.mark.parametrize("name", TREES)
def test_tree_is_as_recorded(name: str) -> None:
    """The tree of these answers is the one under tests/golden."""
    folder = GOLDEN / name
    recorded = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert {file.path: file.text for file in golden(TREES[name])} == recorded, REFRESH


@pytest.mark.slow
def test_few_combinations_cover_all_files() -> None:
    """Every Python text of the whole matrix is one of those that are listed."""
    digests = set(known.FORMATTED.read_text(encoding="ascii").split())
    for answers in itertools.islice(matrix(), 0, None, 7):
        for file in tree({**answers, "package": PACKAGE}):
            assert not file.path.endswith(".py") or known.digest(file.text, PACKAGE) in digests


def without_black(_: str, template: str, __: object) -> str:
    """Stand in for black where it should not be needed."""
    pytest.fail(f"{template}: not in black's form as it is rendered; {REFRESH}")


@pytest.mark.slow
@pytest.mark.skipif(not known.known_digests(), reason="the list is for another black")
@pytest.mark.parametrize("package", some(["z" * formatting.LONGEST, "zq"], 2))
def test_built_in_template_needs_no_black(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that the built-in template renders to is listed, and is in black's form as it is."""
    monkeypatch.setattr(formatting, "_formatted", without_black)
    texts = set()
    for answers in covering():
        for file in tree({**answers, "package": package}):
            if file.path.endswith(".py"):
                texts.add(file.text)
    assert len(texts) == len(formatted_texts())
    # The others are those of every matrix, which are held against black in any case.
    for text in texts - formatted_texts():
        assert black.format_str(text, mode=black.Mode()) == text


def test_another_black_formats_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a black of another year, the list counts for nothing."""
    monkeypatch.setattr(known, "black_version", lambda: "99.1")
    known.known_digests.cache_clear()
    try:
        assert not known.known_digests()
    finally:
        known.known_digests.cache_clear()


@pytest.mark.slow
def test_list_names_a_year_and_digests() -> None:
    """The list is what `digest` makes, and no line of it is idle."""
    year, *digests = Path(known.FORMATTED).read_text(encoding="ascii").split()
    assert year.isdigit()
    assert set(digests) == {known.digest(text, PACKAGE) for text in formatted_texts()}, REFRESH
