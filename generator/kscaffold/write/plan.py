"""Plan a write into a folder that has files, without changing anything."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from posixpath import dirname, join, split

from kscaffold.errors import TargetError
from kscaffold.project.tree import Tree, TreeFile
from kscaffold.safety.paths import folded
from kscaffold.write.folder import Folder
from kscaffold.write.paths import folders_of


@dataclass(frozen=True)
class Plan:
    """What has to be done.

    Attributes:
        folders: the missing folders, outer ones first.
        files: the files that are missing or differ.
        backups: for each file that differs, the path of the backup.
    """

    folders: tuple[str, ...]
    files: Tree
    backups: dict[str, str]


def make_plan(target: Folder, tree: Tree) -> Plan:
    """Compare the tree with what is there; raises `TargetError` if something is in the way."""
    paths = [file.path for file in tree]
    folders = tuple(folder for folder in folders_of(paths) if not _is_there(target, folder))
    files, backups = [], {}
    for file in tree:
        if not _is_there(target, file.path):
            files.append(file)
        elif _differs(target, file):
            files.append(file)
            backups[file.path] = _backup_path(target, file.path, paths)
    return Plan(folders, tuple(files), backups)


def _is_there(target: Folder, path: str) -> bool:
    folder, name = split(path)
    names = target.names(folder)
    for other in () if name in names else names:
        if folded(other) == folded(name):
            there = target.show(join(folder, other))
            reason = f"{there} differs from the project's {name} only by case or accents"
            raise TargetError(reason, hint="rename it, or choose another path")
    return name in names


def _differs(target: Folder, file: TreeFile) -> bool:
    found = target.look(file.path)
    if found is not None and not stat.S_ISREG(found.st_mode):
        kinds = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder"}
        kind = kinds.get(stat.S_IFMT(found.st_mode), "not a regular file")
        reason = f"{target.show(file.path)} is {kind}, but the project has a file there"
        raise TargetError(reason, hint="move it, or choose another path")
    return target.read(file.path, len(file.data) + 1) != file.data


def _backup_path(target: Folder, path: str, planned: Iterable[str]) -> str:
    folder = dirname(path)
    existing = (join(folder, name) for name in target.names(folder))
    taken = {folded(each) for each in (*existing, *planned)}
    backups = (f"{path}.backup-{number}" for number in count(1))
    return next(backup for backup in backups if folded(backup) not in taken)
