"""Print to the terminal, and show progress; control characters in untrusted text are escaped."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import click

from kscaffold.errors import KscaffoldError
from kscaffold.hints import visible

# A smaller table is looked at before a bar could be read.
_SHOWN_FROM = 5_000_000
_STEPS = 100


class OutputError(KscaffoldError):
    """Output that cannot be written, such as to a full disk."""


class Styled:
    """A text to print with a style, given as to `click.style`."""

    def __init__(self, text: str, **look: Any) -> None:
        self.text, self.look = text, look


def echo(*parts: str | Styled, err: bool = False, nl: bool = True, keep: str = "") -> None:
    """Print parts of a line; invisible characters are escaped, except those to keep."""
    _print("".join(_rendered(part, keep) for part in parts), err=err, nl=nl)


def _rendered(part: str | Styled, keep: str) -> str:
    if isinstance(part, str):
        return visible(part, keep)
    text = visible(part.text, keep)
    return click.style(text, **part.look) if text and any(part.look.values()) else text


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows as lines with aligned columns."""
    shown = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))


def echo_json(value: Any, indent: int | None = None) -> None:
    """Print a value as JSON in ASCII."""
    # DEL is the one control character that JSON does not escape.
    _print(json.dumps(value, indent=indent).replace("\x7f", "\\u007f"), err=False, nl=True)


def _print(text: str, *, err: bool, nl: bool) -> None:
    try:
        click.echo(text, err=err, nl=nl)
    except OSError as error:
        close(sys.stderr if err else sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise  # the reader has seen enough
        name = "standard error" if err else "standard output"
        raise OutputError(f"{name} cannot be written: {error.strerror}") from None


def close(stream: TextIO) -> None:
    """Discard the buffer of a stream, since flushing it would fail again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextlib.contextmanager
def table_bar(path: Path) -> Iterator[Callable[[float], None]]:
    """Show on a terminal how far a large table has been read, on stderr."""
    is_small = not path.is_file() or path.stat().st_size < _SHOWN_FROM
    hidden = is_small or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb"
    label = "Looking at the table"
    with click.progressbar(length=_STEPS, label=label, file=sys.stderr, hidden=hidden) as bar:
        yield lambda fraction: bar.update(int(fraction * _STEPS) - bar.pos)
        bar.update(_STEPS - bar.pos)


def shell_join(words: Iterable[str]) -> str:
    """Return a shell command; invisible characters are escaped as bash and zsh do."""
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
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a path that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\U{code:08x}"
