"""One folder to be made, and the names of the temporary files beside it."""

from __future__ import annotations

import os
from dataclasses import dataclass

_LONGEST = 200  # bytes of a name that leave room for what is put around it (255 in all)


@dataclass(frozen=True)
class Spot:
    """A name in a folder that exists.

    Attributes:
        parent: that folder, absolute.
        name: the name, of something that is there or is to be made.
    """

    parent: str
    name: str

    @property
    def lock_name(self) -> str:
        """The lock file: made before anything else beside the spot, and removed last."""
        return f"{self._prefix}lock"

    def is_locked(self) -> bool:
        """Whether the lock file is there, be its run alive or not."""
        return os.path.lexists(os.path.join(self.parent, self.lock_name))

    def new_staging_name(self) -> str:
        """A name for a folder to stage in, never used before."""
        return f"{self._prefix}{os.urandom(8).hex()}"

    def is_staging_name(self, name: str) -> bool:
        """Whether this is such a name."""
        rest = name.removeprefix(self._prefix)
        return rest != name and len(rest) == 16 and set(rest) <= set("0123456789abcdef")

    @property
    def _prefix(self) -> str:
        name = os.fsencode(self.name)
        if len(name) <= _LONGEST:
            return f".{self.name}.kscaffold-"
        from binascii import crc32

        return f".{self.name[:40]}~{crc32(name):08x}.kscaffold-"
