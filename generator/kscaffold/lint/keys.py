"""The keys that kscaffold.toml has, and those that are none of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from kscaffold.lint.lines import Key
from kscaffold.manifest import After, File, Inspection, Question, Rule

TABLES = ("questions", "placeholders", "derived", "folders", "messages", "test")
ARRAYS = ("rules", "files", "after")
ANY = "*"


def _names(kind: type) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind))


# Keys by table; "*" stands for any name, or for any number in an array of tables.
KNOWN: dict[Key, frozenset[str]] = {
    (): frozenset({"template", "extends", "remove", *TABLES, *ARRAYS}),
    ("template",): frozenset({"name", "description", "minimum_version"}),
    ("questions", ANY): _names(Question) - {"name"} | {"after"},
    ("questions", ANY, "inspect"): _names(Inspection),
    ("rules", ANY): _names(Rule),
    ("files", ANY): _names(File) - {"executable"} | {"mode"},
    ("after", ANY): _names(After),
    ("messages",): frozenset({"before", "after"}),
    ("test",): frozenset({"train", "needs"}),
}


def unknown_keys(values: Any) -> Iterator[tuple[Key, frozenset[str]]]:
    """Yield each unknown key of a manifest's values, with those that its table has."""
    for table, known in KNOWN.items():
        for path, found in _tables(values, table, ()):
            yield from (((*path, key), known) for key in found if key not in known)


def _tables(values: Any, table: Key, path: Key) -> Iterator[tuple[Key, dict[str, Any]]]:
    if not table:
        if isinstance(values, dict):
            yield path, values
    elif table[0] != ANY:
        if isinstance(values, dict) and table[0] in values:
            yield from _tables(values[table[0]], table[1:], (*path, table[0]))
    else:
        entries = enumerate(values) if isinstance(values, list) else _items(values)
        for key, below in entries:
            yield from _tables(below, table[1:], (*path, key))


def _items(values: Any) -> Any:
    return values.items() if isinstance(values, dict) else ()
