"""Defaults that are found by looking at a table: its last column, and what kind of target it is."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from itertools import islice
from pathlib import Path

from kscaffold.errors import AnswerError, TemplateError
from kscaffold.hints import near, near_or_all
from kscaffold.safety.files import open_regular

# Enough to tell what a column is; a table may be larger than the memory.
ROWS = 10_000
# In characters, of one line and of all that are looked at.
LONGEST_LINE = 1_000_000
LONGEST = 100_000_000
# More distinct whole numbers than this are amounts, not classes.
CLASSES = 20


class InspectionError(AnswerError):
    """A file that cannot be inspected; `argument` is the number of the one to blame."""

    def __init__(self, reason: str, *, argument: int = 0, hint: str = "") -> None:
        super().__init__(reason, hint=hint)
        self.argument = argument


def csv_last_column(path: str) -> str:
    """Return the name of a table's last column; raises `AnswerError`."""
    return next(_rows(Path(path)))[-1]


def csv_task(path: str, column: str) -> str:
    """Tell "classification" from "regression" by the values of a column; raises `AnswerError`.

    Text is a class; so are whole numbers, when there are few and they come again and again.
    """
    rows = _rows(Path(path))
    header = next(rows)
    if column not in header:
        known = ", ".join(header[:10])
        hint = near(column, header) or f"it has {known}"
        raise InspectionError(f"{path} has no column {column!r}", argument=1, hint=hint)
    index = header.index(column)
    values = [row[index].strip() for row in islice(rows, ROWS) if len(row) > index]
    if not values:
        raise InspectionError(f"{path} has no rows below its header")
    distinct = set(values)
    try:
        whole = all(float(value).is_integer() for value in distinct)
    except ValueError:
        return "classification"
    few = len(distinct) <= CLASSES and 2 * len(distinct) <= len(values)
    return "classification" if whole and few else "regression"


def csv_numbers_task(path: str, column: str) -> str:
    """Tell the task as `csv_task` does, of a table whose other columns have to be numbers.

    Raises:
        AnswerError: the table cannot be read or has no such column, or one of the first cells of
            another one is not a finite number.
    """
    task = csv_task(path, column)
    rows = _rows(Path(path))
    header = next(rows)
    for number, row in enumerate(islice(rows, ROWS), start=2):
        for name, cell in zip(header, row, strict=False):
            if name != column and not _is_number(cell):
                place = f"{path}: column {name!r}, row {number}"
                raise InspectionError(
                    f"{place}: {cell[:40]!r} is not a number, which a model learns from",
                    hint="change it, or leave out the column or the row",
                )
    return task


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _rows(path: Path) -> Iterator[list[str]]:
    try:
        with TextIOWrapper(open_regular(path), encoding="utf-8-sig", newline="") as file:
            lines = _lines(file, path)
            rows = ([cell.strip() for cell in row] for row in csv.reader(lines) if row)
            header = next(rows, None)
            if header is None:
                raise InspectionError(f"{path} is empty", hint="a header line is needed")
            yield header
            yield from rows
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InspectionError(f"{path} is not a readable CSV file: {reason}") from None


INSPECTORS: dict[str, Callable[..., str]] = {
    "csv_last_column": csv_last_column,
    "csv_task": csv_task,
    "csv_numbers_task": csv_numbers_task,
}


def _lines(file: TextIOWrapper, path: Path) -> Iterator[str]:
    """Yield the first lines of a file, none of which may be so long that it fills the memory."""
    left = LONGEST
    while left > 0 and (line := file.readline(LONGEST_LINE + 1)):
        if len(line) > LONGEST_LINE:
            raise InspectionError(f"{path} has a line of more than {LONGEST_LINE} characters")
        left -= len(line)
        yield line


def inspect(function: str, *arguments: str) -> str:
    """Call an inspector by its name.

    Raises:
        AnswerError: the file cannot be read, or has no default to be found.
        TemplateError: there is no such inspector, or it takes other arguments.
    """
    inspector = INSPECTORS.get(function)
    if inspector is None:
        raise TemplateError(f"no function {function!r}", hint=near_or_all(function, INSPECTORS))
    if inspector.__code__.co_argcount != len(arguments):
        raise TemplateError(f"{function} takes {inspector.__code__.co_argcount} arguments")
    return inspector(*arguments)
