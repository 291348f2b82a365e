"""A folder that stays: each file is put in place on its own, and a journal can undo them all."""

from __future__ import annotations

from contextlib import suppress

from kscaffold.errors import TargetError
from kscaffold.write.entries import Entry
from kscaffold.write.folder import Folder
from kscaffold.write.journal import NAME, Journal
from kscaffold.write.lock import Lock
from kscaffold.write.place import LOCK_INSIDE, WORK_INSIDE, Place
from kscaffold.write.plan import Plan, Step, make_plan
from kscaffold.write.removal import remove_tree, tidy
from kscaffold.write.signals import Checkpoint
from kscaffold.write.stage import stage, sync_folders

_STAGED = "new"


def write(
    place: Place, entries: tuple[Entry, ...], checkpoint: Checkpoint, *, force: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write the entries into the target; give back the paths of files and of backups.

    Raises:
        OSError: the disk refuses; everything is undone.
        TargetError: the target is not empty (and `force` is off), something in it is in the way,
            another run is writing there, or a signal came.
    """
    with _target(place) as target, Lock(target, LOCK_INSIDE, place.target):
        undo(target)
        if not force and set(target.names()) != {LOCK_INSIDE}:
            raise place.not_empty()
        plan = make_plan(target, entries)
        try:
            _carry_out(plan, target, checkpoint)
        except BaseException as error:
            if not tidy(lambda: undo(target)):
                reason = f"{place.target} is half written, and cannot be put back now ({error})"
                hint = "once it can, the next kscaffold run on this path does it"
                raise TargetError(reason, hint=hint) from error
            raise
        tidy(lambda: remove_tree(target, WORK_INSIDE))
    return tuple(step.entry.path for step in plan.steps), plan.backups


def clean_up(place: Place) -> None:
    """Undo what a run that was killed left half done.

    Raises:
        TargetError: another run is at it, or the journal cannot be read.
    """
    with _target(place) as target, Lock(target, LOCK_INSIDE, place.target):
        undo(target)


def _carry_out(plan: Plan, target: Folder, checkpoint: Checkpoint) -> None:
    target.make(WORK_INSIDE)
    with target.sub(WORK_INSIDE, target.shown) as work:
        work.make(_STAGED)
        with work.sub(_STAGED, target.shown) as staged:
            stage(staged, tuple(step.entry for step in plan.steps), checkpoint)
            Journal.of(plan, staged).save(work)
            for parts in plan.folders:
                checkpoint()
                with target.walk(parts[:-1]) as folder:
                    folder.make(parts[-1])
            for step in plan.steps:
                checkpoint()
                _put_in_place(step, staged, target)
        sync_folders(target, tuple(sorted({step.entry.folder for step in plan.steps})))
        work.remove(NAME)  # from here on the write is done, and nothing undoes it
        with suppress(OSError):
            work.sync()


def _put_in_place(step: Step, staged: Folder, target: Folder) -> None:
    name, parts = step.entry.name, step.entry.folder
    with staged.walk(parts) as source, target.walk(parts) as folder:
        if step.backup is not None:
            if folder.look(step.backup) is not None:
                reason = f"{step.backup} has just appeared"
                raise TargetError(reason, place=folder.shown, hint="run this again")
            folder.rename(name, step.backup)
        source.place(name, folder, name)


def undo(target: Folder) -> None:
    """Undo a write that was stopped, if there was one, and remove what it left."""
    if target.look(WORK_INSIDE) is None:
        return
    with target.sub(WORK_INSIDE) as work:
        journal = Journal.load(work)
        if journal is not None:
            journal.undo(target)
            work.remove(NAME)
    remove_tree(target, WORK_INSIDE)


def _target(place: Place) -> Folder:
    return Folder.open(place.path, place.target)
