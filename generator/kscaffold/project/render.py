"""Render templates to text, and evaluate expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial

import jinja2
from jinja2 import meta

from kscaffold.errors import AnswerError, Place, TemplateError
from kscaffold.hints import near
from kscaffold.project.sandbox import Sandbox, UndefinedNameError, split
from kscaffold.safety.limits import LONGEST_SOURCE, BoundError, Budget, check_value
from kscaffold.template.overlays import MANIFEST, Layers

CONTEXT_LINES = 3
LONGEST_SHOWN = 200


class Renderer:
    """Renders the files of one template, and evaluates the expressions of its manifest."""

    def __init__(self, layers: Layers) -> None:
        self.layers = layers
        self.placeholders: dict[str, str] = {}
        self.pattern: re.Pattern[str] | None = None
        self.budget = Budget()
        self.environment = Sandbox(layers, self._fill, self.budget)
        # Compiled once, since prompts evaluate all of them after each question.
        self._template = cache(self.environment.from_string)
        self._expression = cache(
            partial(self.environment.compile_expression, undefined_to_none=False)
        )

    def use_placeholders(self, placeholders: Mapping[str, str]) -> None:
        """Set the placeholders of Python templates; raises `TemplateError` for a bad identifier."""
        for name, value in placeholders.items():
            if not str(value).isidentifier():
                place = Place(MANIFEST, ("placeholders",))
                raise TemplateError(f"{value!r} is not an identifier", place=place, key=name)
        if self.environment.cache is not None and self.placeholders != placeholders:
            self.environment.cache.clear()  # of files with the former values
        self.placeholders = dict(placeholders)
        names = "|".join(map(re.escape, placeholders))
        self.pattern = re.compile(rf"\b(?:{names})\b") if names else None

    def text(self, template: str, values: Mapping[str, object]) -> str:
        """Render a template of the manifest; raises `TemplateError`, `AnswerError`.

        It has only expressions: without statements there are no loops, so it ends soon.
        """
        if "{" not in template:
            return template
        if "{%" in template:
            reason = f"{_short(template)}: the manifest takes {{{{ expressions }}}}, no statements"
            raise TemplateError(reason, hint="write them in a file")
        with self._limited(template, values):
            text = self._template(template).render(values)
            check_value(text)
            return text

    def names(self, template: str) -> set[str]:
        """Return the names that a template of the manifest uses."""
        return meta.find_undeclared_variables(self.environment.parse(template))

    def value(self, expression: str, values: Mapping[str, object]) -> object:
        """Evaluate an expression of the manifest; raises `TemplateError`."""
        if expression.isidentifier() and expression in values:
            return values[expression]
        with self._limited(expression, values):
            value = self._expression(expression)(**values)
            if isinstance(value, jinja2.Undefined):
                value._fail_with_undefined_error()
            check_value(value)
            return value

    @contextmanager
    def _limited(self, text: str, values: Mapping[str, object]) -> Iterator[None]:
        """Limit the time for a text of the manifest; any failure is a `TemplateError`."""
        try:
            with self.budget.watch():
                if len(text) > LONGEST_SOURCE:
                    raise BoundError(f"more than {LONGEST_SOURCE} characters are not allowed")
                yield
        except AnswerError:
            raise
        except Exception as error:
            raise _broken(error, values, text=text) from None

    def file(self, template: str, values: Mapping[str, object]) -> str:
        """Render a file that ends in ".jinja"; raises `TemplateError` with the lines around."""
        name = f"{self.layers.find(template) or 0}:{template}"
        try:
            return self.environment.get_template(name).render(values)
        except (TemplateError, AnswerError):
            raise
        except Exception as error:
            raise self._broken_file(name, error, values) from None

    def _fill(self, text: str) -> str:
        if self.pattern is None:
            return text
        return self.pattern.sub(lambda match: self.placeholders[match[0]], text)

    def _broken_file(
        self, template: str, error: Exception, values: Mapping[str, object]
    ) -> TemplateError:
        name, line = _place(error, template)
        number, path = split(name)
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
    from traceback import walk_tb

    # Jinja rewrites tracebacks to have the files and lines of templates.
    line = 1
    for frame, number in walk_tb(error.__traceback__):
        if re.match(r"\d+:.*\.jinja$", frame.f_code.co_filename, re.DOTALL):
            template, line = frame.f_code.co_filename, number
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
    hint = near(error.name, values) if isinstance(error, UndefinedNameError) else ""
    reason = ": ".join(filter(None, (text and _short(text), _reason(error))))
    return TemplateError(reason, place=place, hint=hint, details=details)


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "needs too much memory"
    if isinstance(error, RecursionError):
        return "recurses without end, or is nested too deeply"
    return str(error)


def _short(text: str) -> str:
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}...")
