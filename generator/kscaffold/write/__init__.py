"""Writing a tree into a target folder: all of it or nothing, and never over the user's bytes.

Two ways, chosen by what is there:

* The target is missing or empty: the tree is staged in a folder beside it and put in place by one
  rename (`fresh`). Even a kill in the middle of that leaves the target as it was.
* The target has files, or cannot be renamed over (it is the current folder, or a mount point): a
  journal is written inside it, then each file is put in place on its own (`inplace`). Exchanging
  whole folders would be a single step here too, but it has to copy or relink all that the user
  keeps in the folder (data sets, a `.venv`, `.git`), it leaves every shell and editor that is
  open in the folder in the one taken away, and it cannot work on mount points. The journal costs
  as much as what is written, and a run that was killed is undone by the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kscaffold.errors import TargetError
from kscaffold.write.entries import to_entries
from kscaffold.write.os_errors import as_sentences
from kscaffold.write.place import Place, locate
from kscaffold.write.signals import Checkpoint, orderly

if TYPE_CHECKING:
    from pathlib import Path

    from kscaffold.project.tree import Tree

__all__ = ["Written", "check_target", "recover", "write_tree"]


@dataclass(frozen=True)
class Written:
    """What a run put into the target.

    Attributes:
        files: paths of the files that were written; a file that already had the very bytes it
            was to get is left alone and not listed.
        backups: paths of the copies that keep what was replaced, such as "train.py.backup-1".
    """

    files: tuple[str, ...]
    backups: tuple[str, ...] = ()


def check_target(target: Path, *, force: bool) -> None:
    """Refuse a target that cannot be written, before any work is done for it.

    What a killed run left there is cleaned up first, for only then is it known what is there.

    Raises:
        TargetError: the target is not empty (and `force` is off), is no folder, is not writable,
            or another run is writing into it.
    """
    with as_sentences(target):
        _admit(target, force)


def write_tree(target: Path, tree: Tree, *, force: bool = False) -> Written:
    """Write the tree into the target; whatever stops it, the target is complete or as it was.

    With `force` an existing folder is written into: its other files stay, and a file whose bytes
    differ from the tree's is kept as a backup. A signal is acted on after the write is undone or
    finished. Temporary folders of a run that was killed are removed first.

    Raises:
        TargetError: as for `check_target`, or the disk refuses: it is full, read-only, and so on.
        KeyboardInterrupt: on an interrupt, after everything has been undone.
    """
    entries = to_entries(tree)

    def write(checkpoint: Checkpoint) -> Written:
        place = _admit(target, force)
        if place.can_be_renamed_over():
            from kscaffold.write import fresh

            return Written(fresh.write(place, entries, checkpoint))
        from kscaffold.write import inplace

        return Written(*inplace.write(place, entries, checkpoint, force=force))

    with as_sentences(target):
        return orderly(write)


def recover(target: Path) -> None:
    """Undo and clean up what a killed run left at the target; do nothing where there is nothing.

    Raises:
        TargetError: another run is writing there, or the disk refuses.
    """
    with as_sentences(target):
        _clean_up(locate(target))


def _admit(target: Path, force: bool) -> Place:
    place = locate(target)
    _clean_up(place)
    place.check_access()
    if not force and not place.is_free():
        raise place.not_empty()
    return place


def _clean_up(place: Place) -> None:
    for spot in place.leftovers_beside():
        from kscaffold.write import fresh

        try:
            fresh.clean_up(spot, place.target)
        except (OSError, TargetError):
            if spot == place.spot:
                raise  # else it is litter that hinders nobody, or is being removed by its own run
    if place.leftovers_inside():
        from kscaffold.write import inplace

        inplace.clean_up(place)
