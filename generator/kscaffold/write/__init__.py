"""Writing a tree into a target folder: all of it or nothing, and never over the user's bytes.

A write checks the target, locks it, stages the files, swaps them in, and cleans up. There are two
ways to swap, chosen by what is there:

* The target is missing or empty: the tree is staged in a folder beside it and put in place by one
  rename. Even a kill in the middle of that leaves the target as it was.
* The target has files, or cannot be renamed over (it is the current folder, or a mount point): the
  tree is staged inside it, a journal is written, then each file is put in place on its own.
  Exchanging whole folders would be a single step here too, but it has to copy or relink all that
  the user keeps in the folder (data sets, a `.venv`, `.git`), it leaves every shell and editor
  that is open in the folder in the one taken away, and it cannot work on mount points. The journal
  costs as much as what is written, and a run that was killed is undone by the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kscaffold.write.os_errors import as_target_errors
from kscaffold.write.paths import check_tree
from kscaffold.write.signals import signals_deferred
from kscaffold.write.target import Target, locate
from kscaffold.write.transaction import Written, clean_up, temporary_folder, write_into, write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from kscaffold.project.tree import Tree

__all__ = ["Written", "check_target", "temporary_folder", "write_tree"]


def check_target(target: Path, *, force: bool) -> None:
    """Refuse a target that cannot be written, before any work is done for it.

    What a killed run left there is cleaned up first, for only then is it known what is there.

    Raises:
        TargetError: the target is not empty (and `force` is off), is no folder, is not writable,
            or another run is writing into it.
    """
    with as_target_errors(target):
        _check(target, force)


def write_tree(target: Path, tree: Tree, *, force: bool = False) -> Written:
    """Write the tree into the target; whatever stops it, the target is complete or as it was.

    With `force` an existing folder is written into: its other files stay, and a file whose bytes
    differ from the tree's is kept as a backup. A signal is acted on after the write is undone or
    finished. Temporary folders of a run that was killed are removed first.

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
