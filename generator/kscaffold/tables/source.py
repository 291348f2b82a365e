"""The bytes of a table as lines of text: its compression and its encoding are found out."""

from __future__ import annotations

import bz2
import codecs
import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from os import fstat
from pathlib import Path
from typing import IO, BinaryIO

from kscaffold.errors import TableError
from kscaffold.safety.files import open_regular

LONGEST_LINE = 4_000_000  # characters
HEAD = 1 << 16
# What a file begins with, and what that is; None: it is read through a decompressor.
_GZIP, _BZ2, _ZIP = b"\x1f\x8b", b"BZh", b"PK\x03\x04"
_SUFFIXES = {_GZIP: ".gz", _BZ2: ".bz2", _ZIP: ".zip"}
_FOREIGN = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook: save it as CSV",
    b"SQLite format 3": "a database: export the table as CSV",
    b"\xfd7zXZ": "compressed with xz: use gzip",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: use gzip",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\x89HDF": "an HDF5 file: export the table as CSV",
    b"\x93NUMPY": "a NumPy array: export it as CSV",
}


@dataclass(frozen=True)
class Source:
    """A file, and how its bytes become text.

    Attributes:
        path: of the file.
        encoding: "utf-8", "utf-8-sig", "utf-16" or "cp1252", as Python calls them.
        compression: "", ".gz", ".bz2" or ".zip".
    """

    path: Path
    encoding: str
    compression: str

    @contextmanager
    def open(self, most: int) -> Iterator[Lines]:
        """Open its first `most` characters; raises `TableError` for what goes wrong inside, too."""
        with (
            _errors_named(self.path),
            open_regular(self.path) as file,
            _decompressed(self.path, file, self.compression) as data,
            TextIOWrapper(data, encoding=self.encoding, newline="") as text,
        ):
            yield Lines(text, self.path, most, file)


def find_source(path: Path) -> Source:
    """Find out how a file is compressed and encoded.

    Raises:
        TableError: it cannot be read, or is no text.
    """
    with _errors_named(path), open_regular(path) as file:
        start = file.read(HEAD)
        compression = next((_SUFFIXES[m] for m in _SUFFIXES if start.startswith(m)), "")
        for magic, what in _FOREIGN.items():
            if start.startswith(magic):
                raise TableError(f"{path} is {what}")
        if compression and path.suffix.lower() != compression:
            # pandas goes by the name.
            reason = f"{path} is a {compression} file by its content"
            raise TableError(reason, hint=f"name it *{compression}")
        if not compression and path.suffix.lower() in _SUFFIXES.values():
            raise TableError(f"{path} is no {path.suffix} file by its content", hint="rename it")
        file.seek(0)
        with _decompressed(path, file, compression) as data:
            return Source(path, _encoding(path, data), compression)


def _encoding(path: Path, data: IO[bytes]) -> str:
    head = data.read(HEAD)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in head:
        line = head[: head.index(b"\0")].count(b"\n") + 1
        reason = f"{path}, line {line}: a NUL byte, so this is no text file"
        raise TableError(reason, hint="export the table as CSV in UTF-8")
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while head:
            decoder.decode(head)
            head = data.read(1 << 20)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


@contextmanager
def _decompressed(path: Path, file: BinaryIO, compression: str) -> Iterator[IO[bytes]]:
    if compression == ".gz":
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield BufferedReader(unpacked)
    elif compression == ".bz2":
        with bz2.BZ2File(file) as data:
            yield BufferedReader(data)
    elif compression == ".zip":
        with zipfile.ZipFile(file) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if "[Content_Types].xml" in names:
                raise TableError(f"{path} is an Excel workbook", hint="save it as CSV")
            if len(names) != 1:
                reason = f"{path} holds {len(names)} files, not one table"
                raise TableError(reason, hint="unpack it, and name one of them")
            with archive.open(names[0]) as data:
                yield data
    else:
        yield file


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        hint = "download it first" if "://" in str(path) or ":/" in str(path) else ""
        raise TableError(f"{path}: no such file", hint=hint) from None
    except UnicodeDecodeError as error:
        reason = f"{path} is no text in UTF-8, UTF-16 or Windows-1252: {error.reason}"
        raise TableError(reason, hint="export it as CSV in UTF-8") from None
    except UnicodeError as error:
        raise TableError(f"{path} is no text: {error}") from None
    # A RuntimeError is a zip with a password, or with a compression that Python lacks.
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TableError(f"{path} is not a readable CSV file: {reason}") from None


class Lines:
    """The lines of a text, up to `most` characters in all.

    Attributes:
        is_cut: whether there are more.
    """

    def __init__(self, text: TextIOWrapper, path: Path, most: int, file: BinaryIO) -> None:
        self.text, self.path, self.left = text, path, most
        self.most, self.file, self.size = most, file, fstat(file.fileno()).st_size
        self.number = 0
        self.is_cut = False

    @property
    def fraction(self) -> float:
        """How much has been read of the file, or of the `most` characters."""
        return min(max(self.file.tell() / max(self.size, 1), 1 - self.left / self.most), 1.0)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """Return the next line; raises `TableError` for a NUL or a line without end."""
        line = self.text.readline(LONGEST_LINE + 1)
        self.is_cut = bool(line) and self.left <= 0
        if not line or self.is_cut:
            raise StopIteration
        self.number += 1
        self.left -= len(line)
        place = f"{self.path}, line {self.number}"
        if len(line) > LONGEST_LINE:
            reason = f"{place}: more than {LONGEST_LINE} characters"
            raise TableError(reason, hint="is this a table with a row a line?")
        if "\0" in line:
            reason = f"{place}: a NUL byte, so this is no text file"
            raise TableError(reason, hint="export the table as CSV in UTF-8")
        return line
