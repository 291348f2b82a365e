"""An open folder: all file operations of a write go through its descriptor.

A path is resolved anew for each call; a descriptor always means the folder that was opened. So a
symbolic link that somebody puts in place between a check and its use redirects nothing. On Windows,
which lacks such descriptors, joined paths are used.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

from kscaffold.errors import TargetError
from kscaffold.write.os_errors import path_in_errors

HAS_DESCRIPTORS = os.open in os.supports_dir_fd
_PLAIN = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _PLAIN
_FOLDER = _READ | getattr(os, "O_DIRECTORY", 0)
_EDIT = os.O_RDWR | _PLAIN
_CREATE = _EDIT | os.O_CREAT | os.O_EXCL
_SYNC = _READ if HAS_DESCRIPTORS else _EDIT
# Errors of file systems without hard links, or that cannot sync a folder.
_CANNOT_LINK = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}
_CANNOT_SYNC = {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF}

# Inode, size and modification time: differs for other files, and for this one after an edit; links
# and renames keep it.
Stamp = tuple[int, int, int]


def is_own(found: os.stat_result) -> bool:
    """Return whether a file is this user's; on Windows, it is taken to be."""
    return sys.platform == "win32" or found.st_uid == os.geteuid()


class Folder:
    """One open folder. Its methods take paths relative to it, in which no folder may be a link.

    `path` is only used without descriptors; `shown` is the path in errors: for a staged folder, the
    final one.
    """

    def __init__(self, path: str, shown: str, descriptor: int | None) -> None:
        self.path = path
        self.shown = shown
        self._descriptor = descriptor

    @classmethod
    def open(cls, path: str) -> Folder:
        """Open the folder at an absolute path, which must not itself be a symbolic link."""
        with path_in_errors(path):
            return cls(path, path, os.open(path, _FOLDER) if HAS_DESCRIPTORS else None)

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            with suppress(OSError):
                os.close(self._descriptor)

    def sub(self, path: str, shown: str | None = None) -> Folder:
        """Open a folder in this one; raises `TargetError` for a link, or what is not a folder."""
        shown = shown or self.show(path)
        try:
            with self._at(path) as (name, around):
                if around is None and not stat.S_ISDIR(os.lstat(name).st_mode):
                    raise NotADirectoryError(errno.ENOTDIR, "")
                descriptor = None if around is None else os.open(name, _FOLDER, dir_fd=around)
                return Folder(os.path.join(self.path, path), shown, descriptor)
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                raise _not_a_folder(shown, self.look(path)) from error
            raise

    def show(self, path: str) -> str:
        """Return the full path, for messages."""
        return self.shown if path == "." else os.path.join(self.shown, path)

    def names(self, path: str = "") -> frozenset[str]:
        """Return the names in a folder; none if it is missing."""
        with (
            suppress(FileNotFoundError),
            self.sub(path or ".") as folder,
            path_in_errors(folder.shown),
        ):
            descriptor = folder._descriptor
            return frozenset(os.listdir(folder.path if descriptor is None else descriptor))
        return frozenset()

    def look(self, path: str) -> os.stat_result | None:
        """Return the status of an entry without following links; None if it is missing."""
        with suppress(FileNotFoundError), self._at(path) as (name, around):
            return os.stat(name, dir_fd=around, follow_symlinks=False)
        return None

    def stamp(self, path: str) -> Stamp | None:
        """Return the stamp of a regular file; None for anything else."""
        found = self.look(path)
        if found is None or not stat.S_ISREG(found.st_mode):
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def make(self, path: str) -> None:
        """Make a folder."""
        with self._at(path) as (name, around):
            os.mkdir(name, dir_fd=around)

    def create(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Write a new file; its mode is subject to the umask."""
        with self._opened(path, _CREATE, mode) as descriptor:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]

    def read(self, path: str, limit: int) -> bytes:
        """Return the bytes of a regular file, at most `limit` of them."""
        with self._opened(path, _READ) as descriptor:
            data = b""
            while len(data) < limit and (more := os.read(descriptor, limit - len(data))):
                data += more
            return data

    def open_file(self, path: str, *, create: bool) -> int:
        """Return a descriptor of a new file, private to the user, or of an existing one."""
        with self._at(path) as (name, around):
            return os.open(name, _CREATE if create else _EDIT, 0o600, dir_fd=around)

    def move(self, path: str, new_path: str) -> None:
        """Move a file to a new path, replacing nothing; if killed midway, it has both names."""
        with self._at(path) as (old, source), self._at(new_path) as (new, target):
            try:
                os.link(old, new, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
            except OSError as error:
                if error.errno not in _CANNOT_LINK:
                    raise
            else:
                os.unlink(old, dir_fd=source)
                return
            if self.look(new_path) is not None:
                raise FileExistsError(errno.EEXIST, "")
            os.rename(old, new, src_dir_fd=source, dst_dir_fd=target)

    def rename(self, path: str, new_path: str) -> None:
        """Rename; a file or an empty folder with the new path is replaced."""
        with self._at(path) as (old, source), self._at(new_path) as (new, target):
            os.rename(old, new, src_dir_fd=source, dst_dir_fd=target)

    def set_mode(self, mode: int) -> None:
        """Set the mode of this folder itself."""
        with path_in_errors(self.shown):
            os.chmod(self.path if self._descriptor is None else self._descriptor, mode)

    def remove(self, path: str) -> None:
        """Remove a file or a link, if it is there."""
        with suppress(FileNotFoundError), self._at(path) as (name, around):
            os.unlink(name, dir_fd=around)

    def remove_folder(self, path: str) -> None:
        """Remove a folder if it is there and empty."""
        try:
            with self._at(path) as (name, around):
                os.rmdir(name, dir_fd=around)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
                raise

    def remove_tree(self, path: str) -> None:
        """Remove a folder with its contents, if it is there; links are not followed."""
        if self.look(path) is not None:
            with self._at(path) as (name, around):
                shutil.rmtree(name, dir_fd=around)

    def sync(self, path: str) -> None:
        """Flush a file's bytes, or a folder's list of names, to the disk."""
        if not HAS_DESCRIPTORS and os.path.isdir(os.path.join(self.path, path)):
            return
        with self._opened(path, _SYNC) as descriptor:
            try:
                os.fsync(descriptor)
            except OSError as error:
                if error.errno not in _CANNOT_SYNC:
                    raise

    @contextmanager
    def _at(self, path: str) -> Iterator[tuple[str, int | None]]:
        """Give the name and the folder descriptor with which functions of `os` reach a path."""
        around, _, name = path.rpartition("/")
        with (
            self.sub(around) if around else nullcontext(self) as folder,
            path_in_errors(self.show(path)),
        ):
            if folder._descriptor is None:
                name = os.path.join(folder.path, name)
            yield name, folder._descriptor

    @contextmanager
    def _opened(self, path: str, flags: int, mode: int = 0o600) -> Iterator[int]:
        with self._at(path) as (name, around):
            descriptor = os.open(name, flags, mode, dir_fd=around)
            try:
                yield descriptor
            finally:
                os.close(descriptor)


def _not_a_folder(path: str, found: os.stat_result | None) -> TargetError:
    if found is not None and stat.S_ISLNK(found.st_mode):
        reason = f"{path} is a symbolic link, which kscaffold does not follow"
        return TargetError(reason, hint="remove the link, or choose another path")
    reason = f"{path} is not a folder, but the project needs one there"
    return TargetError(reason, hint="move it, or choose another path")
