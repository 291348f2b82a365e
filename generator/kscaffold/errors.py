"""Errors that a user can mend: one base class, one exit code for each kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class KscaffoldError(Exception):
    """Base of every error that ends a command with one sentence instead of a traceback.

    The message names the thing (file, line, question, value) and the mend. `details` are lines
    to show below it, such as the lines of a template around a mistake.
    """

    exit_code = 1

    def __init__(self, message: str, details: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)


class AnswerError(KscaffoldError):
    """A question, option or value that the template does not accept."""

    exit_code = 2


class TargetError(KscaffoldError):
    """The target cannot be written: it is in the way, or the disk refuses."""

    exit_code = 3


class TemplateError(KscaffoldError):
    """The template is broken: its manifest, a template file, or what it renders to."""

    exit_code = 4


@contextmanager
def place_named(place: str) -> Iterator[None]:
    """Put a place, such as "kscaffold.toml: [derived] a", before what goes wrong within."""
    try:
        yield
    except TemplateError as error:
        raise TemplateError(f"{place}: {error}", error.details) from None


class TrustError(KscaffoldError):
    """The template asks for something that only a trusted one may do."""

    exit_code = 5
