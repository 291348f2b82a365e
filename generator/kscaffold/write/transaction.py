"""One write, from the lock to the cleaning up."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from posixpath import join

from kscaffold.errors import TargetError
from kscaffold.project.tree import Tree
from kscaffold.write import journal
from kscaffold.write.folder import Folder, is_own
from kscaffold.write.os_errors import as_target_errors, tidy
from kscaffold.write.plan import Plan, folders_of, make_plan
from kscaffold.write.signals import Checkpoint
from kscaffold.write.target import Target, locate
from kscaffold.write.workspace import LOCK, WORK, Workspace


@dataclass(frozen=True)
class Written:
    """The paths of the files and backups that a run has written.

    Files that had the same content already are not listed.
    """

    files: tuple[str, ...]
    backups: tuple[str, ...] = ()


def write_whole(target: Target, tree: Tree, checkpoint: Checkpoint) -> Written:
    """Stage the tree beside a missing or empty target, and put it in place by one rename."""
    with target.beside.locked(target.given) as parent:
        staged = target.beside.new_name()
        try:
            parent.make(staged)
            with parent.sub(staged, shown=parent.show(target.name)) as root:
                _stage(root, tree, checkpoint, target.inner)
                if target.found is not None:
                    root.set_mode(stat.S_IMODE(target.found.st_mode))
            checkpoint()
            parent.rename(staged, target.name)
        except BaseException:
            tidy(lambda: parent.remove_tree(staged))
            raise
        with suppress(OSError):  # without it, a power cut may undo the rename as a whole
            parent.sync(".")
    return Written(tuple(file.path for file in tree))


def write_into(target: Target, tree: Tree, checkpoint: Checkpoint, *, force: bool) -> Written:
    """Stage the files inside the target, and put each in place; a journal can undo it all."""
    with _working_inside(target) as folder:
        if not force and folder.names() != {LOCK, WORK}:
            raise target.not_empty()
        plan = make_plan(folder, tree)
        folder.make(journal.STAGED)
        with folder.sub(journal.STAGED, shown=folder.shown) as root:
            _stage(root, plan.files, checkpoint)
        journal.save(plan, folder)
        _put_in_place(plan, folder, journal.STAGED, checkpoint)
        journal.close(folder)
    return Written(tuple(file.path for file in plan.files), tuple(plan.backups.values()))


@contextmanager
def working_folder(target: Path) -> Iterator[Path]:
    """Give a temporary folder inside a target, which the next run removes after a kill."""
    with as_target_errors(target):
        found = locate(target)
        with _working_inside(found):
            yield Path(found.path, WORK)


@contextmanager
def _working_inside(target: Target) -> Iterator[Folder]:
    """Lock the target and make `WORK` in it; at the end, undo what its journal still has."""
    with target.inside.locked(target.given) as folder:
        journal.undo(folder)
        try:
            folder.make(WORK)
            yield folder
        except BaseException as error:
            is_undone = tidy(lambda: journal.undo(folder))
            if not is_undone and isinstance(error, Exception):  # an interrupt stays one
                reason = f"{target.given} is half written, and cannot be restored now ({error})"
                hint = "the next kscaffold run on this path tries again"
                raise TargetError(reason, hint=hint) from error
            raise
        tidy(lambda: journal.undo(folder))


def clean_up(target: Target) -> None:
    """Undo and remove what killed runs left at the target."""
    for space in filter(Workspace.is_used, (target.beside, *target.farther_out)):
        try:
            with space.locked(target.given) as folder:
                _remove_staged(folder, space)
        except (OSError, TargetError):
            if space == target.beside:
                raise  # litter elsewhere does no harm, or its own run is removing it
    if target.is_folder and target.inside.is_used():
        with target.inside.locked(target.given) as folder:
            journal.undo(folder)


def _stage(root: Folder, tree: Tree, checkpoint: Checkpoint, inner: str = "") -> None:
    """Write the files, and flush them to the disk before anything is renamed.

    All are written before the first is synced, since one sync flushes much of the rest, too.
    """
    paths = [join(inner, file.path) for file in tree]
    folders = folders_of((join(inner, ""), *paths))
    for folder in folders:
        checkpoint()
        root.make(folder)
    for path, file in zip(paths, tree, strict=True):
        checkpoint()
        mode = 0o755 if file.executable else 0o644
        root.create(path, file.data, mode & stat.S_IRWXU if file.secret else mode)
    for path in (*paths, *reversed(folders), "."):
        checkpoint()
        root.sync(path)


def _put_in_place(plan: Plan, target: Folder, staged: str, checkpoint: Checkpoint) -> None:
    for folder in plan.folders:
        checkpoint()
        target.make(folder)
    paths = [file.path for file in plan.files]
    for path in paths:
        checkpoint()
        if path in plan.backups:
            target.move(path, plan.backups[path])
        target.move(f"{staged}/{path}", path)
    for folder in (*reversed(folders_of(paths)), "."):
        target.sync(folder)


def _remove_staged(folder: Folder, space: Workspace) -> None:
    for name in filter(space.is_new_name, folder.names()):
        found = folder.look(name)
        # In a shared folder, others may use such a name.
        if found is not None and stat.S_ISDIR(found.st_mode) and is_own(found):
            folder.remove_tree(name)
