"""Check the paths of a tree once more before they are written."""

from __future__ import annotations

from collections.abc import Iterable

from kscaffold.errors import TargetError, TemplateError
from kscaffold.project.tree import Tree
from kscaffold.safety.paths import check_distinct, path_problem


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
