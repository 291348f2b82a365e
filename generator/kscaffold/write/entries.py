"""The tree as bytes to write; each path is checked here once more."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kscaffold.errors import TargetError, TemplateError
from kscaffold.safety.paths import check_distinct, path_problem

if TYPE_CHECKING:
    from kscaffold.project.tree import Tree, TreeFile


@dataclass(frozen=True)
class Entry:
    """One file to write.

    Attributes:
        path: where it goes, relative to the target, with forward slashes.
        data: its bytes.
        mode: its permissions, before the umask.
    """

    path: str
    data: bytes
    mode: int


def to_entries(tree: Tree) -> tuple[Entry, ...]:
    """Return the files of a tree as entries.

    Raises:
        TargetError: a path leads out of the target or into `.git`, two paths are the same on some
            file system, or a text cannot be written as UTF-8.
    """
    entries = tuple(_entry(file) for file in tree)
    try:
        check_distinct(entry.path for entry in entries)
    except TemplateError as error:
        raise TargetError(error.reason) from error
    return entries


def checked(path: str) -> str:
    """Return a path that stays inside the target; raises `TargetError` for another one."""
    if problem := path_problem(path, own=True):
        raise TargetError(f"{path!r} is no path in a project: {problem}")
    return path


def folders_of(paths: Iterable[str]) -> tuple[str, ...]:
    """Return all folders that the paths lie in, each after the one around it."""
    parts = [path.split("/") for path in paths]
    return tuple(sorted({"/".join(each[:n]) for each in parts for n in range(1, len(each))}))


def _entry(file: TreeFile) -> Entry:
    path = checked(file.path)
    try:
        data = file.data
    except UnicodeEncodeError as error:
        raise TargetError(f"{path} cannot be written as UTF-8: {error.reason}") from error
    mode = 0o755 if file.executable else 0o644
    return Entry(path, data, mode & stat.S_IRWXU if file.secret else mode)
