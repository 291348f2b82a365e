"""The tree as bytes to be written, each path checked once more on its own."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kscaffold.errors import TargetError

if TYPE_CHECKING:
    from kscaffold.project.tree import Tree, TreeFile

_DEEPEST = 64
_OWN = ".kscaffold-"  # how the names of a run's own temporary files start
_GIT = {".git", "git~1"}  # git runs what it finds there


@dataclass(frozen=True)
class Entry:
    """One file to write.

    Attributes:
        parts: the names on the way to it, its own last.
        data: its bytes.
        mode: its permissions, before the umask.
    """

    parts: tuple[str, ...]
    data: bytes
    mode: int

    @property
    def path(self) -> str:
        """The whole path, relative to the target."""
        return "/".join(self.parts)

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.parts[-1]

    @property
    def folder(self) -> tuple[str, ...]:
        """The names on the way to the folder that it lies in."""
        return self.parts[:-1]


def to_entries(tree: Tree) -> tuple[Entry, ...]:
    """The files of a tree as entries.

    Raises:
        TargetError: a path leads out of the target or into `.git`, two paths are the same on some
            file system, or a text cannot be written as UTF-8.
    """
    entries = tuple(_entry(file) for file in tree)
    spellings: dict[tuple[str, ...], tuple[str, ...]] = {}
    for entry in entries:
        for length in range(1, len(entry.parts) + 1):
            parts = entry.parts[:length]
            if spellings.setdefault(tuple(map(fold, parts)), parts) != parts:
                raise TargetError(f"{entry.path!r} and another path differ by case or accents only")
    folders = {fold_path(entry.parts[:n]) for entry in entries for n in range(len(entry.parts))}
    files = [fold_path(entry.parts) for entry in entries]
    if len(set(files)) < len(files) or folders.intersection(files):
        raise TargetError("the template has two files, or a file and a folder, at one path")
    return entries


def folders_of(entries: tuple[Entry, ...]) -> tuple[tuple[str, ...], ...]:
    """All folders that the entries lie in, each after the one around it; the root is left out."""
    return tuple(sorted({e.parts[:n] for e in entries for n in range(1, len(e.parts))}))


def check_parts(path: str) -> tuple[str, ...]:
    """The names that a path consists of.

    Raises:
        TargetError: the path is absolute, leads upwards or into `.git`, or is a temporary name.
    """
    parts = tuple(path.split("/"))
    if (
        len(parts) > _DEEPEST
        or any(part in ("", ".", "..") or set(part) & set("\\:\0") for part in parts)
        or any(fold(part).rstrip(". ") in _GIT for part in parts)
        or fold(parts[0]).startswith(_OWN)
    ):
        raise TargetError(f"the template names a file {path!r}, which is no path in a project")
    return parts


def fold(name: str) -> str:
    """What a file system that ignores case and accent forms takes for the same name."""
    if name.isascii():
        return name.lower()
    from unicodedata import normalize

    return normalize("NFC", normalize("NFD", name).casefold())


def fold_path(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The same for each name of a path."""
    return tuple(map(fold, parts))


def _entry(file: TreeFile) -> Entry:
    parts = check_parts(file.path)
    try:
        data = file.data
    except UnicodeEncodeError as error:
        raise TargetError(f"{file.path} cannot be written as UTF-8: {error.reason}") from error
    mode = 0o755 if file.executable else 0o644
    # What holds a secret is its owner's alone.
    return Entry(parts, data, mode & stat.S_IRWXU if file.secret else mode)
