"""One run at a time: a lock file that the system frees when its holder dies."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from kscaffold.errors import TargetError
from kscaffold.write.folder import Folder
from kscaffold.write.removal import tidy


class Lock:
    """Held inside `with`; the file is removed at the end.

    Args:
        folder: where the lock file is.
        name: the lock file's name.
        target: the path that the message for the one who comes second names.
    """

    def __init__(self, folder: Folder, name: str, target: str) -> None:
        self._folder = folder
        self._name = name
        self._target = target
        self._descriptor = -1

    def __enter__(self) -> Lock:
        """Take the lock.

        Raises:
            TargetError: another run holds it.
        """
        while True:
            opened = self._folder.open_lock_file(self._name)
            if opened is None:
                continue
            self._descriptor, created = opened
            try:
                self._grab(created)
                if self._is_in_place():
                    return self
                os.close(self._descriptor)
            except TargetError:
                os.close(self._descriptor)
                raise
            except BaseException:
                self.__exit__()
                raise

    def __exit__(self, *_: object) -> None:
        tidy(self._remove)
        with suppress(OSError):
            os.close(self._descriptor)
        if sys.platform == "win32":  # where no open file can be removed
            tidy(lambda: self._folder.remove(self._name))

    def _grab(self, created: bool) -> None:
        try:
            _lock(self._descriptor)
        except BlockingIOError as error:
            raise self._busy("wait until it has finished, then run this again") from error
        except OSError as error:
            # A file system without locks, as some clusters have: whoever created the file has it.
            if not created:
                raise self._busy(
                    f"if that is not so, remove {self._folder.show(self._name)}"
                ) from error

    def _is_in_place(self) -> bool:
        """Whether the name still leads to our file, and not to one that came after its removal."""
        found = self._folder.look(self._name)
        return found is not None and found.st_ino == os.fstat(self._descriptor).st_ino

    def _remove(self) -> None:
        if self._is_in_place():
            self._folder.remove(self._name)

    def _busy(self, fix: str) -> TargetError:
        return TargetError(f"another kscaffold run is writing to {self._target}; {fix}")


def _lock(descriptor: int) -> None:
    """Lock the file, or raise a BlockingIOError where another process has it."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError from error
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
