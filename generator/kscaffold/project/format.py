"""The only module that knows black: generated Python is formatted, and known to compile.

To import black and to run it costs more than all else that a scaffold takes. So the texts of the
built-in template that black is known to leave as they are, are listed by their digests in
`formatted.txt`; the tests hold that list against black. Whatever is not listed, such as a text of
another template, goes through black, and is remembered if that leaves it as it is.
"""

from __future__ import annotations

import functools
import hashlib
import re
import warnings
from pathlib import Path

from kscaffold import __version__
from kscaffold.errors import Place, TemplateError
from kscaffold.project.cache import remember, remembered
from kscaffold.project.style import DEFAULT, PYPROJECT, Style

FORMATTED = Path(__file__).with_name("formatted.txt")
# The name of the package stands in short lines only: up to this length it moves no line break.
LONGEST = 24


def format_python(text: str, template: str, package: str = "", style: Style = DEFAULT) -> str:
    """Return Python source in black's form.

    Args:
        text: the source, as rendered.
        template: where it comes from, for errors.
        package: the name of the project's package, which the list of texts leaves open.
        style: the settings of black.

    Raises:
        TemplateError: what the template rendered is no valid Python; names template and line.
    """
    if len(package) > LONGEST or style != DEFAULT:
        return _formatted(text, template, style)
    key = digest(text, package)
    name = f"formatted-{__version__}-{black_version()}"
    if key in known_digests() or key in remembered(name):
        return text
    formatted = _formatted(text, template, style)
    if formatted == text:
        remember(name, key)
    return formatted


def digest(text: str, package: str = "") -> str:
    """Return what identifies a text, whatever its package is called."""
    if package:
        text = re.sub(rf"\b{re.escape(package)}\b", "my_package", text)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@functools.cache
def known_digests() -> frozenset[str]:
    """Return the digests of the texts that the installed black leaves as they are.

    Black's style does not change within a calendar year, which its version begins with:
    https://black.readthedocs.io/en/stable/the_black_code_style/index.html#stability-policy
    """
    year, *digests = FORMATTED.read_text(encoding="ascii").split()
    return frozenset(digests) if black_year() == year else frozenset()


def black_year() -> str:
    """Return the year of the installed black's style, such as "26"; "" if it does not tell."""
    return black_version().partition(".")[0]


@functools.cache
def black_version() -> str:
    """Return the version of the installed black; "" if it does not tell."""
    try:
        # A module of one line beside black; `importlib.metadata` would take as long as jinja2.
        from _black_version import version  # type: ignore[import-untyped]
    except ImportError:
        return ""
    return str(version)


@functools.cache
def _formatted(text: str, template: str, style: Style) -> str:
    try:
        with warnings.catch_warnings():
            # Legal but odd code is reported by the project's own tools.
            warnings.simplefilter("ignore")
            # black takes some sources that Python refuses, such as a return outside a function.
            compile(text, template, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        lines = text.splitlines() or [""]
        shown = lines[min(line, len(lines)) - 1].strip()
        reason = f"renders to invalid Python, line {line}: {error.args[0]}: {shown!r}"
        raise TemplateError(reason, place=template) from None

    import black
    from black.mode import Mode, TargetVersion
    from black.parsing import InvalidInput

    try:
        # With a target version, black need not find one out by trying.
        versions = {TargetVersion[version.upper()] for version in style.target_version}
    except KeyError as error:
        place = Place(PYPROJECT, ("tool", "black"))
        raise TemplateError(f"black knows no {error}", place=place) from None
    mode = Mode(
        target_versions=versions,
        line_length=style.line_length,
        string_normalization=not style.skip_string_normalization,
        magic_trailing_comma=not style.skip_magic_trailing_comma,
        preview=style.preview,
    )
    try:
        return black.format_str(text, mode=mode)
    except InvalidInput as error:
        reason = f"black cannot read what it renders to: {error}"
        raise TemplateError(reason, place=template) from None
