"""The sandbox of templates.

Templates have only the filters, tests and methods that are listed, and read only their own files.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from kscaffold.errors import TemplateError
from kscaffold.project.filters import allowed_filters
from kscaffold.safety.limits import Budget, check_number
from kscaffold.template.overlays import Layers

TESTS = ("defined", "undefined", "none", "in", "string", "boolean", "eq", "equalto", "ne")
# The methods of values, without those that access attributes or return much more than they get.
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
# Modules of Jinja's own objects in templates: loops, macros and other files.
JINJA = ("jinja2.runtime", "jinja2.environment")
# A line statement, which is a comment in Python. Those of Jinja itself would swallow the blank
# lines that follow.
STATEMENT = re.compile(r"^[ \t]*#:(.*)$", re.MULTILINE)


class UndefinedNameError(jinja2.UndefinedError):
    """An undefined name; jinja2.UndefinedError has it only in its message."""

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(message)
        self.name = name


class _Undefined(jinja2.StrictUndefined):
    """The value of an undefined name or attribute; any use of it is an error."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        if self._undefined_obj is jinja2.utils.missing:
            named = partial(UndefinedNameError, name=str(self._undefined_name))
            self._undefined_exception = named  # type: ignore[assignment]


class Sandbox(ImmutableSandboxedEnvironment):
    """A Jinja environment with few features; `fill` replaces placeholders in Python templates."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, layers: Layers, fill: Callable[[str], str], budget: Budget) -> None:
        super().__init__(
            loader=jinja2.FunctionLoader(self._load),
            undefined=_Undefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
            cache_size=-1,
        )
        self.layers = layers
        self.fill = fill
        self.budget = budget
        self.filters = allowed_filters(budget.check)
        self.tests = {name: self.tests[name] for name in TESTS}
        self.globals = {}

    def join_path(self, template: str, parent: str) -> str:
        """Return the file that another one extends, includes or imports.

        "NAME/PATH" is a file of the layer of that name below; a file's own path is the next file
        below it; any other path is the highest file with it.
        """
        number, path = split(parent)
        name, _, rest = template.partition("/")
        if rest and any(layer.name == name for layer in self.layers[:number]):
            return f"{self.layers.find(rest, number) or 0}:{rest}"
        found = self.layers.find(template, number if template == path else None)
        return f"{found or 0}:{template}"

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Return whether a template may use an attribute of a value."""
        listed = METHODS.get(type(obj), frozenset())
        known = attr in listed or type(obj).__module__ in JINJA
        return known and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """Refuse `str.format`, like any other method that is not listed."""

    def call(self, /, context: Any, obj: Any, *args: Any, **more: Any) -> Any:
        """Call a method or a macro, if there is time left; raises `BoundError`."""
        self.budget.check()
        return super().call(context, obj, *args, **more)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Evaluate an operator, unless its result may be huge; raises `SecurityError`."""
        if operator == "**":
            raise SecurityError("** is not allowed")
        if operator == "*" and not (isinstance(left, int) and isinstance(right, int)):
            raise SecurityError("* of texts or lists is not allowed")
        if operator == "%" and not isinstance(left, (int, float)):
            raise SecurityError("% of texts is not allowed; use ~")
        value = super().call_binop(context, operator, left, right)
        if isinstance(value, int):
            check_number(value)
        return value

    def _load(self, name: str) -> tuple[str, str, Callable[[], bool]]:
        """Return the source of a file such as "0:a.py.jinja"; raises `jinja2.TemplateNotFound`."""
        number, path = split(name)
        layer = self.layers[number]
        try:
            layer.path_of(path)
        except TemplateError as error:
            raise jinja2.TemplateNotFound(name, str(error)) from None
        if not layer.has(path):
            raise jinja2.TemplateNotFound(name, f"there is no file {layer.place}{path}")
        text = with_statements(layer.read(path))
        return self.fill(text) if path.endswith(".py.jinja") else text, name, lambda: True


def with_statements(text: str) -> str:
    """Return a file's text with its line statements as Jinja's own."""
    return STATEMENT.sub(r"{%\1 %}", text)


def split(name: str) -> tuple[int, str]:
    """Split the name of a file in Jinja into the index of a layer and a path."""
    number, _, path = name.partition(":")
    return int(number), path
