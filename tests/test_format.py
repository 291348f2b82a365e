"""Python that a template renders is formatted, or refused if it is no Python."""

from __future__ import annotations

import pytest

from kscaffold.errors import TemplateError
from kscaffold.format import digest, format_python


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


def test_digest_leaves_the_package_open() -> None:
    """Texts that differ in the package's name alone have one digest."""
    one, other = "from alpha.a import b\nalphabet = 1\n", "from beta.a import b\nalphabet = 1\n"
    assert digest(one, "alpha") == digest(other, "beta")
    assert digest(one, "alpha") != digest(one.replace("alphabet", "beta"), "alpha")
