"""How a project wants its Python written: what its pyproject.toml says to black."""

from __future__ import annotations

import msgspec

from kscaffold.errors import Place
from kscaffold.toml import TomlError, parse_toml, read_table

PYPROJECT = "pyproject.toml"


class Style(msgspec.Struct, frozen=True, rename="kebab"):
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
    known = {key.replace("_", "-"): value for key, value in said.items()}
    return read_table(Style, known, Place(PYPROJECT, ("tool", "black")))
