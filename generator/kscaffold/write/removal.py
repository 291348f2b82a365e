"""Taking away what a write leaves behind, on its way out or after it was killed."""

from __future__ import annotations

import stat
from collections.abc import Callable
from contextlib import suppress

from kscaffold.errors import TargetError
from kscaffold.write.folder import Folder


def remove_tree(parent: Folder, name: str) -> None:
    """Remove whatever has this name, with all that is in it; links are not followed."""
    found = parent.look(name)
    if found is None:
        return
    if not stat.S_ISDIR(found.st_mode):
        parent.remove(name)
        return
    with parent.sub(name) as folder:
        for entry in folder.names():
            remove_tree(folder, entry)
    parent.remove_folder(name)


def tidy(step: Callable[[], None]) -> bool:
    """Do a step of cleaning up, once more if it fails; tells whether it was done.

    The outcome of the write is decided by then, so what the disk refuses twice is no error: the
    next run cleans it up.
    """
    try:
        step()
    except BaseException as error:
        done = _again(step)
        if not isinstance(error, (OSError, TargetError)):
            raise
        return done
    return True


def _again(step: Callable[[], None]) -> bool:
    with suppress(OSError, TargetError):
        step()
        return True
    return False
