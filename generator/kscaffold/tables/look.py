"""Read a table once: how it is written, and what the cells of its columns are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from kscaffold.errors import TableError
from kscaffold.tables.cells import Numbers, bare
from kscaffold.tables.dialect import MISSING, Dialect, find_marks, find_symbol
from kscaffold.tables.kinds import NUMBER, Kind, find_kind
from kscaffold.tables.parquet import is_parquet, open_parquet
from kscaffold.tables.profile import Profile
from kscaffold.tables.rows import MOST, Chunk, Rows, open_rows
from kscaffold.tables.source import find_source

Progress = Callable[[float], None]
# Called with the path of a table that is read; its context receives the fraction read so far.
WATCH: ContextVar[Callable[[Path], AbstractContextManager[Progress]]] = ContextVar(
    "WATCH", default=lambda _: nullcontext(lambda _: None)
)


@dataclass(frozen=True, eq=False)
class Look:
    """A table that was looked at, before anything is decided; equal only to itself.

    Attributes:
        path: of the file.
        encoding: of the text; "": it is a Parquet file.
        dialect: how it is written.
        has_header: whether the first line was taken for one.
        profiles: what is known of each column, in the table's order.
        kinds: which kind each column is of.
        rows: that were looked at.
        is_sample: whether there are more.
        header_in_doubt: whether the first line may be a row.
    """

    path: Path
    encoding: str
    dialect: Dialect
    has_header: bool
    profiles: dict[str, Profile]
    kinds: dict[str, Kind]
    rows: int
    is_sample: bool
    header_in_doubt: bool


def look_at(path: Path, *, header: bool = True) -> Look:
    """Read a table, or the first `MOST` characters of it; it is read again only if it changed.

    Raises:
        TableError: it cannot be read, or a row does not fit.
    """
    try:
        found = path.stat()
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
    except OSError:
        stamp = (0, 0, 0)
    return _look_at(path, header, stamp)


@lru_cache(maxsize=2)  # a command is about one table, with a header or without
def _look_at(path: Path, header: bool, _stamp: tuple[int, int, int]) -> Look:
    with WATCH.get()(path) as progress:
        if is_parquet(path):
            with open_parquet(path, MOST) as rows:
                return _look(path, "", True, rows, progress)
        source = find_source(path)
        with open_rows(source, header=header, most=MOST) as rows:
            return _look(path, source.encoding, header, rows, progress)


def _look(path: Path, encoding: str, header: bool, rows: Rows, progress: Progress) -> Look:
    first = next(rows.chunks, None)
    has_number = any(Numbers().value(name.replace(",", ".")) is not None for name in rows.header)
    doubt = header and bool(encoding) and has_number
    _check_names(path, rows.header, doubt)
    if first is None:
        reason = f"{path} has no rows below its header"
        raise TableError(reason, hint="a header line and rows are needed")
    distinct = [{*map(str.strip, column[:500])} - {*MISSING} for column in first.columns]
    symbols = [*map(find_symbol, distinct)]
    dialect = rows.dialect
    if encoding:
        dialect = _with_marks(dialect, zip(distinct, symbols, strict=True))
    marks = (dialect.decimal, dialect.thousands)
    profiles = {
        name: Profile(name, Numbers(*marks, symbol), is_unnamed=name in rows.unnamed)
        for name, symbol in zip(rows.header, symbols, strict=True)
    }
    chunk: Chunk | None = first
    while chunk is not None:
        for profile, column in zip(profiles.values(), chunk.columns, strict=True):
            profile.update(column, chunk.lines)
        progress(rows.fraction)
        chunk = next(rows.chunks, None)
    kinds = {name: find_kind(profile) for name, profile in profiles.items()}
    count = next(iter(profiles.values())).rows
    is_cut = rows.is_cut or count < rows.total
    doubtful = doubt and _in_doubt(rows.header, kinds, Numbers(*marks))
    return Look(path, encoding, dialect, header, profiles, kinds, count, is_cut, doubtful)


def _check_names(path: Path, header: tuple[str, ...], doubt: bool) -> None:
    if len(header) < 2:
        reason = f"{path}: {header[0][:40]!r} is the only column, so there is no feature"
        hint = "cells are separated by a comma, a semicolon, a tab or a bar"
        raise TableError(reason, hint=hint)
    for name, count in Counter(header).most_common(1):
        if count > 1:
            hint = "give --no-header if the first line is a row" if doubt else "rename one"
            raise TableError(f"{path}: two columns are called {name[:40]!r}", hint=hint)


def _with_marks(dialect: Dialect, columns: Iterable[tuple[set[str], str]]) -> Dialect:
    """Return the dialect with the marks in some columns, given their cells and symbols."""
    cells = {
        bare(cell, symbol) if symbol else cell for distinct, symbol in columns for cell in distinct
    }
    decimal, thousands = find_marks(cells)
    if decimal == dialect.separator:
        decimal, thousands = ".", ""
    return replace(dialect, decimal=decimal, thousands=thousands)


def _in_doubt(header: tuple[str, ...], kinds: dict[str, Kind], numbers: Numbers) -> bool:
    """Return whether the header looks like a row: a number above every column of numbers."""
    above = [name for name in header if kinds[name].kind == NUMBER]
    return bool(above) and all(n in MISSING or numbers.value(n) is not None for n in above)
