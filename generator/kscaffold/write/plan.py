"""What has to be done in a folder that has files already, found by looking only."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from posixpath import dirname, join, split

from kscaffold.errors import TargetError
from kscaffold.safety.paths import folded
from kscaffold.write.entries import Entry, folders_of
from kscaffold.write.folder import Folder


@dataclass(frozen=True)
class Step:
    """One file to put in place.

    Attributes:
        entry: the file.
        backup: the path that what is there now moves to; None where nothing is.
    """

    entry: Entry
    backup: str | None


@dataclass(frozen=True)
class Plan:
    """All that has to be done.

    Attributes:
        folders: the folders that are missing, each after the one around it.
        steps: the files that are missing or differ.
    """

    folders: tuple[str, ...]
    steps: tuple[Step, ...]


def make_plan(target: Folder, entries: tuple[Entry, ...]) -> Plan:
    """Compare the entries with what is there.

    Raises:
        TargetError: a link or a folder is in the place of a file, a file or a link in the place of
            a folder, or a name differs from an existing one by case only.
        OSError: something there cannot be read.
    """
    paths = [entry.path for entry in entries]
    names = {"": target.names()}
    missing = []
    for folder in folders_of(paths):
        if _is_there(target, folder, names):
            names[folder] = target.names(folder)
        else:
            missing.append(folder)
    steps = []
    for entry in entries:
        if not _is_there(target, entry.path, names):
            steps.append(Step(entry, None))
        elif _differs(target, entry):
            folder = dirname(entry.path)
            taken = {join(folder, name) for name in names[folder]}.union(paths)
            steps.append(Step(entry, _backup_path(entry.path, taken)))
    return Plan(tuple(missing), tuple(steps))


def _is_there(target: Folder, path: str, names: dict[str, frozenset[str]]) -> bool:
    """Return whether a path exists, given the names in each folder that does."""
    folder, name = split(path)
    around = names.get(folder, frozenset())
    if name in around:
        return True
    for other in around:
        if folded(other) == folded(name):
            there = target.show(join(folder, other))
            reason = f"{there} differs from the project's {name} by case or accents only"
            raise TargetError(reason, hint="rename it, or choose another path")
    return False


def _differs(target: Folder, entry: Entry) -> bool:
    found = target.look(entry.path)
    if found is not None and not stat.S_ISREG(found.st_mode):
        kinds = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder"}
        kind = kinds.get(stat.S_IFMT(found.st_mode), "no regular file")
        reason = f"{target.show(entry.path)} is {kind}, but the project has a file there"
        raise TargetError(reason, hint="move it, or choose another path")
    return target.read(entry.path, len(entry.data) + 1) != entry.data


def _backup_path(path: str, taken: set[str]) -> str:
    used = set(map(folded, taken))
    number = 1
    while folded(f"{path}.backup-{number}") in used:
        number += 1
    return f"{path}.backup-{number}"
