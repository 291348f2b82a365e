"""A template writes inside the project, under names that every system allows."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from kscaffold.errors import TemplateError
from kscaffold.safety.paths import check_distinct, check_path


@pytest.mark.parametrize(
    "path", ["a", "src/my_model/train.py", ".github/workflows/ci.yml", "ä/b c"]
)
def test_good_paths_pass(path: str) -> None:
    """A relative path of plain names is returned as it is."""
    assert check_path(path) == path


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/etc/passwd", "is not a name"),
        ("../outside", "is not a name"),
        ("a/../b", "is not a name"),
        ("a//b", "is not a name"),
        ("", "is not a name"),
        ("a\\b", "some systems"),
        ("C:b", "some systems"),
        ("a\nb", "some systems"),
        ("a/con.py", "device"),
        ("LPT1", "device"),
        ("a./b", "ends with a dot"),
        (" a", "space"),
        (".git/hooks/post-commit", "git's own folder"),
        (".GIT/config", "git's own folder"),
        (".g\u200cit/config", "git's own folder"),
        ("GIT~1/config", "git's own folder"),
        (".kscaffold/answers.toml", "kscaffold's own folder"),
        (".Kscaffold-work/journal", "kscaffold's own folder"),
    ],
)
def test_bad_paths_are_refused(path: str, reason: str) -> None:
    """A path that leaves the project, or that some system refuses, is named with the reason."""
    with pytest.raises(TemplateError, match=reason):
        check_path(path)


@given(path=st.text())
def test_what_passes_stays_inside(path: str) -> None:
    """Whatever the text, a path that passes names something below the project."""
    try:
        parts = check_path(path).split("/")
    except TemplateError:
        return
    assert parts
    assert not {"", ".", "..", ".git"} & {part.casefold() for part in parts}


@pytest.mark.parametrize(
    "paths",
    [
        ("README.md", "readme.md"),
        ("\u00e9", "e\u0301"),
        ("stra\u00dfe", "STRASSE"),
        ("a", "a/b"),
        ("x/A/b", "x/a"),
    ],
)
def test_paths_that_collide_somewhere_are_refused(paths: tuple[str, str]) -> None:
    """Two names that are one where case or Unicode form do not count are named."""
    with pytest.raises(TemplateError):
        check_distinct(paths)


def test_distinct_paths_pass() -> None:
    """Files beside and below each other are no collision."""
    check_distinct(["a/b", "a/c", "d", "a.b"])
