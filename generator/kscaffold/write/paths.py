"""The paths of a tree, each checked here once more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kscaffold.errors import TargetError, TemplateError
from kscaffold.safety.paths import check_distinct, path_problem

if TYPE_CHECKING:
    from kscaffold.project.tree import Tree


def check_tree(tree: Tree) -> None:
    """Refuse what cannot be written.

    Raises:
        TargetError: a path leads out of the target or into `.git`, two paths are the same on some
            file system, or a text cannot be written as UTF-8.
    """
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
    """Return a path that stays inside the target; raises `TargetError` for another one."""
    if problem := path_problem(path, own=True):
        raise TargetError(f"{path!r} is no path in a project: {problem}")
    return path


def folders_of(paths: Iterable[str]) -> tuple[str, ...]:
    """Return all folders that the paths lie in, each after the one around it."""
    parts = [path.split("/") for path in paths]
    return tuple(sorted({"/".join(each[:n]) for each in parts for n in range(1, len(each))}))
