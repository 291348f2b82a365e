"""TOML as somebody wrote it, which may be anything."""

from __future__ import annotations

import tomllib
from typing import Any


class TomlError(ValueError):
    """A text that is no TOML, or bytes that are no UTF-8; tells why."""


def parse_toml(content: bytes | str) -> dict[str, Any]:
    """Read TOML; raises `TomlError`."""
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        return tomllib.loads(text)
    except ValueError as error:  # some numbers raise no TOMLDecodeError
        raise TomlError(str(error)) from None
    except RecursionError:
        raise TomlError("lists or tables lie too deep in each other") from None
