"""The files that hold tables: CSV, also compressed, and Parquet."""

from __future__ import annotations

import os
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from lzma import LZMAError
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import pandas as pd

from ..errors import UserError
from .cells import NUMBER
from .ragged import ragged_rows
from .schema import USED, Schema

# Where relative paths of the configuration start; of an installed wheel, the working directory.
PROJECT = Path(__file__).resolve().parents[3]
if not (PROJECT / "pyproject.toml").exists():
    PROJECT = Path()
NOT_TEXT = re.compile(
    NUMBER.pattern + "|[+-]?inf(inity)?|true|false", re.ASCII | re.IGNORECASE
)
ROWS = 100_000  # read at once: more take more memory and no less time


def frames(
    path: Path, schema: Schema, wanted: set[str], odd: Counter[str]
) -> Iterator[pd.DataFrame]:
    """Yield the wanted columns, some rows at a time; raises `UserError`.

    Rows that do not fit the header are counted in `odd`.
    """
    with errors_named(path):
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path, dtype_backend="numpy_nullable")
            frame.columns = frame.columns.str.strip()
            check_names(path, list(frame.columns), wanted)
            yield frame
            return
        yield from csv_frames(path, schema, wanted, odd)


def csv_frames(
    path: Path, schema: Schema, wanted: set[str], odd: Counter[str]
) -> Iterator[pd.DataFrame]:
    """Yield the wanted columns of a CSV file, some rows at a time."""
    table = schema.table
    options: dict[str, Any] = {
        "sep": table.separator,
        "encoding": table.encoding,
        "decimal": table.decimal,
        "header": 0 if table.header else None,
        "skiprows": table.skip_lines,
        "index_col": False,
        "keep_default_na": False,
    }
    labels = list(pd.read_csv(path, nrows=0 if table.header else 1, **options).columns)
    names = [column_name(str(label), number) for number, label in enumerate(labels)]
    check_names(path, names, wanted)
    positions = [number for number, name in enumerate(names) if name in wanted]
    types = {labels[n]: cell_type(names[n], schema) for n in positions}
    ragged = ragged_rows(path, table, len(labels))
    odd["rows with more or fewer cells than the header, which count as missing"] = len(
        ragged
    )
    with pd.read_csv(
        path,
        usecols=positions,
        dtype={label: each for label, each in types.items() if each is not None},
        na_values=list(table.missing),
        chunksize=ROWS,
        **options,
    ) as reader:
        for frame in reader:
            frame.columns = pd.Index([names[number] for number in positions])
            lost = frame.index.isin(ragged)
            yield frame[~lost].reindex(frame.index) if lost.any() else frame


def in_project(path: Path) -> Path:
    """Return where a path of the configuration leads."""
    return Path(os.path.normpath(PROJECT / path))


def cell_type(name: str, schema: Schema) -> Any:
    """Return the type that a column's cells are read as; None: what pandas finds, fast."""
    column, table = schema.columns[name], schema.table
    is_marked = column.kind == "number" and (table.thousands or column.symbol)
    has_digits_alone = column.format != "" and {*column.format} <= {*"%YymdHMS"}
    if is_marked or has_digits_alone or name == table.group:
        return object
    # Else pandas would make something else of texts like 1.50 and true.
    texts = (value.replace(table.decimal, ".").strip() for value in column.values)
    is_safe = not any(map(NOT_TEXT.fullmatch, texts))
    return None if is_safe and column.kind in USED else object


def column_name(label: str, number: int) -> str:
    """Return a column's name; one without is called by its place."""
    unnamed = label.strip() in ("", str(number), f"Unnamed: {number}")
    return f"column_{number + 1}" if unnamed else label.strip()


def check_names(path: Path, names: list[str], wanted: set[str]) -> None:
    """Raise `UserError` if a wanted column is missing."""
    for name in sorted(wanted - {*names}):
        near = get_close_matches(name, names, n=1)
        known = ", ".join(names[:10])
        hint = f"did you mean {near[0]!r}?" if near else f"it has {known}"
        raise UserError(f"{path}: no column {name!r}; {hint}")


@contextmanager
def errors_named(path: Path) -> Iterator[None]:
    """Give what goes wrong in a file as `UserError`."""
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{path.absolute()}: no such file") from None
    except ImportError as error:
        raise UserError(f"{path}: {error}") from None
    except (OSError, ValueError, EOFError, BadZipFile, LZMAError, zlib.error) as error:
        raise UserError(f"{path}: not a readable table: {error}") from None
