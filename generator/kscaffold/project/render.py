"""The only module that knows Jinja: templates and expressions become text and values.

Templates are data: they run sandboxed, with the filters, tests and functions that are listed here
and no others, and read nothing but files of their own template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from kscaffold.errors import AnswerError, Place, TemplateError
from kscaffold.hints import near
from kscaffold.project.filters import allowed_filters
from kscaffold.safety.limits import Budget, check_number, check_source, check_value
from kscaffold.template.overlays import MANIFEST, Layer, Layers

TESTS = ("defined", "undefined", "none", "in", "string", "boolean", "eq", "equalto", "ne")
CONTEXT_LINES = 3
LONGEST_SHOWN = 200
# The methods of values; not those that format by attributes, or make much of little.
METHODS: dict[type, frozenset[str]] = {
    str: frozenset(
        {
            *("capitalize", "casefold", "count", "endswith", "find", "index", "isalnum", "isalpha"),
            *("isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric", "isspace"),
            *("istitle", "isupper", "lower", "lstrip", "partition", "removeprefix", "rfind"),
            *("removesuffix", "rindex", "rpartition", "rsplit", "rstrip", "split", "splitlines"),
            *("startswith", "strip", "swapcase", "title", "upper"),
        }
    ),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
}
# What Jinja itself gives to templates: loops, macros and other files.
JINJA = ("jinja2.runtime", "jinja2.environment")
# A statement on a line of its own, a comment to Python. Jinja's own line statements would swallow
# the blank lines that follow.
STATEMENT = re.compile(r"^[ \t]*#:(.*)$", re.MULTILINE)


class _UndefinedNameError(jinja2.UndefinedError):
    """A name that is not defined; jinja2.UndefinedError has it in its message only."""

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(message)
        self.name = name


class _Undefined(jinja2.StrictUndefined):
    """What an undefined name or attribute stands for; any use of it is an error."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        if self._undefined_obj is jinja2.utils.missing:
            named = partial(_UndefinedNameError, name=str(self._undefined_name))
            self._undefined_exception = named  # type: ignore[assignment]


class _Environment(ImmutableSandboxedEnvironment):
    """A sandbox with the methods that are listed here and no others."""

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
        listed = METHODS.get(type(obj), frozenset())
        known = attr in listed or type(obj).__module__ in JINJA
        return known and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """Have `str.format` refused like any other method: it makes much of little."""

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator in {"**", "*"} and not (isinstance(left, int) and isinstance(right, int)):
            raise jinja2.exceptions.SecurityError(f"{operator} of texts or lists is not allowed")
        if operator == "%" and not isinstance(left, (int, float)):
            raise jinja2.exceptions.SecurityError("% of texts is not allowed; use ~")
        if operator == "**":
            raise jinja2.exceptions.SecurityError("** is not allowed")
        value = super().call_binop(context, operator, left, right)
        if isinstance(value, int):
            check_number(value)
        return value

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
        layer = self.layers[number]
        try:
            layer.path_of(path)
        except TemplateError as error:
            raise jinja2.TemplateNotFound(template, str(error)) from None
        if not layer.has(path):
            raise jinja2.TemplateNotFound(template, f"there is no file {layer.place}{path}")
        text = STATEMENT.sub(r"{%\1 %}", layer.read(path))
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
            undefined=_Undefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
            cache_size=-1,
        )
        self.environment.layers = self.layers
        self.environment.filters = allowed_filters()
        self.environment.tests = {name: self.environment.tests[name] for name in TESTS}
        self.environment.globals = {}
        self.budget = Budget()
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
                place = Place(MANIFEST, ("placeholders",))
                raise TemplateError(f"{value!r} is no identifier", place=place, key=name)
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
            reason = f"{_short(template)}: the manifest takes {{{{ expressions }}}}, no statements"
            raise TemplateError(reason, hint="write them in a file")
        try:
            with self.budget.watch():
                check_source(template)
                text = self._template(template).render(values)
                check_value(text)
                return text
        except AnswerError:
            raise
        except Exception as error:
            raise _broken(error, values, text=template) from None

    def names(self, template: str) -> set[str]:
        """Return the names that a small template of the manifest uses."""
        return meta.find_undeclared_variables(self.environment.parse(template))

    def value(self, expression: str, values: Mapping[str, object]) -> object:
        """Evaluate an expression of the manifest; raises `TemplateError`."""
        if expression.isidentifier() and expression in values:
            return values[expression]
        try:
            with self.budget.watch():
                check_source(expression)
                value = self._expression(expression)(**values)
                if isinstance(value, jinja2.Undefined):
                    value._fail_with_undefined_error()
                check_value(value)
                return value
        except AnswerError:
            raise
        except Exception as error:
            raise _broken(error, values, text=expression) from None

    def file(self, template: str, values: Mapping[str, object]) -> str:
        """Render a template file, which ends in ".jinja".

        Raises:
            TemplateError: names template, line and reason, with the lines around it.
        """
        number = self.layers.find(template) or 0
        name = f"{number}:{template}"
        try:
            return self.environment.get_template(name).render(values)
        except (TemplateError, AnswerError):
            raise
        except Exception as error:
            raise self._broken_file(name, error, values) from None

    def copied(self, template: str) -> bytes:
        """Return the bytes of a file that is no template; raises `TemplateError`."""
        return self.layers.top(template).read_bytes(template)

    def _fill(self, text: str) -> str:
        if self.pattern is None:
            return text
        return self.pattern.sub(lambda match: self.placeholders[match[0]], text)

    def _broken_file(
        self, template: str, error: Exception, values: Mapping[str, object]
    ) -> TemplateError:
        name, line = _place(error, template)
        number, path = _split(name)
        layer = self.layers[number]
        lines = layer.read(path).splitlines()
        start = max(0, line - 1 - CONTEXT_LINES // 2)
        context = [
            f"  {number} | {text}"
            for number, text in enumerate(lines[start : start + CONTEXT_LINES], start + 1)
        ]
        place = f"{layer.place}{path}, line {line}"
        return _broken(error, values, place=place, details=context)


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


def _broken(
    error: Exception,
    values: Mapping[str, object],
    *,
    text: str = "",
    place: str = "",
    details: Iterable[str] = (),
) -> TemplateError:
    """Return the error for a template that fails, or for a text of the manifest."""
    hint = near(error.name, values) if isinstance(error, _UndefinedNameError) else ""
    reason = ": ".join(filter(None, (text and _short(text), _reason(error))))
    return TemplateError(reason, place=place, hint=hint, details=details)


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "needs too much memory"
    if isinstance(error, RecursionError):
        return "calls itself without end, or lies too deep"
    return str(error)


def _short(text: str) -> str:
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}...")
