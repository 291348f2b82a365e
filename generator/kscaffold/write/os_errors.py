"""What the operating system refuses, in words: the path, the reason and the fix."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from kscaffold.errors import TargetError

_WRITABLE = "choose a path that you may write to"
_TAKEN = (
    "another kscaffold run, or another program, has just written there",
    "look at it before you run this again",
)
_REASONS: dict[str, tuple[str, str]] = {
    "ENOSPC": ("the disk is full", "free some space, or choose a path on another disk"),
    "EDQUOT": ("your disk quota is used up", "free some space, or choose a path on another disk"),
    "EFBIG": ("the limit on file sizes is too low", "raise it (ulimit -f)"),
    "EROFS": ("the file system is read-only", _WRITABLE),
    "EACCES": ("you have no permission", _WRITABLE),
    "EPERM": ("the system does not permit it", _WRITABLE),
    "ENAMETOOLONG": ("the name is too long", "choose a shorter path"),
    "ENOTDIR": ("a part of the path is no folder", "choose another path"),
    "ELOOP": ("a part of the path is a symbolic link", "choose a path without it"),
    "ENOENT": (
        "a part of the path has disappeared, or takes no files",
        "run the command again, or choose another path",
    ),
    "EEXIST": _TAKEN,
    "ENOTEMPTY": _TAKEN,
    "EBUSY": ("it is a mount point, or in use", "choose a path inside it"),
    "EXDEV": ("it lies on another disk than the folder around it", "choose another path"),
    "EMFILE": ("too many files are open", "raise the limit (ulimit -n)"),
    "ENFILE": ("too many files are open on this machine", "close some programs"),
    "EIO": ("the disk reports an error", "look after the disk, or choose a path on another one"),
    "EINVAL": ("the file system does not accept the name", "choose another path"),
    "EILSEQ": ("the file system does not accept the name", "choose another path"),
}


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Have an OSError name the whole path; by descriptor, the system knows but the last name."""
    try:
        yield
    except OSError as error:
        if not os.path.isabs(str(error.filename)):
            error.filename = path
        raise


@contextmanager
def as_sentences(target: os.PathLike[str]) -> Iterator[None]:
    """Turn every OSError into a TargetError."""
    try:
        yield
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "")
        reason, fix = _REASONS.get(name, (error.strerror or str(error), "choose another path"))
        place = f"cannot write {error.filename or os.fspath(target)}"
        raise TargetError(reason, place=place, hint=fix) from error


def not_a_folder(path: str, found: os.stat_result | None) -> TargetError:
    """The error for something that is in the place of a folder."""
    if found is not None and stat.S_ISLNK(found.st_mode):
        reason = f"{path} is a symbolic link, and kscaffold writes through none"
        return TargetError(reason, hint="remove the link, or choose another path")
    reason = f"{path} is not a folder, but the project needs one there"
    return TargetError(reason, hint="move it, or choose another path")
