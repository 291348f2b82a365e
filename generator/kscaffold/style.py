"""How a project wants its Python written: what its pyproject.toml says to black."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from kscaffold.errors import TemplateError
from kscaffold.toml import TomlError, parse_toml

PYPROJECT = "pyproject.toml"


@dataclass(frozen=True)
class Style:
    """The settings of black that change what it writes, by the names that black has for them.

    Attributes:
        line_length: in characters.
        skip_string_normalization: whether quotes stay as they are.
        skip_magic_trailing_comma: whether a comma at the end does not keep lines apart.
        preview: whether black writes what it may write next year.
        target_version: the versions of Python to write for, such as "py311".
    """

    line_length: int = 88
    skip_string_normalization: bool = False
    skip_magic_trailing_comma: bool = False
    preview: bool = False
    target_version: tuple[str, ...] = ("py311",)


DEFAULT = Style()


def style_of(text: str) -> Style:
    """Return the style that the text of a project's pyproject.toml asks for.

    Raises:
        TemplateError: a setting is of another type than black takes.
    """
    if "black" not in text:
        return DEFAULT
    try:
        said = parse_toml(text).get("tool", {}).get("black", {})
    except (TomlError, AttributeError):
        return DEFAULT
    known = {key.replace("-", "_"): value for key, value in said.items()}
    return Style(
        **{
            field.name: _checked(field.name, known[field.name])
            for field in fields(Style)
            if field.name in known
        }
    )


def _checked(name: str, value: Any) -> Any:
    default = getattr(DEFAULT, name)
    if isinstance(default, tuple) and isinstance(value, list):
        value = tuple(map(str, value))
    if type(value) is not type(default):
        kind = "list" if isinstance(default, tuple) else type(default).__name__
        key = name.replace("_", "-")
        raise TemplateError(
            f"{PYPROJECT}: [tool.black]: {key} must be of type {kind}, not {value!r}"
        )
    return value
