"""Errors of the operating system in words: the path, the reason and the fix."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from kscaffold.errors import TargetError

_SPACE = "free some space, or choose a path on another disk"
_WRITABLE = "choose a path that you may write to"
_ANOTHER = "choose another path"
_TAKEN = ("another program has just written there", "look at it before you run this again")
_NAME = ("the file system does not accept the name", _ANOTHER)
_REASONS: dict[str, tuple[str, str]] = {
    "ENOSPC": ("the disk is full", _SPACE),
    "EDQUOT": ("your disk quota is used up", _SPACE),
    "EFBIG": ("the limit on file sizes is too low", "raise it (ulimit -f)"),
    "EROFS": ("the file system is read-only", _WRITABLE),
    "EACCES": ("you have no permission", _WRITABLE),
    "EPERM": ("the system does not permit it", _WRITABLE),
    "ENAMETOOLONG": ("the name is too long", "choose a shorter path"),
    "ENOTDIR": ("a part of the path is not a folder", _ANOTHER),
    "ELOOP": ("a part of the path is a symbolic link", "choose a path without it"),
    "ENOENT": (
        "a part of the path has disappeared, or cannot hold files",
        "run the command again, or choose another path",
    ),
    "EEXIST": _TAKEN,
    "ENOTEMPTY": _TAKEN,
    "EBUSY": ("it is a mount point, or in use", "choose a path inside it"),
    "EXDEV": ("it is on another disk than the folder around it", _ANOTHER),
    "EMFILE": ("too many files are open", "raise the limit (ulimit -n)"),
    "ENFILE": ("too many files are open on this machine", "close some programs"),
    "EIO": ("the disk reports an error", "check the disk, or choose a path on another one"),
    "EINVAL": _NAME,
    "EILSEQ": _NAME,
}


@contextmanager
def path_in_errors(path: str) -> Iterator[None]:
    """Add the full path to an OSError from within, which may have only the last name."""
    try:
        yield
    except OSError as error:
        if not os.path.isabs(str(error.filename)):
            error.filename = path
        raise


@contextmanager
def as_target_errors(target: os.PathLike[str]) -> Iterator[None]:
    """Turn every OSError into a TargetError."""
    try:
        yield
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "")
        reason, fix = _REASONS.get(name, (error.strerror or str(error), _ANOTHER))
        place = f"cannot write {error.filename or os.fspath(target)}"
        raise TargetError(reason, place=place, hint=fix) from error


def tidy(step: Callable[[], None]) -> bool:
    """Do a step of cleaning up, and retry it once; return whether it was done.

    A second failure is no error: the write itself is over, and the next run cleans up.
    """
    try:
        step()
        return True
    except BaseException as error:
        done = False
        with suppress(OSError, TargetError):
            step()
            done = True
        if not isinstance(error, (OSError, TargetError)):
            raise
        return done
