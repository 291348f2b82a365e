"""Format generated Python and check that it compiles; the only module that knows black."""

from __future__ import annotations

import ast
import functools
import warnings
from typing import TYPE_CHECKING

import msgspec

from kscaffold.errors import Place, TemplateError
from kscaffold.project.known import digest, is_known, remember
from kscaffold.toml import TomlError, parse_toml, read_table

if TYPE_CHECKING:
    from black.mode import Mode

PYPROJECT = "pyproject.toml"
# The package name is only in short lines: up to this length it changes no line break.
LONGEST = 24
_TABLE = Place(PYPROJECT, ("tool", "black"))


class Style(msgspec.Struct, frozen=True, rename="kebab"):
    """The settings of black that change its output."""

    line_length: int = 88
    skip_string_normalization: bool = False
    skip_magic_trailing_comma: bool = False
    preview: bool = False
    target_version: tuple[str, ...] = ("py311",)


DEFAULT = Style()


def style_of(text: str) -> Style:
    """Return black's settings in the text of a pyproject.toml; raises `TemplateError`."""
    if "black" not in text:
        return DEFAULT
    try:
        said = parse_toml(text).get("tool", {}).get("black", {})
    except (TomlError, AttributeError):
        return DEFAULT
    known = {key.replace("_", "-"): value for key, value in said.items()}
    return read_table(Style, known, _TABLE)


def format_python(text: str, template: str, package: str = "", style: Style = DEFAULT) -> str:
    """Return Python source, rendered from a template, formatted by black.

    Digests of known texts ignore the name of the project's package. Raises `TemplateError` with
    template and line if it is not valid Python.
    """
    if len(package) > LONGEST or style != DEFAULT:
        return _formatted(text, template, style)
    key = digest(text, package)
    if is_known(key):
        return text
    formatted = _formatted(text, template, style)
    if formatted == text:
        remember(key)
    return formatted


@functools.cache
def _formatted(text: str, template: str, style: Style) -> str:
    _check_compiles(text, template)
    import black
    from black.parsing import InvalidInput

    try:
        return black.format_str(text, mode=_mode(style))
    except InvalidInput as error:
        reason = f"black cannot read what it renders to: {error}"
        raise TemplateError(reason, place=template) from None


def _check_compiles(text: str, template: str) -> None:
    # black accepts some sources that Python refuses, such as a return outside a function.
    try:
        # Warnings are left to the project's own tools.
        with warnings.catch_warnings(action="ignore"):
            compile(text, template, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        lines = text.splitlines() or [""]
        shown = lines[min(line, len(lines)) - 1].strip()
        reason = f"renders to invalid Python, line {line}: {error.args[0]}: {shown!r}"
        raise TemplateError(reason, place=template) from None


@functools.cache
def python_mistake(text: str) -> tuple[str, int] | None:
    """Return why a text is not Python, and the line; None if it is."""
    try:
        with warnings.catch_warnings(action="ignore"):
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return str(getattr(error, "msg", error)), getattr(error, "lineno", None) or 1
    return None


def _mode(style: Style) -> Mode:
    from black.mode import Mode, TargetVersion

    try:
        versions = {TargetVersion[version.upper()] for version in style.target_version}
    except KeyError as error:
        raise TemplateError(f"black knows no {error}", place=_TABLE) from None
    return Mode(
        target_versions=versions,
        line_length=style.line_length,
        string_normalization=not style.skip_string_normalization,
        magic_trailing_comma=not style.skip_magic_trailing_comma,
        preview=style.preview,
    )
