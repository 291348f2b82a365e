"""A target that is missing or empty: staged beside it, put in place by one rename."""

from __future__ import annotations

import stat
from contextlib import suppress

from kscaffold.write.entries import Entry
from kscaffold.write.folder import Folder, is_own
from kscaffold.write.lock import Lock
from kscaffold.write.place import Place
from kscaffold.write.removal import remove_tree, tidy
from kscaffold.write.signals import Checkpoint
from kscaffold.write.spot import Spot
from kscaffold.write.stage import stage


def write(place: Place, entries: tuple[Entry, ...], checkpoint: Checkpoint) -> tuple[str, ...]:
    """Write the entries as the target, and give back their paths.

    Raises:
        OSError: the disk refuses; nothing is left behind.
        TargetError: another run is writing there, or a signal came.
    """
    spot = place.spot
    with _parent(spot) as parent, Lock(parent, spot.lock_name, place.target):
        staging = spot.new_staging_name()
        try:
            _stage(parent, staging, place, entries, checkpoint)
            checkpoint()
            parent.rename(staging, spot.name)
        except BaseException:
            tidy(lambda: remove_tree(parent, staging))
            raise
        with suppress(OSError):  # the target is complete; a power cut may at most undo all of it
            parent.sync()
    return tuple(entry.path for entry in entries)


def clean_up(spot: Spot, target: str) -> None:
    """Remove the staged folders of runs that were killed.

    Raises:
        TargetError: another run is at it.
        OSError: the disk refuses.
    """
    with _parent(spot) as parent, Lock(parent, spot.lock_name, target):
        for name in parent.names():
            if spot.is_staging_name(name) and _is_own_folder(parent, name):
                remove_tree(parent, name)


def _stage(
    parent: Folder, name: str, place: Place, entries: tuple[Entry, ...], checkpoint: Checkpoint
) -> None:
    parent.make(name)
    with parent.sub(name, parent.show(place.spot.name)) as root:
        for depth in range(len(place.inner)):
            with root.walk(place.inner[:depth]) as folder:
                folder.make(place.inner[depth])
        with root.walk(place.inner) as folder:
            stage(folder, entries, checkpoint)
        if place.found is not None:
            root.set_mode(stat.S_IMODE(place.found.st_mode))


def _parent(spot: Spot) -> Folder:
    return Folder.open(spot.parent, spot.parent)


def _is_own_folder(parent: Folder, name: str) -> bool:
    """In a folder that is shared, anybody can make up a name such as ours."""
    found = parent.look(name)
    return found is not None and stat.S_ISDIR(found.st_mode) and is_own(found)
