"""Parquet files, if pyarrow is installed; the tool itself does not need it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kscaffold.errors import TableError
from kscaffold.safety.files import open_regular
from kscaffold.tables.dialect import Dialect
from kscaffold.tables.rows import CHUNK, Chunk, Rows

MAGIC = b"PAR1"
_MIDNIGHT = " 00:00:00"


def is_parquet(path: Path) -> bool:
    """Return whether a file is one, by its content."""
    try:
        with open_regular(path) as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


@contextmanager
def open_parquet(path: Path, most: int) -> Iterator[Rows]:
    """Open a Parquet file as if its cells were text, `most` characters of it or so."""
    if path.suffix != ".parquet":
        raise TableError(f"{path} is a Parquet file by its content", hint="name it *.parquet")
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        hint = "pip install pyarrow to read it"
        raise TableError(f"{path} is a Parquet file", hint=hint) from None

    try:
        with parquet.ParquetFile(path) as file:
            header = tuple(name.strip() for name in file.schema_arrow.names)
            for name, kind in zip(header, file.schema_arrow.types, strict=True):
                if pyarrow.types.is_nested(kind) or pyarrow.types.is_binary(kind):
                    reason = f"{path}: column {name!r} holds {kind}, no cells"
                    raise TableError(reason, hint="write it without this column")
            chunks = _chunks(file, len(header), most)
            yield Rows(Dialect(), header, chunks, total=file.metadata.num_rows)
    except (pyarrow.ArrowException, OSError) as error:
        raise TableError(f"{path} is not a readable Parquet file: {error}") from None


def _chunks(file: Any, width: int, most: int) -> Iterator[Chunk]:
    line = 1
    for batch in file.iter_batches(batch_size=CHUNK):
        columns = tuple(_cells(column.to_pylist()) for column in batch.columns)
        lines = tuple(range(line + 1, line + 1 + batch.num_rows))
        line += batch.num_rows
        if batch.num_rows:
            yield Chunk(columns, lines)
        if line * width * 8 > most:
            return


def _cells(values: list[Any]) -> tuple[str, ...]:
    """Return values as a CSV file would have them; days without the hour that all have."""
    cells = [*map(_cell, values)]
    if all(cell.endswith(_MIDNIGHT) for cell in filter(None, cells)):
        return tuple(cell.removesuffix(_MIDNIGHT) for cell in cells)
    return tuple(cells)


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    return value.isoformat(" ") if hasattr(value, "hour") and hasattr(value, "year") else str(value)
