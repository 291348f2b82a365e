"""The only module that knows Jinja: templates and expressions become text and values.

Templates are data: they run sandboxed, with the filters, tests and functions that are listed here
and no others, and read nothing but files of their own template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, NoReturn

import jinja2
import jinja2.filters
from jinja2.sandbox import ImmutableSandboxedEnvironment

from kscaffold.errors import AnswerError, TemplateError
from kscaffold.layers import Layer, Layers
from kscaffold.quoting import markdown, module_name, quote
from kscaffold.text import near

FILTERS = (
    *("default", "d", "first", "indent", "int", "join", "last", "length", "list", "lower"),
    *("replace", "reverse", "sort", "string", "title", "trim", "unique", "upper", "wordwrap"),
)
TESTS = ("defined", "undefined", "none", "in", "string", "boolean", "eq", "equalto", "ne")
CONTEXT_LINES = 3
# Methods of text that format by attributes, or make a text of any length of a short one.
UNBOUNDED = frozenset(
    {
        *("format", "format_map", "ljust", "rjust", "center", "zfill", "expandtabs"),
        *("replace", "join", "translate"),
    }
)
# No filter makes a text longer than this, in characters.
LONGEST = 1_000_000
# A statement on a line of its own, a comment to Python. Jinja's own line statements would swallow
# the blank lines that follow.
STATEMENT = re.compile(r"^[ \t]*#:(.*)$", re.MULTILINE)


class _Environment(ImmutableSandboxedEnvironment):
    """A sandbox without the methods that format or repeat text without bound."""

    layers: Layers

    def join_path(self, template: str, parent: str) -> str:
        """Return the file that another one extends, includes or imports.

        "NAME/a.jinja", with the name of a layer below, and a file's own path mean the file below
        it; any other path the highest file of that path.
        """
        number, path = _split(parent)
        name, _, rest = template.partition("/")
        if rest and any(layer.name == name for layer in self.layers[:number]):
            return f"{self.layers.find(rest, number) or 0}:{rest}"
        found = self.layers.find(template, number if template == path else None)
        return f"{found or 0}:{template}"

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return not (isinstance(obj, str) and attr in UNBOUNDED) and super().is_safe_attribute(
            obj, attr, value
        )

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator in {"**", "*"} and not (isinstance(left, int) and isinstance(right, int)):
            raise jinja2.exceptions.SecurityError(f"{operator} of texts or lists is not allowed")
        if operator == "%" and not isinstance(left, (int, float)):
            raise jinja2.exceptions.SecurityError("% of texts is not allowed; use ~")
        if operator == "**":
            raise jinja2.exceptions.SecurityError("** is not allowed")
        return super().call_binop(context, operator, left, right)

    intercepted_binops = frozenset({"*", "**", "%"})


class _Loader(jinja2.BaseLoader):
    """Reads templates from layers, with the manifest's placeholders put in place.

    To Jinja a file is called by the number of its layer and its path, such as "0:a.py.jinja".
    """

    def __init__(self, layers: Layers, fill: Callable[[str], str]) -> None:
        self.layers = layers
        self.fill = fill

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        number, path = _split(template)
        text = STATEMENT.sub(r"{%\1 %}", self.layers[number].read(path))
        return self.fill(text) if path.endswith(".py.jinja") else text, template, lambda: True


def _split(template: str) -> tuple[int, str]:
    number, _, path = template.partition(":")
    return int(number), path


class Renderer:
    """Renders the files of one template, and what the manifest has of templates and expressions."""

    def __init__(self, layers: Layers | Path) -> None:
        self.layers = Layers([Layer("", layers)]) if isinstance(layers, Path) else layers
        self.placeholders: dict[str, str] = {}
        self.pattern: re.Pattern[str] | None = None
        self.environment = _Environment(
            loader=_Loader(self.layers, self._fill),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
            cache_size=-1,
        )
        self.environment.layers = self.layers
        allowed = {name: self.environment.filters[name] for name in FILTERS}
        self.environment.filters = {
            **allowed,
            "indent": _indent,
            "wordwrap": _wordwrap,
            "join": _join,
            "replace": _replace,
            "quote": quote,
            "markdown": markdown,
            "module_name": module_name,
        }
        self.environment.tests = {name: self.environment.tests[name] for name in TESTS}
        self.environment.globals = {}
        # Answers are worked out again and again while somebody is asked: compile once.
        self._template = cache(self.environment.from_string)
        self._expression = cache(
            partial(self.environment.compile_expression, undefined_to_none=False)
        )

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
        if self.environment.cache is not None and self.placeholders != placeholders:
            # Files are kept as they were filled in.
            self.environment.cache.clear()
        self.placeholders = dict(placeholders)
        names = "|".join(map(re.escape, placeholders))
        self.pattern = re.compile(rf"\b(?:{names})\b") if names else None

    def text(self, template: str, values: Mapping[str, object]) -> str:
        """Render a small template of the manifest; raises `TemplateError`, `AnswerError`.

        It holds expressions only: without statements there are no loops, so that it ends soon.
        """
        if "{" not in template:
            return template
        if "{%" in template:
            raise TemplateError(
                f"kscaffold.toml: {template!r}: the manifest takes {{{{ expressions }}}}, no"
                " statements; they belong into files"
            )
        try:
            return self._template(template).render(values)
        except AnswerError:
            raise
        except Exception as error:
            _refuse("kscaffold.toml", template, error, values)

    def value(self, expression: str, values: Mapping[str, object]) -> object:
        """Evaluate an expression of the manifest; raises `TemplateError`."""
        if expression.isidentifier() and expression in values:
            return values[expression]
        try:
            value = self._expression(expression)(**values)
        except Exception as error:
            _refuse("kscaffold.toml", expression, error, values)
        if isinstance(value, jinja2.Undefined):
            raise TemplateError(f"kscaffold.toml: {expression!r}: {value._undefined_message}")
        return value

    def file(self, template: str, values: Mapping[str, object]) -> str:
        """Render a template file; a file that does not end in ".jinja" is taken as it is.

        Raises:
            TemplateError: names template, line and reason, with the lines around it.
        """
        number = self.layers.find(template) or 0
        if not template.endswith(".jinja"):
            return self.layers[number].read(template)
        name = f"{number}:{template}"
        try:
            return self.environment.get_template(name).render(values)
        except (TemplateError, AnswerError):
            raise
        except Exception as error:
            self._refuse_file(name, error, values)

    def _fill(self, text: str) -> str:
        if self.pattern is None:
            return text
        return self.pattern.sub(lambda match: self.placeholders[match[0]], text)

    def _refuse_file(
        self, template: str, error: Exception, values: Mapping[str, object]
    ) -> NoReturn:
        name, line = _place(error, template)
        number, path = _split(name)
        layer = self.layers[number]
        lines = layer.read(path).splitlines()
        start = max(0, line - 1 - CONTEXT_LINES // 2)
        context = [
            f"  {number} | {text}"
            for number, text in enumerate(lines[start : start + CONTEXT_LINES], start + 1)
        ]
        reason = f"{error}{_hint(error, values)}"
        raise TemplateError(f"{layer.place}{path}, line {line}: {reason}", context) from None


def _place(error: Exception, template: str) -> tuple[str, int]:
    if isinstance(error, jinja2.TemplateSyntaxError):
        return error.name or template, error.lineno
    line, traceback = 1, error.__traceback__
    while traceback is not None:
        # Jinja rewrites tracebacks so that template files and lines stand in them.
        name = traceback.tb_frame.f_code.co_filename
        if re.match(r"\d+:.*\.jinja$", name, re.DOTALL):
            template, line = name, traceback.tb_lineno
        traceback = traceback.tb_next
    return template, line


def _indent(text: object, width: int | str = 4, first: bool = False) -> str:
    margin = width if isinstance(width, str) else " " * min(width, LONGEST)
    _check_length(len(str(text)) + (str(text).count("\n") + 1) * len(margin))
    return jinja2.filters.do_indent(str(text), margin, first)


@jinja2.pass_environment
def _wordwrap(environment: jinja2.Environment, text: object, width: int = 79) -> str:
    return jinja2.filters.do_wordwrap(environment, str(text), width)


def _join(values: Iterable[object], separator: str = "") -> str:
    texts = [str(value) for value in values]
    _check_length(sum(map(len, texts)) + len(texts) * len(separator))
    return separator.join(texts)


def _replace(value: object, old: str, new: str) -> str:
    text = str(value)
    _check_length(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


def _check_length(length: int) -> None:
    if length > LONGEST:
        raise jinja2.exceptions.SecurityError(f"a text of {length} characters is not allowed")


def _hint(error: Exception, values: Mapping[str, object]) -> str:
    undefined = re.match(r"'(\w+)' is undefined$", str(error))
    return near(undefined[1], values) if undefined else ""


def _refuse(place: str, text: str, error: Exception, values: Mapping[str, object]) -> NoReturn:
    raise TemplateError(f"{place}: {text!r}: {error}{_hint(error, values)}") from None
