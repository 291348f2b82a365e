"""Where a run works: a folder, the names of its temporary files there, and the lock.

One run at a time works there: it locks a file, and the system unlocks it when the run dies.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from kscaffold.errors import TargetError
from kscaffold.write.folder import Folder
from kscaffold.write.os_errors import tidy

_OWN = ".kscaffold-"
LOCK = f"{_OWN}lock"
WORK = f"{_OWN}work"
_LONGEST = 200  # bytes of a name, which leave room for the prefix and suffix (255 in all)


@dataclass(frozen=True)
class Workspace:
    """A folder that exists, and the prefix of a run's temporary files in it."""

    folder: str
    prefix: str = _OWN  # in a folder that is written into, with `LOCK` and `WORK`

    @classmethod
    def beside(cls, path: str) -> Workspace:
        """Return the workspace in the folder around a path."""
        folder, name = os.path.split(path)
        encoded = os.fsencode(name)
        if len(encoded) > _LONGEST:
            from binascii import crc32

            name = f"{name[:40]}~{crc32(encoded):08x}"
        return cls(folder, f".{name}{_OWN}")

    @property
    def lock(self) -> str:
        """The lock file: made before anything else, and removed last."""
        return f"{self.prefix}lock"

    def is_used(self) -> bool:
        """Return whether a run, alive or killed, has something there."""
        names = (self.lock, f"{self.prefix}work")
        return any(os.path.lexists(os.path.join(self.folder, name)) for name in names)

    def new_name(self) -> str:
        """Return a new name for a temporary folder."""
        return f"{self.prefix}{os.urandom(8).hex()}"

    def is_new_name(self, name: str) -> bool:
        """Return whether a name may come from `new_name`."""
        return bool(re.fullmatch(re.escape(self.prefix) + "[0-9a-f]{16}", name))

    @contextmanager
    def locked(self, target: str) -> Iterator[Folder]:
        """Open the folder and hold its lock; raises `TargetError` if another run holds it."""
        with Folder.open(self.folder) as folder:
            descriptor = _acquire(folder, self.lock, target)
            try:
                yield folder
            finally:
                _release(folder, self.lock, descriptor)


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
    """Lock the file; returns a hint if another run has it, else ""."""
    try:
        _lock(descriptor)
    except BlockingIOError:
        return "wait until it has finished, then run this again"
    except OSError:
        # Without locks, as on some clusters, the lock belongs to whoever created the file.
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
    """Return whether the name is still our file, and not one made after its removal."""
    found = folder.look(name)
    return found is not None and found.st_ino == os.fstat(descriptor).st_ino


def _release(folder: Folder, name: str, descriptor: int) -> None:
    def remove() -> None:
        if _is_in_place(folder, name, descriptor):
            folder.remove(name)

    tidy(remove)
    with suppress(OSError):
        os.close(descriptor)
    if sys.platform == "win32":  # which cannot remove open files
        tidy(lambda: folder.remove(name))
