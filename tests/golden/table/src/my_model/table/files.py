"""The files that hold tables: CSV, also compressed, and Parquet."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import pandas as pd

from ..errors import UserError
from .cells import NUMBER
from .schema import Schema

# Where relative paths of the configuration start; of an installed wheel, the working directory.
PROJECT = Path(__file__).resolve().parents[3]
if not (PROJECT / "pyproject.toml").exists():
    PROJECT = Path()
ROWS = 100_000  # read at once: more take more memory and no less time


def frames(path: Path, schema: Schema, wanted: set[str]) -> Iterator[pd.DataFrame]:
    """Yield the wanted columns, some rows at a time; raises `UserError`."""
    with errors_named(path):
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path, dtype_backend="numpy_nullable")
            frame.columns = frame.columns.str.strip()
            check_names(path, list(frame.columns), wanted)
            yield frame
            return
        yield from csv_frames(path, schema, wanted)


def csv_frames(path: Path, schema: Schema, wanted: set[str]) -> Iterator[pd.DataFrame]:
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
            yield frame


def cell_type(name: str, schema: Schema) -> Any:
    """Return the type that a column's cells are read as; None: as numbers."""
    column, table = schema.columns[name], schema.table
    if column.kind == "number" and not table.thousands and name != table.group:
        return None
    # A category keeps each different text once, but makes numbers of texts like 1.50.
    is_text = column.kind in ("category", "yes/no", "date")
    is_safe = not any(map(NUMBER.fullmatch, column.values))
    return "category" if is_text and is_safe else object


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
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: not a readable table: {error}") from None
