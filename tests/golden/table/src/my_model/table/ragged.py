"""Rows with more or fewer cells than the header, which pandas would cut or fill in silence."""

from __future__ import annotations

import bz2
import codecs
import gzip
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .schema import Format

BLOCK = 1 << 20  # bytes


def ragged_rows(path: Path, table: Format, width: int) -> list[int]:
    """Return the numbers of rows that have not `width` cells, counted from 0 without blanks."""
    found: list[int] = []
    row = 0
    separator = table.separator.encode()
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
            for line in np.flatnonzero(separators != width - 1):
                cells = block[starts[line] : ends[line]].strip(b" ")
                blank += not cells
                # Nothing is lost with empty cells at the end.
                kept = cells.rstrip(separator + b" ").count(separator)
                if cells and (separators[line] < width or kept >= width):
                    found.append(row + int(line) - blank)
            row += len(ends) - blank
    return [number - table.header for number in found]


def blocks(file: Any, separator: bytes) -> Iterator[bytes]:
    """Yield whole rows, a line each: no quoted cell holds a separator or a line feed."""
    start = rb"(?<![^\r\n" + re.escape(separator) + rb'])"'
    quoted = re.compile(start + rb'(?:[^"]|"")*"')
    opening = re.compile(start)
    while block := file.read(BLOCK):
        block += file.readline()
        if b'"' in block:
            whole = quoted.sub(b"x", block)
            while opening.search(whole) and (line := file.readline()):
                block += line
                whole = quoted.sub(b"x", block)
            block = whole
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield block if block.endswith(b"\n") else block + b"\n"


@contextmanager
def opened(path: Path, encoding: str) -> Iterator[Any]:
    """Open a table as bytes of which line feeds and separators are one each."""
    openers: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open}
    if path.suffix == ".zip":
        with (
            zipfile.ZipFile(path) as archive,
            archive.open(archive.namelist()[0]) as file,
        ):
            yield recoded(file, encoding)
    else:
        with openers.get(path.suffix, open)(path, "rb") as file:
            yield recoded(file, encoding)


def recoded(file: Any, encoding: str) -> Any:
    """Return a file of UTF-16 as one of UTF-8, and any other as it is."""
    return codecs.EncodedFile(file, "utf-8", encoding) if encoding == "utf-16" else file
