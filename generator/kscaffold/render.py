"""The only module that knows Jinja: templates and expressions become text and values.

Templates are data: they run sandboxed, with the filters, tests and functions that are listed here
and no others, and read nothing but files of their own template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from kscaffold.errors import AnswerError, TemplateError
from kscaffold.quoting import markdown, module_name, quote

FILTERS = (
    *("default", "d", "first", "indent", "int", "join", "last", "length", "list", "lower"),
    *("replace", "reverse", "sort", "string", "title", "trim", "unique", "upper", "wordwrap"),
)
TESTS = ("defined", "undefined", "none", "in", "string", "boolean", "eq", "equalto", "ne")
CONTEXT_LINES = 3
# Methods of text that format by attributes, or make a text of any length of a short one.
UNBOUNDED = frozenset({"format", "format_map", "ljust", "rjust", "center", "zfill", "expandtabs"})
# A statement on a line of its own, a comment to Python. Jinja's own line statements would swallow
# the blank lines that follow.
STATEMENT = re.compile(r"^[ \t]*#:(.*)$", re.MULTILINE)


class _Environment(ImmutableSandboxedEnvironment):
    """A sandbox without the methods that format or repeat text without bound."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return not (isinstance(obj, str) and attr in UNBOUNDED) and super().is_safe_attribute(
            obj, attr, value
        )

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator in {"**", "*"} and not (isinstance(left, int) and isinstance(right, int)):
            raise jinja2.exceptions.SecurityError(f"{operator} of texts or lists is not allowed")
        if operator == "**":
            raise jinja2.exceptions.SecurityError("** is not allowed")
        return super().call_binop(context, operator, left, right)

    intercepted_binops = frozenset({"*", "**"})


class _Loader(jinja2.BaseLoader):
    """Reads templates below one folder, with the manifest's placeholders put in place."""

    def __init__(self, root: Path, fill: Callable[[str], str]) -> None:
        self.root = root
        self.fill = fill

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        text = STATEMENT.sub(r"{%\1 %}", read_template(self.root, template))
        return self.fill(text) if template.endswith(".py.jinja") else text, template, lambda: True


def read_template(root: Path, name: str) -> str:
    """Return the text of a template file.

    Raises:
        TemplateError: the file is missing, is no UTF-8, or lies outside the template's folder.
    """
    path = root / name
    inside = not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts
    if not inside or not path.resolve().is_relative_to(root.resolve()):
        raise TemplateError(f"{name}: is outside the template's folder")
    try:
        return path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except OSError as error:
        raise TemplateError(f"{name}: {error.strerror}; kscaffold.toml names it") from None
    except UnicodeDecodeError as error:
        raise TemplateError(f"{name}: is not UTF-8: {error.reason}") from None


class Renderer:
    """Renders the files of one template, and what the manifest has of templates and expressions."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.placeholders: dict[str, str] = {}
        self.pattern: re.Pattern[str] | None = None
        self.environment = _Environment(
            loader=_Loader(root, self._fill),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
            cache_size=-1,
        )
        allowed = {name: self.environment.filters[name] for name in FILTERS}
        self.environment.filters = {
            **allowed,
            "quote": quote,
            "markdown": markdown,
            "module_name": module_name,
        }
        self.environment.tests = {name: self.environment.tests[name] for name in TESTS}
        self.environment.globals = {}

    def use_placeholders(self, placeholders: Mapping[str, str]) -> None:
        """Set the identifiers that stand for a value in Python templates.

        Raises:
            TemplateError: a value is no identifier.
        """
        for name, value in placeholders.items():
            if not str(value).isidentifier():
                raise TemplateError(
                    f"kscaffold.toml: [placeholders] {name}: {value!r} is no identifier"
                )
        self.placeholders = dict(placeholders)
        names = "|".join(map(re.escape, placeholders))
        self.pattern = re.compile(rf"\b(?:{names})\b") if names else None

    def text(self, template: str, values: Mapping[str, object]) -> str:
        """Render a small template of the manifest; raises `TemplateError`, `AnswerError`."""
        if "{" not in template:
            return template
        try:
            return self.environment.from_string(template).render(values)
        except AnswerError:
            raise
        except Exception as error:
            _refuse("kscaffold.toml", template, error)

    def value(self, expression: str, values: Mapping[str, object]) -> object:
        """Evaluate an expression of the manifest; raises `TemplateError`."""
        if expression.isidentifier() and expression in values:
            return values[expression]
        try:
            compiled = self.environment.compile_expression(expression, undefined_to_none=False)
            value = compiled(**values)
        except Exception as error:
            _refuse("kscaffold.toml", expression, error)
        if isinstance(value, jinja2.Undefined):
            raise TemplateError(f"kscaffold.toml: {expression!r}: {value._undefined_message}")
        return value

    def file(self, template: str, values: Mapping[str, object]) -> str:
        """Render a template file; a file that does not end in ".jinja" is taken as it is.

        Raises:
            TemplateError: names template, line and reason, with the lines around it.
        """
        if not template.endswith(".jinja"):
            return read_template(self.root, template)
        try:
            return self.environment.get_template(template).render(values)
        except TemplateError:
            raise
        except Exception as error:
            self._refuse_file(template, error)

    def _fill(self, text: str) -> str:
        if self.pattern is None:
            return text
        return self.pattern.sub(lambda match: self.placeholders[match[0]], text)

    def _refuse_file(self, template: str, error: Exception) -> NoReturn:
        name, line = _place(error, template)
        lines = read_template(self.root, name).splitlines()
        start = max(0, line - 1 - CONTEXT_LINES // 2)
        context = "".join(
            f"\n  {number} | {text}"
            for number, text in enumerate(lines[start : start + CONTEXT_LINES], start + 1)
        )
        raise TemplateError(f"{name}, line {line}: {error}{context}") from None


def _place(error: Exception, template: str) -> tuple[str, int]:
    if isinstance(error, jinja2.TemplateSyntaxError):
        return error.name or template, error.lineno
    line, traceback = 1, error.__traceback__
    while traceback is not None:
        # Jinja rewrites tracebacks so that template files and lines stand in them.
        name = traceback.tb_frame.f_code.co_filename
        if name.endswith(".jinja"):
            template, line = name, traceback.tb_lineno
        traceback = traceback.tb_next
    return template, line


def _refuse(place: str, text: str, error: Exception) -> NoReturn:
    raise TemplateError(f"{place}: {text!r}: {error}") from None
