"""The error of everything that the user can fix, reported without a traceback."""

from pydantic import ValidationError


class UserError(Exception):
    """Something that the user can fix; the message says what is wrong and where."""


def summary(error: ValidationError) -> str:
    """Return what is wrong, field by field, in one line."""
    return "; ".join(": ".join([*map(str, e["loc"]), e["msg"]]) for e in error.errors())
