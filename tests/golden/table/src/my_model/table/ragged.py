"""Rows with more or fewer cells than the header, which pandas would cut or fill in silence."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .schema import Format

BLOCK = 1 << 20  # characters
LONGEST = 1 << 26  # bytes of a cell
OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def ragged_rows(path: Path, table: Format, width: int) -> list[int]:
    """Return the numbers of rows that have not `width` cells, counted from 0 without blanks.

    Raises `ValueError` for a quoted cell without an end.
    """
    found: list[int] = []
    row = 0
    separator = table.separator.encode()
    spaces = b" \t".replace(separator, b"")  # a line of them is blank
    with opened(path, table.encoding) as file:
        for _ in range(table.skip_lines):
            file.readline()
        for block in blocks(file, separator):
            data = np.frombuffer(block, np.uint8)
            ends = np.flatnonzero(data == ord("\n"))
            starts = np.concatenate([[0], ends[:-1] + 1])
            separators = np.add.reduceat(
                data == ord(table.separator), starts, dtype=np.int32
            )
            blank = 0
            # A blank line looks like a cell, where there is one column.
            for line in np.flatnonzero((separators != width - 1) | (width == 1)):
                cells = block[starts[line] : ends[line]].strip(spaces)
                # Nothing is lost with empty cells at the end.
                kept = cells.rstrip(separator + b" ").count(separator)
                if not cells:
                    blank += 1
                elif separators[line] < width - 1 or kept >= width:
                    found.append(row + int(line) - blank)
            row += len(ends) - blank
    return [number - table.header for number in found if number >= table.header]


def blocks(file: Any, separator: bytes) -> Iterator[bytes]:
    """Yield whole rows, a line each: no quoted cell holds a separator or a line feed."""
    start = rb"(?<![^\n" + re.escape(separator) + rb'])"'
    quoted = re.compile(start + rb'[^"]*(?:""[^"]*)*"')
    opening = re.compile(start)
    rest = b""
    while text := file.read(BLOCK):
        # Also the end of a line that is cut between its two characters.
        text += file.readline()
        rest += text.replace("\r\n", "\n").replace("\r", "\n").encode()
        block = quoted.sub(b"x", rest) if b'"' in rest else rest
        found = opening.search(block)
        end = block.rfind(b"\n", 0, found.start()) + 1 if found else len(block)
        rest = block[end:]
        if len(rest) > LONGEST:
            raise ValueError("a quoted cell has no end")
        if end:
            yield block[:end] if block[:end].endswith(b"\n") else block[:end] + b"\n"
    if rest:
        yield rest if rest.endswith(b"\n") else rest + b"\n"


@contextmanager
def opened(path: Path, encoding: str) -> Iterator[Any]:
    """Open a table as text, with the ends of its lines as they are."""
    suffix = path.suffix.lower()
    if suffix == ".zip":
        with (
            zipfile.ZipFile(path) as archive,
            archive.open(archive.namelist()[0]) as file,
        ):
            yield as_text(file, encoding)
    else:
        with OPENERS.get(suffix, open)(path, "rb") as file:
            yield as_text(file, encoding)


def as_text(file: Any, encoding: str) -> Any:
    """Return a file of bytes as text, without a byte order mark."""
    unmarked = "utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding
    return io.TextIOWrapper(file, unmarked, newline="")
