"""Python that a template renders is formatted, or refused if it is no Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from kscaffold.errors import TemplateError
from kscaffold.project import format as formatting
from kscaffold.project import known
from kscaffold.project.format import DEFAULT, Style, format_python, style_of
from kscaffold.project.known import digest


def test_python_gets_blacks_form() -> None:
    """What is not in black's form is brought into it."""
    assert format_python("x  = {  'a':1 }", "a.py.jinja") == 'x = {"a": 1}\n'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = 1\ny = = 2\n", r"a\.py\.jinja: renders to invalid Python, line 2: .*: 'y = = 2'"),
        ("return 1\n", "line 1: 'return' outside function"),
        ("x = '\x00'", "null bytes"),
        ("def f():\nx\n", "line 2"),
    ],
)
def test_what_is_no_python_is_named(text: str, reason: str) -> None:
    """A template that renders to no Python: its name, line and text."""
    with pytest.raises(TemplateError, match=reason):
        format_python(text, "a.py.jinja")


LONG = "alphabetical = dict(first_of_all='1', second_of_all='2', third_of_all='3', last='4',)\n"


def style(settings: str) -> Style:
    """The style of a project with these settings of black."""
    return style_of(f"[tool.black]\n{settings}\n")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("line-length = 100\nskip-magic-trailing-comma = true", LONG.replace("'", '"')),
        ("skip_string_normalization = true\nskip_magic_trailing_comma = true", "first_of_all='1'"),
        ('target-version = ["py312"]', '\n    first_of_all="1",\n'),
        ("exclude = 'x'", '\n    first_of_all="1",\n'),
    ],
)
def test_a_project_says_how_black_writes(settings: str, expected: str) -> None:
    """In its own pyproject.toml, as it says to black itself."""
    written = format_python(LONG, "a.py.jinja", style=style(settings))
    assert expected.replace(",)", ")") in written


def test_a_project_without_settings_has_blacks_own() -> None:
    """As has one whose pyproject.toml is no TOML: black itself will say so."""
    assert style_of("") == DEFAULT
    assert style_of("[tool.black]\nx = [\n") == DEFAULT
    assert style_of("[tool.blackish]\npreview = true") == DEFAULT


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("line-length = 'long'", "line-length: must be an integer, not 'long'"),
        ("preview = 1", "preview: must be true or false, not 1"),
        ("target-version = 'py311'", "target-version: must be a list of strings, not 'py311'"),
        ("target-version = ['py999']", "black knows no 'PY999'"),
    ],
)
def test_settings_that_black_does_not_take_are_named(settings: str, reason: str) -> None:
    """With the file and the table."""
    with pytest.raises(TemplateError, match=rf"pyproject\.toml: \[tool\.black\]:? {reason}"):
        format_python("x = 1\n", "a.py.jinja", style=style(settings))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; returns the folder of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(formatting, "_formatted", formatting._formatted.__wrapped__)
    return tmp_path / "kscaffold"


def without_black(*_: str) -> str:
    """Stand in for black where it should not be needed."""
    pytest.fail("black is needed")


def again(text: str, package: str = "") -> str:
    """Format a text as the next process would."""
    known._cached.cache_clear()
    return format_python(text, "a.py.jinja", package)


def test_a_text_in_blacks_form_needs_black_once(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the package is called."""
    assert again("import one.b\n", "one") == "import one.b\n"
    monkeypatch.setattr(formatting, "_formatted", without_black)
    assert again("import two.b\n", "two") == "import two.b\n"
    assert len(list(cache.iterdir())) == 1


def test_a_text_in_another_form_is_formatted_each_time(cache: Path) -> None:
    """It is not remembered."""
    for _ in range(2):
        assert again("x  =  1\n") == "x = 1\n"
    assert not cache.exists()


@pytest.mark.usefixtures("cache")
def test_another_black_remembers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each version has a cache of its own."""
    again("x = 1\n")
    monkeypatch.setattr(known, "black_version", lambda: "99.1")
    monkeypatch.setattr(formatting, "_formatted", lambda text, *_: text.upper())
    assert again("x = 1\n") == "X = 1\n"


@pytest.mark.parametrize("content", [b"\xff\n", b"", b"\0" * 2_000_000])
def test_a_damaged_cache_does_no_harm(cache: Path, content: bytes) -> None:
    """Nor is one that cannot be written."""
    assert again("x = 1\n") == "x = 1\n"
    [file] = cache.iterdir()
    file.write_bytes(content)
    assert again("x  = 1\n") == "x = 1\n"
    assert again("y = 1\n") == "y = 1\n"
    assert file.stat().st_size < 1_000
    file.unlink()
    file.mkdir()
    assert again("z = 1\n") == "z = 1\n"


def test_digest_leaves_the_package_open() -> None:
    """Texts that differ in the package's name alone have one digest."""
    one, other = "from alpha.a import b\nalphabet = 1\n", "from beta.a import b\nalphabet = 1\n"
    assert digest(one, "alpha") == digest(other, "beta")
    assert digest(one, "alpha") != digest(one.replace("alphabet", "beta"), "alpha")
