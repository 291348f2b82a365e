"""Check the paths of a tree, and plan a write into a folder, without changing anything."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from posixpath import dirname, join, split

from kscaffold.errors import TargetError, TemplateError
from kscaffold.project.tree import Tree, TreeFile
from kscaffold.safety.paths import check_distinct, folded, path_problem
from kscaffold.write.folder import Folder


def check_tree(tree: Tree) -> None:
    """Refuse invalid or colliding paths, and text that is not UTF-8; raises `TargetError`."""
    for file in tree:
        try:
            checked(file.path), file.data
        except UnicodeEncodeError as error:
            reason = f"{file.path} cannot be written as UTF-8: {error.reason}"
            raise TargetError(reason) from error
    try:
        check_distinct(file.path for file in tree)
    except TemplateError as error:
        raise TargetError(error.reason) from error


def checked(path: str) -> str:
    """Return the path if it stays inside the target; else raises `TargetError`."""
    if problem := path_problem(path, own=True):
        raise TargetError(f"{path!r} is not a path in a project: {problem}")
    return path


def folders_of(paths: Iterable[str]) -> tuple[str, ...]:
    """Return all folders that contain the paths, outer ones first."""
    parts = [path.split("/") for path in paths]
    return tuple(sorted({"/".join(each[:n]) for each in parts for n in range(1, len(each))}))


@dataclass(frozen=True)
class Plan:
    """What has to be done."""

    folders: tuple[str, ...]  # missing ones, outer ones first
    files: Tree  # missing ones, and those that differ
    backups: dict[str, str]  # for each file that differs, the path of its backup


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
