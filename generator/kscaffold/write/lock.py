"""One run at a time: a lock file that the system frees when its holder dies."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kscaffold.errors import TargetError
from kscaffold.write.folder import Folder
from kscaffold.write.os_errors import tidy


@contextmanager
def locked(folder: Folder, name: str, target: str) -> Iterator[None]:
    """Hold the lock file of this name in a folder; it is removed at the end.

    Raises:
        TargetError: another run, which writes to `target`, holds it.
    """
    descriptor = _acquire(folder, name, target)
    try:
        yield
    finally:
        _release(folder, name, descriptor)


def _acquire(folder: Folder, name: str, target: str) -> int:
    while True:
        try:
            descriptor, created = folder.open_file(name, create=True), True
        except FileExistsError:
            try:
                descriptor, created = folder.open_file(name, create=False), False
            except FileNotFoundError:
                continue  # the run that held it has just ended
        try:
            if hint := _refusal(descriptor, created, folder.show(name)):
                raise TargetError(f"another kscaffold run is writing to {target}", hint=hint)
            if _is_in_place(folder, name, descriptor):
                return descriptor
            os.close(descriptor)
        except TargetError:
            os.close(descriptor)
            raise
        except BaseException:
            _release(folder, name, descriptor)
            raise


def _refusal(descriptor: int, created: bool, path: str) -> str:
    """Lock the file; return what to do where another run has it, else ""."""
    try:
        _lock(descriptor)
    except BlockingIOError:
        return "wait until it has finished, then run this again"
    except OSError:
        # A file system without locks, as some clusters have: whoever created the file has it.
        return "" if created else f"if that is not so, remove {path}"
    return ""


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError from error
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_in_place(folder: Folder, name: str, descriptor: int) -> bool:
    """Return whether the name still leads to our file, not to one made after its removal."""
    found = folder.look(name)
    return found is not None and found.st_ino == os.fstat(descriptor).st_ino


def _release(folder: Folder, name: str, descriptor: int) -> None:
    def remove() -> None:
        if _is_in_place(folder, name, descriptor):
            folder.remove(name)

    tidy(remove)
    with suppress(OSError):
        os.close(descriptor)
    if sys.platform == "win32":  # where no open file can be removed
        tidy(lambda: folder.remove(name))
