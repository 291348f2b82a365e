"""The only module that knows black: generated Python is formatted, and known to compile."""

from __future__ import annotations

import functools

import black
from black.mode import Mode, TargetVersion
from black.parsing import InvalidInput
from black.report import NothingChanged

from kscaffold.errors import TemplateError

# A target version is given so that black need not find one out by trying.
MODE = Mode(target_versions={TargetVersion.PY311})


@functools.cache
def format_python(text: str, template: str) -> str:
    """Return Python source in black's form.

    Raises:
        TemplateError: what the template rendered is no valid Python; names template and line.
    """
    try:
        # black takes some sources that Python refuses, such as a return outside a function.
        compile(text, template, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        lines = text.splitlines() or [""]
        raise TemplateError(
            f"{template}: renders to invalid Python, line {line}: {error.args[0]}:"
            f" {lines[min(line, len(lines)) - 1].strip()!r}"
        ) from None
    try:
        return black.format_file_contents(text, fast=True, mode=MODE)
    except NothingChanged:
        return text
    except InvalidInput as error:
        raise TemplateError(f"{template}: black cannot read what it renders to: {error}") from None
