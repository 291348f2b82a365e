"""The lines of a TOML file on which its tables and keys stand; `tomllib` tells none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

Key = tuple[str | int, ...]

_PART = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_NAME = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*(?P<open>\[\[?)\s*(?P<name>{_NAME})\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(rf"\s*(?P<name>{_NAME})\s*=(?P<rest>.*)$")
_TOKEN = re.compile(r"""\"{3}|'{3}|"(?:\\.|[^"\\])*"|'[^']*'|#.*|[\[{\]}]""")


def index(text: str) -> dict[Key, int]:
    """Return the line of each table and key, such as ("files", 2, "when"): 41.

    Entries of an array of tables are numbered from 0. What stands in an inline table has no line
    of its own here.
    """
    lines: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    table: Key = ()
    for number, header, name in _statements(text):
        key = _parts(name)
        if header == "[[":
            counts[key] = counts.get(key, -1) + 1
            table = (*key, counts[key])
        elif header == "[":
            # A table below an array of tables belongs to the latest entry.
            first = key[:1]
            table = (*first, counts[first], *key[1:]) if first in counts else key
        path = table if header else (*table, *key)
        for length in range(1, len(path) + 1):
            lines.setdefault(path[:length], number)
    return lines


def line_of(lines: Mapping[Key, int], key: Key) -> int:
    """Return the line of a key, or of the nearest table around it; else the first line."""
    return next((lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in lines), 1)


def _statements(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield number, "[[", "[" or "", and the name of each line that begins a table or a key."""
    quote, depth = "", 0
    for number, line in enumerate(text.split("\n"), start=1):
        rest = line
        if not quote and depth == 0:
            if header := _HEADER.match(line):
                yield number, header["open"], header["name"]
                continue
            if not (key := _KEY.match(line)):
                continue
            yield number, "", key["name"]
            rest = key["rest"]
        quote, depth = _state(rest, quote, depth)


def _state(rest: str, quote: str, depth: int) -> tuple[str, int]:
    """Return the quotes and the number of brackets that are open at the end of a line."""
    position = 0
    while True:
        if quote:
            end = rest.find(quote, position)
            if end < 0:
                return quote, depth
            quote, position = "", end + 3
        token = _TOKEN.search(rest, position)
        if not token:
            return quote, depth
        position = token.end()
        if token[0] in ('"""', "'''"):
            quote = token[0]
        else:
            depth += (token[0] in "[{") - (token[0] in "]}")


def _parts(name: str) -> Key:
    return tuple(part.strip("\"'") for part in re.findall(_PART, name))
