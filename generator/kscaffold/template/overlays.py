"""Layers: the folders that a template is made of, on top of each other."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from kscaffold.errors import TemplateError
from kscaffold.safety.files import open_regular, read_all

MANIFEST = "kscaffold.toml"
# Files that are in the folder of a template and not part of it.
IGNORED = frozenset({".git", ".hg", ".svn", "__pycache__", ".DS_Store", "Thumbs.db"})
# What editors and killed runs leave.
LEFT_OVER = re.compile(r"\.pyc$|~$|\.backup-\d+$|^\.kscaffold-(lock|work)$")
JOURNAL = ".kscaffold-work/journal"
MAX_FILES = 20_000
# Of one file, and of all together, in bytes.
MAX_FILE = 64 << 20
MAX_BYTES = 256 << 20
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Layer:
    """A folder of template files."""

    name: str  # what other layers call it, such as "builtin"
    root: Path
    place: str = ""  # the prefix of its files in messages, such as "lab/"; may be empty
    description: str = ""
    apart: frozenset[str] = frozenset()  # folders in it that are layers of their own

    def has(self, path: str) -> bool:
        """Return whether this layer has a file."""
        return _is_inside(path) and os.path.isfile(f"{self.root}/{path}")  # noqa: PTH113

    def path_of(self, path: str) -> Path:
        """Return where a file is; raises `TemplateError` if that is outside the folder."""
        # A symbolic link out of the folder would let a template read any file.
        real = Path(os.path.realpath(self.root / path)) if _is_inside(path) else None
        if real is None or not real.is_relative_to(os.path.realpath(self.root)):
            raise TemplateError("is outside the template's folder", place=f"{self.place}{path}")
        return real

    def open(self, path: str, most: int = MAX_FILE) -> BinaryIO:
        """Open a file of at most `most` bytes; raises `TemplateError`."""
        whole = self.root / path if _is_inside(path) else self.path_of(path)
        with self._as_template_error(path):
            file = open_regular(whole, most)
            # Checked after opening, since the path may have led elsewhere before.
            if not os.path.samestat(os.fstat(file.fileno()), self.path_of(path).lstat()):
                file.close()
                raise OSError(errno.EBUSY, "Changed while it was opened")
        return file

    def read_bytes(self, path: str, most: int = MAX_FILE) -> bytes:
        """Return a file's content of at most `most` bytes; raises `TemplateError`."""
        with self.open(path, most) as file, self._as_template_error(path):
            return read_all(file, self.root / path, most)

    @contextmanager
    def _as_template_error(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason, place = str(error.strerror), f"{self.place}{path}"
            hint = "kscaffold.toml names it" if error.errno == errno.ENOENT else ""
            raise TemplateError(reason, place=place, hint=hint) from None

    def read(self, path: str) -> str:
        """Return a file's text; raises `TemplateError`."""
        try:
            return self.read_bytes(path).decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            reason = f"is not UTF-8: {error.reason}"
            raise TemplateError(reason, place=f"{self.place}{path}") from None

    def files(self) -> tuple[str, ...]:
        """Return the paths of all files but the manifest, in order; raises `TemplateError`."""
        found: list[str] = []
        for folder, names, files in os.walk(self.root):
            inside = PurePosixPath(Path(folder).relative_to(self.root).as_posix())
            others = IGNORED if inside.parts else IGNORED | self.apart
            names[:] = sorted(n for n in names if n not in others and not LEFT_OVER.search(n))
            kept = (name for name in files if name not in IGNORED and not LEFT_OVER.search(name))
            found += [str(inside / name) for name in kept]
            if len(found) > MAX_FILES:
                raise TemplateError(f"more than {MAX_FILES} files", place=self.place)
        return tuple(sorted(path for path in found if path != MANIFEST))

    def digest(self) -> str:
        """Return the SHA-256 of all paths and contents, in hexadecimal; raises `TemplateError`."""
        whole = hashlib.sha256()
        total = 0
        for path in (MANIFEST, *self.files()):
            with self.open(path, MAX_BYTES) as file:
                left = os.fstat(file.fileno()).st_size
                total += left
                if total > MAX_BYTES:
                    place = self.place or str(self.root)
                    raise TemplateError(f"more than {MAX_BYTES >> 20} MiB", place=place)
                whole.update(f"{len(path)}:{path}:{left}:".encode())
                while left > 0 and (chunk := file.read(min(left, _CHUNK))):
                    whole.update(chunk)
                    left -= len(chunk)
        return whole.hexdigest()


class Layers(tuple[Layer, ...]):
    """Layers from the bottom to the top; a file hides those with the same path below it."""

    __slots__ = ()

    def find(self, path: str, below: int | None = None) -> int | None:
        """Return the index of the highest layer (under `below`) that has a file."""
        for number in reversed(range(len(self) if below is None else below)):
            if self[number].has(path):
                return number
        return None

    def top(self, path: str) -> Layer:
        """Return the highest layer that has a file; the bottom one if none has it."""
        return self[self.find(path) or 0]


def _is_inside(path: str) -> bool:
    return not path.startswith("/") and ".." not in path.split("/") and "\0" not in path
