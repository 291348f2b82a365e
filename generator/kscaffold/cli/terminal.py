"""The one way out to a terminal: what a stranger wrote is shown there, and does nothing to it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from typing import Any, NamedTuple

import click

from kscaffold.text import visible


class Styled(NamedTuple):
    """A text and how it looks, as `click.style` takes it."""

    text: str
    look: dict[str, Any]


def styled(text: str, **look: Any) -> Styled:
    """Return a text to print in colour, bold and so on."""
    return Styled(text, look)


def echo(*parts: str | Styled, err: bool = False, nl: bool = True, keep: str = "") -> None:
    """Print parts of a line; characters that are not seen are spelt out, but for those to keep."""
    line = "".join(
        (
            visible(part, keep)
            if isinstance(part, str)
            else click.style(visible(part.text, keep), **part.look)
        )
        for part in parts
    )
    click.echo(line, err=err, nl=nl)


def echo_json(value: Any, indent: int | None = None) -> None:
    """Print a value as JSON in ASCII, in which DEL is the one control that JSON leaves as it is."""
    click.echo(json.dumps(value, indent=indent).replace("\x7f", "\\u007f"))


def shell_join(words: Iterable[str]) -> str:
    """Return a command for a shell; what is not seen is written as bash and zsh have it."""
    return " ".join(map(_shell_word, words))


def _shell_word(word: str) -> str:
    if visible(word) == word:
        return shlex.quote(word)
    return f"$'{''.join(map(_shell_character, word))}'"


def _shell_character(character: str) -> str:
    code = ord(character)
    if character in "'\\":
        return f"\\{character}"
    if visible(character) == character:
        return character
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a path that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\U{code:08x}"
