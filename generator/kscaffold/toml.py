"""TOML as somebody wrote it, which may be anything."""

from __future__ import annotations

import tomllib
from typing import Any

# Lists and tables in each other: deeper than anybody writes, and less than Python can print.
DEEPEST = 100


class TomlError(ValueError):
    """A text that is no TOML, or bytes that are no UTF-8; tells why."""


def parse_toml(content: bytes | str) -> dict[str, Any]:
    """Read TOML; raises `TomlError`."""
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        values = tomllib.loads(text)
    except ValueError as error:  # some numbers raise no TOMLDecodeError
        raise TomlError(str(error)) from None
    except RecursionError:
        raise TomlError("lists or tables lie too deep in each other") from None
    _check_depth(values)
    return values


def _check_depth(values: dict[str, Any]) -> None:
    level: list[Any] = [values]
    for _ in range(DEEPEST):
        level = [
            each
            for value in level
            for each in (value.values() if isinstance(value, dict) else value)
            if isinstance(each, (dict, list))
        ]
    if level:
        raise TomlError("lists or tables lie too deep in each other")
