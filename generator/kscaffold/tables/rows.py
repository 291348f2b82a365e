"""The rows of a CSV table, in chunks of columns; a row that does not fit is named."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from kscaffold.errors import TableError
from kscaffold.tables.dialect import COMMENT, Dialect, comment_lines, find_separator
from kscaffold.tables.source import Lines, Source

# Characters that are looked at; of a larger table this is the sample.
MOST = 50_000_000
CHUNK = 5_000
MOST_COLUMNS = 10_000
_SNIFFED = 200  # lines


@dataclass(frozen=True)
class Chunk:
    """Some rows of a table: the cells of each column, and the line on which each row ends."""

    columns: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]


@dataclass(frozen=True)
class Rows:
    """A table that is being read: what its header says, and then its rows.

    Attributes:
        dialect: separator and comment lines; the marks of numbers are not known yet.
        header: the names, without spaces around; empty ones are numbered.
        unnamed: the numbered ones, if there is a header.
        total: how many rows there are; 0: that is not known before they are read.
        chunks: the rows.
        lines: where they come from.
    """

    dialect: Dialect
    header: tuple[str, ...]
    chunks: Iterator[Chunk]
    lines: Lines | None = None
    unnamed: frozenset[str] = frozenset()
    total: int = 0

    @property
    def is_cut(self) -> bool:
        """Whether there are rows beyond the sample, once the chunks are read."""
        return self.lines is not None and self.lines.is_cut

    @property
    def fraction(self) -> float:
        """How much has been read of the file, or of its sample."""
        return self.lines.fraction if self.lines else 0.0


@contextmanager
def open_rows(source: Source, *, header: bool, most: int = MOST) -> Iterator[Rows]:
    """Open a table; raises `TableError`, also while its chunks are read."""
    path = source.path
    with source.open(most) as lines:
        first = list(islice(lines, _SNIFFED))
        comments = comment_lines(first)
        separator = find_separator(first[comments:])
        is_comment = comments and first[comments - 1].startswith(COMMENT)
        if is_comment and _is_header(first[comments - 1], first[comments:], separator):
            comments -= 1  # a name that begins with the comment sign
        if not first[comments:]:
            reason = f"{path} has only comments" if first else f"{path} is empty"
            raise TableError(reason, hint="a header line and rows are needed")
        dialect = Dialect(separator, comments)
        rows = _rows(path, first[comments:], lines, dialect)
        start = next(rows)[1]
        names = [name.strip() for name in start] if header else [""] * len(start)
        if len(names) > MOST_COLUMNS:
            reason = f"{path}: {len(names)} columns, more than {MOST_COLUMNS}"
            raise TableError(reason, hint="keep those that matter")
        if not header:
            rows = chain([(comments + 1, start)], rows)
        chunks = _chunks(path, rows, len(names))
        numbered = [name or f"column_{n}" for n, name in enumerate(names, start=1)]
        unnamed = {new for new, name in zip(numbered, names, strict=True) if header and not name}
        yield Rows(dialect, tuple(numbered), chunks, lines, frozenset(unnamed))


def _rows(
    path: Path, first: list[str], lines: Lines, dialect: Dialect
) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank, and the line on which it ends."""
    reader = csv.reader(chain(first, lines), delimiter=dialect.separator, strict=True)
    try:
        for row in reader:
            if row and (len(row) > 1 or row[0].strip()):
                yield dialect.comments + reader.line_num, row
    except csv.Error as error:
        if lines.is_cut:
            return  # in the middle of a quoted cell
        reason, hint = _explained(str(error))
        place = f"{path}, line {dialect.comments + reader.line_num}"
        raise TableError(f"{place}: {reason}", hint=hint) from None


def _is_header(line: str, below: list[str], separator: str) -> bool:
    cells = len(line.split(separator))
    return bool(below) and cells > 1 and all(len(b.split(separator)) == cells for b in below[:20])


def _explained(message: str) -> tuple[str, str]:
    """Return what is wrong and how to fix it, by a message of `csv`."""
    if "field limit" in message:
        reason = f"a cell has more than {csv.field_size_limit()} characters"
        return reason, "drop this column, or look for a quote that is never closed"
    if "unexpected end of data" in message:
        message = "a quoted cell is never closed"
    elif "expected after" in message:
        message = "text follows a closing quote"
    return message, 'write a quote in a cell as "", in a quoted cell'


def _chunks(path: Path, rows: Iterable[tuple[int, list[str]]], width: int) -> Iterator[Chunk]:
    kept: list[list[str]] = []
    lines: list[int] = []
    for line, row in rows:
        if len(row) != width:
            if len(row) != width + 1 or row[-1].strip():
                reason = f"{path}: line {line} has {len(row)} cells, the header {width}"
                hint = "quote cells that hold the separator, and leave out no cell"
                raise TableError(reason, hint=hint)
            del row[-1]  # every line ends in a separator
        kept.append(row)
        lines.append(line)
        if len(kept) == CHUNK:
            yield Chunk(tuple(zip(*kept, strict=True)), tuple(lines))
            kept, lines = [], []
    if kept:
        yield Chunk(tuple(zip(*kept, strict=True)), tuple(lines))
