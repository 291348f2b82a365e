"""Convert an answer to the type of its question, and check it."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kscaffold.errors import AnswerError
from kscaffold.hints import enumerated, near
from kscaffold.project.package_names import refusal
from kscaffold.safety.escaping import unsafe_character
from kscaffold.template.manifest import Question, Value

WORDS = {
    **dict.fromkeys(("yes", "true", "on", "1", "y"), True),
    **dict.fromkeys(("no", "false", "off", "0", "n"), False),
}


@contextmanager
def option_named(question: Question) -> Iterator[None]:
    """Add the option of the question to an error from within."""
    try:
        yield
    except AnswerError as error:
        error.key = error.key or question.option
        raise


def accept(question: Question, raw: object) -> Value:
    """Return the value of an answer, without matching `pattern`; raises `AnswerError`."""
    with option_named(question):
        match question.type:
            case "bool":
                return _bool(raw)
            case "int":
                return _int(raw)
            case "float":
                return _float(raw)
            case "choice":
                return _choice(question, raw)
            case "multi-choice":
                return _choices(question, raw)
            case "list":
                return _list(question, raw)
            case "path":
                return _path(question, raw)
            case _:
                return _text(question, raw)


def instead(question: Question, raw: object) -> str:
    """Return ", not VALUE" for an error, or nothing for a secret."""
    return "" if question.secret else f", not {raw!r}"


def spelled(value: Value) -> str:
    """Return an answer as it is written on the command line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _bool(raw: object) -> bool:
    value = raw if isinstance(raw, bool) else WORDS.get(str(raw).strip().lower())
    if value is None:
        raise AnswerError(f"must be yes or no, not {raw!r}")
    return value


def _int(raw: object) -> int:
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    if not re.fullmatch(r"[+-]?\d{1,18}", str(raw).strip(), re.ASCII):
        raise AnswerError(f"must be a whole number, not {raw!r}")
    return int(str(raw))


def _float(raw: object) -> float:
    try:
        value = float(raw) if isinstance(raw, (str, int, float)) else math.nan
    except (ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value) or isinstance(raw, bool):
        raise AnswerError(f"must be a number, not {raw!r}")
    return value


def _choice(question: Question, raw: object) -> str:
    if raw not in question.choices:
        hint = near(str(raw), question.choices)
        raise AnswerError(f"must be {enumerated(question.choices)}, not {raw!r}", hint=hint)
    return str(raw)


def _choices(question: Question, raw: object) -> tuple[str, ...]:
    listed = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(listed, (list, tuple)):
        raise AnswerError(f"must be a list, not {raw!r}")
    given = [_choice(question, name) for each in listed if (name := str(each).strip())]
    # In the manifest's order: that of the answer does not matter.
    return tuple(choice for choice in question.choices if choice in given)


def _list(question: Question, raw: object) -> tuple[str, ...]:
    listed = (raw,) if isinstance(raw, str) else raw
    if not isinstance(listed, (list, tuple)):
        raise AnswerError(f"must be a list, not {raw!r}")
    return tuple(_text(question, each) for each in listed)


def _text(question: Question, raw: object) -> str:
    if not isinstance(raw, str):
        raise AnswerError(f"must be text{instead(question, raw)}")
    text = raw.strip()
    if len(text) > question.max_length:
        hint = f"at most {question.max_length}"
        raise AnswerError(f"{len(text)} characters are too many", hint=hint)
    if unsafe := unsafe_character(text):
        raise AnswerError(f"must be one plain line, but holds {unsafe}")
    if question.required and not text:
        raise AnswerError("must not be empty")
    if question.validate == "module":
        own = "is a module that the project imports or uses" if text in question.reserved else None
        if reason := own or refusal(text):
            raise AnswerError(f"{text!r} {reason}")
    return text


def _path(question: Question, raw: object) -> str:
    text = _text(question, raw)
    if text in question.carried:
        return text
    path = Path(os.path.abspath(os.path.expanduser(text)))  # noqa: PTH100, PTH111
    if question.must_exist and not os.path.isfile(path):  # noqa: PTH113
        raise AnswerError(f"no such file: {path}")
    return path.as_posix()
