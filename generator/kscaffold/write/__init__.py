"""Write a tree into a target folder: all of it or nothing, and without losing the user's files.

A write checks the target, locks it, stages the files, swaps them in, and cleans up. There are two
ways to swap:

* If the target is missing or empty, the tree is staged in a folder beside it and put in place by
  one rename. Even a kill leaves the target as it was.
* If the target has files, or cannot be renamed over (the current folder, a mount point), the tree
  is staged inside it, a journal is written, and each file is put in place on its own. The next run
  undoes a run that was killed. Exchanging whole folders would be a single step, too, but would have
  to copy or relink everything in the folder (data sets, a `.venv`, `.git`), leaves open shells and
  editors in the old folder, and does not work on mount points.
"""

from __future__ import annotations

from pathlib import Path

from kscaffold.project.tree import Tree
from kscaffold.write.os_errors import as_target_errors
from kscaffold.write.plan import check_tree
from kscaffold.write.signals import signals_deferred
from kscaffold.write.target import Target, locate
from kscaffold.write.transaction import Written, clean_up, working_folder, write_into, write_whole

__all__ = ["Written", "check_target", "working_folder", "write_tree"]


def check_target(target: Path, *, force: bool) -> None:
    """Refuse a target that cannot be written, before any work is done for it.

    What a killed run left there is cleaned up first, to find out what is there.

    Raises:
        TargetError: the target is not empty (without `force`), not a folder or not writable, or
            another run is writing into it.
    """
    with as_target_errors(target):
        _check(target, force)


def write_tree(target: Path, tree: Tree, *, force: bool = False) -> Written:
    """Write the tree into the target; whatever stops it, the target is complete or as it was.

    With `force` an existing folder is written into: other files stay, and files that differ from
    the tree's are kept as backups. Signals are handled after the write is undone or finished.
    Temporary folders of killed runs are removed first.

    Raises:
        TargetError: as for `check_target`, or the disk refuses: it is full, read-only, and so on.
        KeyboardInterrupt: on an interrupt, after everything has been undone.
    """
    check_tree(tree)
    with as_target_errors(target), signals_deferred() as checkpoint:
        found = _check(target, force)
        if found.can_be_renamed_over():
            return write_whole(found, tree, checkpoint)
        return write_into(found, tree, checkpoint, force=force)


def _check(target: Path, force: bool) -> Target:
    found = locate(target)
    clean_up(found)
    found.check_access()
    if not force and not found.is_free():
        raise found.not_empty()
    return found
