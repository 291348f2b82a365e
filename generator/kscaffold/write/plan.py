"""What has to be done in a folder that has files already, found by looking only."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from posixpath import dirname, join, split
from typing import TYPE_CHECKING

from kscaffold.errors import TargetError
from kscaffold.safety.paths import folded
from kscaffold.write.folder import Folder
from kscaffold.write.paths import folders_of

if TYPE_CHECKING:
    from kscaffold.project.tree import Tree, TreeFile


@dataclass(frozen=True)
class Plan:
    """All that has to be done.

    Attributes:
        folders: the folders that are missing, each after the one around it.
        files: the files that are missing or differ.
        backups: for each file that differs, the path that what is there now moves to.
    """

    folders: tuple[str, ...]
    files: Tree
    backups: dict[str, str]


def make_plan(target: Folder, tree: Tree) -> Plan:
    """Compare the tree with what is there.

    Raises:
        TargetError: a link or a folder is in the place of a file, a file or a link in the place of
            a folder, or a name differs from an existing one by case only.
        OSError: something there cannot be read.
    """
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
            reason = f"{there} differs from the project's {name} by case or accents only"
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
    taken = {folded(join(folder, name)) for name in target.names(folder)} | set(
        map(folded, planned)
    )
    backups = (f"{path}.backup-{number}" for number in count(1))
    return next(backup for backup in backups if folded(backup) not in taken)
