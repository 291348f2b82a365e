"""Rows with more or fewer cells than the header, which pandas would cut or fill in silence."""

from __future__ import annotations

import bz2
import codecs
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

BLOCK = 1 << 18  # bytes
LONGEST = 1 << 24  # bytes of a cell
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
    # The quote first: what it stands behind is looked at only where there is one.
    start = rb'"(?<![^\n' + re.escape(separator) + rb']")'
    quoted = re.compile(start + rb'[^"]*(?:""[^"]*)*"')
    opening = re.compile(start)
    rest = b""
    while data := file.read(BLOCK):
        if data.endswith(b"\r"):
            data += file.read(1)
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        data = rest + data
        cut = data.rfind(b"\n") + 1
        block, rest = data[:cut], data[cut:]
        if b'"' in block:
            block = quoted.sub(b"x", block)
            if found := opening.search(block):
                end = block.rfind(b"\n", 0, found.start()) + 1
                block, rest = block[:end], block[end:] + rest
        if len(rest) > LONGEST:
            raise ValueError("a quoted cell has no end")
        if block:
            yield block
    if rest:
        yield quoted.sub(b"x", rest).rstrip(b"\n") + b"\n"


@contextmanager
def opened(path: Path, encoding: str) -> Iterator[Any]:
    """Open a table as bytes in which separators and ends of lines are those of ASCII."""
    suffix = path.suffix.lower()
    if suffix == ".zip":
        with (
            zipfile.ZipFile(path) as archive,
            archive.open(archive.namelist()[0]) as file,
        ):
            yield in_ascii(file, encoding)
    else:
        with OPENERS.get(suffix, open)(path, "rb") as file:
            yield in_ascii(file, encoding)


def in_ascii(file: Any, encoding: str) -> Any:
    """Return a file without a byte order mark, in UTF-8 where its encoding is wider."""
    if "a".encode(encoding) != b"a":
        return Recoded(file, encoding)
    if file.read(3) != codecs.BOM_UTF8:
        file.seek(0)
    return file


class Recoded:
    """A file in UTF-8, whatever its encoding is."""

    def __init__(self, file: Any, encoding: str) -> None:
        self.text = io.TextIOWrapper(file, encoding, newline="")

    def read(self, size: int) -> bytes:
        """Read some characters."""
        return self.text.read(size).encode()

    def readline(self) -> bytes:
        """Read a line."""
        return self.text.readline().encode()
