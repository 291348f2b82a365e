"""Tables of numbers in CSV files; an error names the file, the column and the row."""

import csv
import dataclasses
import math
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import UserError

FLOAT32_MAX = float(np.finfo(np.float32).max)
MAX_BYTES = 2**30  # a larger file does not fit into memory as text


@dataclasses.dataclass(frozen=True)
class Table:
    """The cells of a CSV file, as text, and the line on which each row ends."""

    path: Path
    header: tuple[str, ...]
    rows: tuple[list[str], ...]
    lines: tuple[int, ...]

    def column(self, name: str) -> list[str]:
        """Return the cells of a column; raises `UserError` if there is none."""
        if name not in self.header:
            near = get_close_matches(name, self.header, n=1)
            names = ", ".join(self.header[:10])
            hint = f"did you mean {near[0]!r}?" if near else f"it has {names}"
            raise UserError(f"{self.path}: no column {name!r}; {hint}")
        index = self.header.index(name)
        return [row[index].strip() for row in self.rows]

    def numbers(self, names: Sequence[str]) -> npt.NDArray[Any]:
        """Return columns as float64 `(rows, names)`; raises `UserError`."""
        columns = [
            [
                self.number(cell, name, line)
                for line, cell in zip(self.lines, self.column(name))
            ]
            for name in names
        ]
        return np.array(columns, np.float64).T

    def number(self, cell: str, name: str, line: int) -> float:
        """Return a cell's number; raises `UserError` if it is not a finite float32."""
        place = f"{self.path}: column {name!r}, line {line}"
        try:
            value = float(cell)
        except ValueError:
            raise UserError(f"{place}: {cell[:40]!r} is not a number") from None
        if not math.isfinite(value) or abs(value) > FLOAT32_MAX:
            raise UserError(f"{place}: {cell!r} is not a finite number")
        return value

    def check_target(self, name: str) -> None:
        """Raise `UserError` if nothing can be learned of this column."""
        values = set(self.column(name))
        if len(values) < 2:
            value = min(values)
            raise UserError(
                f"{self.path}: column {name!r} has only one value: {value!r}"
            )
        if len(self.header) < 2:
            raise UserError(
                f"{self.path}: {name!r} is the only column, so there is no feature;"
                " columns are separated by commas"
            )


def read_table(path: Path) -> Table:
    """Read a CSV file with a header line; raises `UserError`."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(
                f"{path}: larger than {MAX_BYTES >> 30} GiB; train on a part of it"
            )
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            rows = [(reader.line_num, row) for row in reader if row]
    except FileNotFoundError:
        raise UserError(f"{path}: no such file (looked in {Path.cwd()})") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a readable CSV file: {error}") from None
    if len(rows) < 2:
        raise UserError(f"{path}: a header line and at least one row are needed")
    header = tuple(name.strip() for name in rows[0][1])
    if duplicates := {name for name in header if header.count(name) > 1}:
        raise UserError(f"{path}: two columns are called {min(duplicates)!r}")
    for line, row in rows:
        if len(row) != len(header):
            raise UserError(
                f"{path}: line {line} has {len(row)} cells, the header {len(header)}"
            )
    lines, cells = zip(*rows[1:])
    return Table(path, header, cells, lines)
