"""Where a run works: the folder, and the names of its lock file and temporary folders there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kscaffold.write.folder import Folder
from kscaffold.write.lock import locked

_OWN = ".kscaffold-"
LOCK = f"{_OWN}lock"
WORK = f"{_OWN}work"
_LONGEST = 200  # bytes of a name that leave room for what is put around it (255 in all)


@dataclass(frozen=True)
class Workspace:
    """A folder that exists, and how the names of a run's temporary files in it start."""

    folder: str
    prefix: str

    @classmethod
    def inside(cls, path: str) -> Workspace:
        """Return the workspace in a folder that is written into, with `LOCK` and `WORK`."""
        return cls(path, _OWN)

    @classmethod
    def beside(cls, path: str) -> Workspace:
        """Return the workspace in the folder around a path that is to be made."""
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
        """Return whether something of a run is there, be it alive or killed."""
        names = (self.lock, f"{self.prefix}work")
        return any(os.path.lexists(os.path.join(self.folder, name)) for name in names)

    def new_name(self) -> str:
        """Return a name for a temporary folder, never used before."""
        return f"{self.prefix}{os.urandom(8).hex()}"

    def is_new_name(self, name: str) -> bool:
        """Return whether `new_name` may have made this name."""
        return bool(re.fullmatch(re.escape(self.prefix) + "[0-9a-f]{16}", name))

    @contextmanager
    def locked(self, target: str) -> Iterator[Folder]:
        """Open the folder and hold its lock; raises `TargetError` where another run has it."""
        with Folder.open(self.folder) as folder, locked(folder, self.lock, target):
            yield folder
