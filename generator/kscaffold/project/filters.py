"""The filters of templates: harmless ones of Jinja's with limits, and a few of our own."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import Any

import jinja2
import jinja2.filters

from kscaffold.safety.escaping import markdown, module_name, quote
from kscaffold.safety.limits import LONGEST, check_length, check_number

FILTERS = (
    *("default", "d", "first", "indent", "int", "join", "last", "length", "list", "lower"),
    *("replace", "reverse", "sort", "string", "title", "trim", "unique", "upper", "wordwrap"),
)


def allowed_filters(check: Callable[[], None]) -> dict[str, Callable[..., Any]]:
    """Return all filters by name, with limits on what each returns, and a check before each."""
    filters = {name: jinja2.filters.FILTERS[name] for name in FILTERS}
    own = {"indent": _indent, "wordwrap": _wordwrap, "join": _join, "replace": _replace}
    ours = {each.__name__: each for each in (quote, markdown, module_name, file_name, seen_from)}
    return {name: _bounded(each, check) for name, each in {**filters, **own, **ours}.items()}


def file_name(path: str) -> str:
    """Return the last part of a path."""
    return PurePath(path).name


def seen_from(path: str, folder: str) -> str:
    """Return a path relative to a folder; an absolute one that shares no folder with it stays."""
    if not os.path.isabs(path):  # noqa: PTH117
        return path
    try:
        shared = PurePath(os.path.commonpath([path, folder]))
    except ValueError:  # on another drive
        return path
    is_shared = shared != PurePath(shared.anchor)
    return PurePath(os.path.relpath(path, folder)).as_posix() if is_shared else path


def _bounded(function: Callable[..., Any], check: Callable[[], None]) -> Callable[..., Any]:
    # `wraps` also keeps the attributes that tell Jinja how to call its filters.
    @functools.wraps(function)
    def bounded(*arguments: Any, **more: Any) -> Any:
        check()
        value = function(*arguments, **more)
        if isinstance(value, str):
            check_length(len(value))
        elif isinstance(value, int):
            check_number(value)
        return value

    return bounded


def _indent(text: object, width: int | str = 4, first: bool = False) -> str:
    margin = width if isinstance(width, str) else " " * min(width, LONGEST)
    check_length(len(str(text)) + (str(text).count("\n") + 1) * len(margin))
    return jinja2.filters.do_indent(str(text), margin, first)


@jinja2.pass_environment
def _wordwrap(environment: jinja2.Environment, text: object, width: int = 79) -> str:
    # Jinja copies the rest of a long word for each of its lines.
    check_length(len(str(text)) ** 2 // max(width, 1) // 1_000)
    return jinja2.filters.do_wordwrap(environment, str(text), width)


def _join(values: Iterable[object], separator: str = "") -> str:
    texts = [str(value) for value in values]
    check_length(sum(map(len, texts)) + len(texts) * len(separator))
    return separator.join(texts)


def _replace(value: object, old: str, new: str) -> str:
    text = str(value)
    check_length(len(text) + text.count(old) * len(new))
    return text.replace(old, new)
