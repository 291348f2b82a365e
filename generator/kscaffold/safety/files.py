"""Read untrusted files: only regular files, up to a maximum size."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

# Opening a pipe or a device must not block.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
# For files that people write by hand, such as a configuration, in bytes.
MAX_TEXT = 4 << 20


def open_regular(path: Path, most: int | None = None) -> BinaryIO:
    """Open a regular file for reading; links are followed.

    It is checked after it is opened, so that nothing else can take its place in between.

    Raises:
        OSError: it cannot be opened, is a folder, a pipe or a device, or has more than `most`
            bytes (None: no limit, for readers that count themselves).
    """
    descriptor = os.open(path, _FLAGS)
    try:
        _check(os.fstat(descriptor), path, most)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _check(found: os.stat_result, path: Path, most: int | None) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    if most is not None and found.st_size > most:
        raise _too_large(path, most)


def read_regular(path: Path, most: int) -> bytes:
    """Return the bytes of a regular file; raises `OSError` as `open_regular` does."""
    with open_regular(path, most) as file:
        return read_all(file, path, most)


def read_all(file: BinaryIO, path: Path, most: int) -> bytes:
    """Return the bytes of an open file, which may have grown; raises `OSError` if too large."""
    data = file.read(most + 1)
    if len(data) > most:
        raise _too_large(path, most)
    return data


def _too_large(path: Path, most: int) -> OSError:
    return OSError(errno.EFBIG, f"Larger than {most >> 20} MiB", str(path))
