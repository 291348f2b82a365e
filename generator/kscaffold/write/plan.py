"""What has to be done in a folder that has files already, found by looking only."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from posixpath import dirname, join, split

from kscaffold.errors import TargetError
from kscaffold.safety.paths import folded
from kscaffold.write.entries import Entry, folders_of
from kscaffold.write.folder import Folder


@dataclass(frozen=True)
class Plan:
    """All that has to be done.

    Attributes:
        folders: the folders that are missing, each after the one around it.
        entries: the files that are missing or differ.
        backups: for each file that differs, the path that what is there now moves to.
    """

    folders: tuple[str, ...]
    entries: tuple[Entry, ...]
    backups: dict[str, str]


def make_plan(target: Folder, entries: tuple[Entry, ...]) -> Plan:
    """Compare the entries with what is there.

    Raises:
        TargetError: a link or a folder is in the place of a file, a file or a link in the place of
            a folder, or a name differs from an existing one by case only.
        OSError: something there cannot be read.
    """
    paths = [entry.path for entry in entries]
    folders = tuple(folder for folder in folders_of(paths) if not _is_there(target, folder))
    new = {entry.path for entry in entries if not _is_there(target, entry.path)}
    changed = [e.path for e in entries if e.path not in new and _differs(target, e)]
    backups = {path: _backup_path(target, path, paths) for path in changed}
    return Plan(folders, tuple(e for e in entries if e.path in new or e.path in backups), backups)


def _is_there(target: Folder, path: str) -> bool:
    folder, name = split(path)
    names = target.names(folder)
    for other in () if name in names else names:
        if folded(other) == folded(name):
            there = target.show(join(folder, other))
            reason = f"{there} differs from the project's {name} by case or accents only"
            raise TargetError(reason, hint="rename it, or choose another path")
    return name in names


def _differs(target: Folder, entry: Entry) -> bool:
    found = target.look(entry.path)
    if found is not None and not stat.S_ISREG(found.st_mode):
        kinds = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder"}
        kind = kinds.get(stat.S_IFMT(found.st_mode), "not a regular file")
        reason = f"{target.show(entry.path)} is {kind}, but the project has a file there"
        raise TargetError(reason, hint="move it, or choose another path")
    return target.read(entry.path, len(entry.data) + 1) != entry.data


def _backup_path(target: Folder, path: str, planned: Iterable[str]) -> str:
    folder = dirname(path)
    taken = {folded(join(folder, name)) for name in target.names(folder)} | set(
        map(folded, planned)
    )
    backups = (f"{path}.backup-{number}" for number in count(1))
    return next(backup for backup in backups if folded(backup) not in taken)
