"""Find the lines of the tables and keys of a TOML file, which `tomllib` does not tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kscaffold.toml import TomlError, parse_toml

Key = tuple[str | int, ...]
# Of one value; each line more has all of it parsed again.
MOST_LINES = 200


def index(text: str) -> dict[Key, int]:
    """Return the line of each table and key, such as ("files", 2, "when"): 41.

    Entries of an array of tables are counted from 0. Keys in lists of inline tables are left out.
    """
    lines: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    table: Key = ()
    for number, statement, values in _statements(text):
        paths = [(*table, *path) for path in _paths(values)]
        if statement.lstrip().startswith("["):
            key = [*_paths(values)][-1]
            # A table inside an array of tables belongs to the last entry.
            table = (*key[:1], counts[key[:1]], *key[1:]) if key[:1] in counts else key
            if statement.lstrip().startswith("[["):
                counts[key] = counts.get(key, -1) + 1
                table = (*key, counts[key])
            paths = [table]
        for path in paths:
            for length in range(1, len(path) + 1):
                lines.setdefault(path[:length], number)
    return lines


def line_of(lines: Mapping[Key, int], key: Key) -> int:
    """Return the line of a key or of the innermost known table around it, else 1."""
    return next((lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in lines), 1)


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield line, text and values of each header and key, each of which is valid TOML."""
    lines, start = text.split("\n"), 0
    for end in range(1, len(lines) + 1):
        statement = "\n".join(lines[start:end])
        try:
            if values := parse_toml(statement):
                yield start + 1, statement, values
        except TomlError:
            if end - start < MOST_LINES:
                continue
        start = end


def _paths(values: Mapping[str, Any]) -> Iterator[Key]:
    """Yield the keys of a table and of the tables inside it, outer ones first."""
    for key, value in values.items():
        yield (key,)
        if isinstance(value, dict):
            yield from ((key, *path) for path in _paths(value))
