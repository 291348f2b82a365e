"""Errors that a user can fix: one base class with fields, one exit code for each kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A table of a TOML file.

    Attributes:
        file: the file as errors show it, such as "lab/kscaffold.toml".
        table: the keys and, in arrays, the indices from 0 that lead to the table, such as
            ("rules", 2); () is the whole file.
    """

    file: str
    table: tuple[str | int, ...] = ()

    def below(self, *names: str | int) -> Place:
        """Return the place of a table inside this one."""
        return Place(self.file, (*self.table, *names))

    @property
    def header(self) -> str:
        """The header of the table, such as "[questions.data]" or "[[rules]] #3"; "" for a file."""
        name = ".".join(part for part in self.table if isinstance(part, str))
        numbers = [f" #{part + 1}" for part in self.table if isinstance(part, int)]
        return f"[[{name}]]{numbers[0]}" if numbers else f"[{name}]" if name else ""

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.file, self.header)))


class KscaffoldError(Exception):
    """Base of the errors that a command reports as one sentence, without a traceback.

    Attributes:
        reason: what is wrong, without the place.
        place: the file, and its table if there is one.
        key: the key in that table, or the option of the command line.
        hint: how to fix it.
        details: lines to show below, such as the lines of a template around a mistake.
    """

    exit_code = 1

    def __init__(
        self,
        reason: str,
        *,
        place: Place | str = "",
        key: str = "",
        hint: str = "",
        details: Iterable[str] = (),
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.place = place
        self.key = key
        self.hint = hint
        self.details = tuple(details)

    @property
    def at(self) -> str:
        """The place and the key, such as "kscaffold.toml: [questions.data] default"."""
        in_table = isinstance(self.place, Place) and self.place.table
        return (" " if in_table else ": ").join(filter(None, (str(self.place), self.key)))

    def __str__(self) -> str:
        sentence = ": ".join(filter(None, (self.at, self.reason)))
        return "; ".join(filter(None, (sentence, self.hint)))


class AnswerError(KscaffoldError):
    """A question, option or value that is refused."""

    exit_code = 2


class TableError(AnswerError):
    """A table that cannot be used.

    Attributes:
        about: what is to blame: "path", or the option that names a column, such as "target".
    """

    def __init__(self, reason: str, *, about: str = "path", hint: str = "") -> None:
        super().__init__(reason, hint=hint)
        self.about = about


class TargetError(KscaffoldError):
    """The target cannot be written: something is in the way, or the disk refuses."""

    exit_code = 3


class TemplateError(KscaffoldError):
    """The template is broken: its manifest, a template file, or what it renders to."""

    exit_code = 4


class UnknownKeyError(TemplateError):
    """An unknown key or table in a TOML file."""


class TrustError(KscaffoldError):
    """The template asks for something that only trusted templates may do."""

    exit_code = 5


@contextmanager
def place_named(place: Place | str, key: str = "") -> Iterator[None]:
    """Add the place to a template error from within, unless it has a more precise one."""
    try:
        yield
    except TemplateError as error:
        if not error.place:
            error.place, error.key = place, key
        raise
