"""What was found out once and need not be again: digests of texts, in the user's cache."""

from __future__ import annotations

import functools
import os
from contextlib import suppress
from pathlib import Path

from kscaffold.safety.files import read_regular

# So large a file, in bytes, is begun anew.
_LARGEST = 1_000_000
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)


def remembered(name: str) -> frozenset[str]:
    """Return the digests that are kept under a name; none where there is no cache."""
    return _read(_file(name))


def remember(name: str, digest: str) -> None:
    """Keep one more digest; where that cannot be, nothing is kept."""
    path = _file(name)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            if path.stat().st_size > _LARGEST:
                path.unlink()
        # A line at once, so that two who do this at the same time mix nothing.
        descriptor = os.open(path, _APPEND, 0o600)
        try:
            os.write(descriptor, f"{digest}\n".encode())
        finally:
            os.close(descriptor)


@functools.cache
def _read(path: Path) -> frozenset[str]:
    try:
        return frozenset(read_regular(path, 2 * _LARGEST).decode("ascii").split())
    except (OSError, UnicodeDecodeError):
        return frozenset()


def _file(name: str) -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("kscaffold", appauthor=False) / f"{name}.txt"
