"""The keys of a manifest that kscaffold.toml does not have, by its JSON schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from kscaffold.lint.lines import Key

SCHEMA = Path(__file__).parents[1] / "schema.json"


def unknown_keys(values: Any) -> Iterator[tuple[Key, frozenset[str]]]:
    """Yield each unknown key of a manifest's values, with those that its table has."""
    return _unknown(values, _schema(), ())


def without(values: Any, keys: frozenset[Key], path: Key = ()) -> Any:
    """Return a manifest's values without some keys."""
    if isinstance(values, list):
        return [without(value, keys, (*path, n)) for n, value in enumerate(values)]
    if isinstance(values, dict):
        return {
            key: without(value, keys, (*path, key))
            for key, value in values.items()
            if (*path, key) not in keys
        }
    return values


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return schema


def _unknown(
    values: Any, schema: dict[str, Any], path: Key
) -> Iterator[tuple[Key, frozenset[str]]]:
    if isinstance(values, list):
        for number, value in enumerate(values):
            yield from _unknown(value, schema.get("items", {}), (*path, number))
    if isinstance(values, dict):
        known = schema.get("properties", {})
        others = schema.get("additionalProperties", {})
        for key, value in values.items():
            if key in known or others is not False:
                yield from _unknown(value, known.get(key, others), (*path, key))
            else:
                yield (*path, key), frozenset(known)
