"""Folders held open: every file operation of a write goes through here, by descriptor.

A path names whatever is there at the moment it is looked up; a descriptor keeps naming the folder
that was opened. So a symbolic link that is put in place between a check and its use has nothing to
redirect. Where the system has no such descriptors (Windows), joined paths stand in.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress

from kscaffold.write.os_errors import naming, not_a_folder

HAS_DESCRIPTORS = os.open in os.supports_dir_fd
_BINARY = getattr(os, "O_BINARY", 0)
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | _BINARY
_FOLDER = _READ | getattr(os, "O_DIRECTORY", 0)
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | _BINARY
_SYNC = _READ if HAS_DESCRIPTORS else os.O_RDWR | _BINARY
# What file systems answer that have no hard links, or cannot sync a folder.
_CANNOT_LINK = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}
_CANNOT_SYNC = {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF}


# Inode, size and time of the last change: tells a file from any other, and from itself after an
# edit; links and renames keep it.
Stamp = tuple[int, int, int]


def is_own(found: os.stat_result) -> bool:
    """Whether what was found belongs to this user; on Windows, whoever can see it will do."""
    return sys.platform == "win32" or found.st_uid == os.geteuid()


class Folder:
    """One open folder. Names given to its methods are single names, never paths.

    Args:
        path: where it is; operations use it only where there are no descriptors.
        shown: the path that error messages name: for a staged folder, the final one.
        descriptor: the open folder; None where there are no descriptors.
    """

    def __init__(self, path: str, shown: str, descriptor: int | None) -> None:
        self.path = path
        self.shown = shown
        self._descriptor = descriptor

    @classmethod
    def open(cls, path: str, shown: str) -> Folder:
        """Open the folder at a path; as its last part a symbolic link is refused."""
        with naming(shown):
            return cls(path, shown, os.open(path, _FOLDER) if HAS_DESCRIPTORS else None)

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            with suppress(OSError):  # nothing was written by it, so nothing can be lost
                os.close(self._descriptor)

    def sub(self, name: str, shown: str | None = None) -> Folder:
        """Open a folder in this one.

        Raises:
            TargetError: it is a symbolic link, or no folder at all.
        """
        shown = shown or self.show(name)
        path = os.path.join(self.path, name)
        try:
            with naming(shown):
                if self._descriptor is not None:
                    return Folder(path, shown, os.open(name, _FOLDER, dir_fd=self._descriptor))
                if not stat.S_ISDIR(os.lstat(path).st_mode):
                    raise NotADirectoryError(errno.ENOTDIR, "")
                return Folder(path, shown, None)
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                raise not_a_folder(shown, self.look(name)) from error
            raise

    def walk(self, parts: Sequence[str]) -> Folder:
        """Open the folder that these names lead to, one after the other; none may be a link."""
        folder = self.sub(".", self.shown)
        for part in parts:
            with folder:
                folder = folder.sub(part)
        return folder

    def show(self, name: str) -> str:
        """The path of an entry, for messages."""
        return self.shown if name == "." else os.path.join(self.shown, name)

    def names(self) -> list[str]:
        """The names of all entries."""
        with naming(self.shown):
            return os.listdir(self.path if self._descriptor is None else self._descriptor)

    def look(self, name: str) -> os.stat_result | None:
        """What is known of an entry, links not followed; None where there is none."""
        with naming(self.show(name)), suppress(FileNotFoundError):
            return os.stat(self._at(name), dir_fd=self._descriptor, follow_symlinks=False)
        return None

    def stamp(self, name: str) -> Stamp | None:
        """The stamp of a regular file; None for anything else."""
        found = self.look(name)
        if found is None or not stat.S_ISREG(found.st_mode):
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def make(self, name: str) -> None:
        """Make a folder; its mode is subject to the umask."""
        with naming(self.show(name)):
            os.mkdir(self._at(name), dir_fd=self._descriptor)

    def create(self, name: str, data: bytes, mode: int = 0o644) -> None:
        """Write a new file; its mode is subject to the umask, and nothing existing is opened."""
        with naming(self.show(name)):
            descriptor = os.open(self._at(name), _CREATE, mode, dir_fd=self._descriptor)
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
            finally:
                os.close(descriptor)

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of a regular file, at most `limit` of them."""
        with naming(self.show(name)):
            descriptor = os.open(self._at(name), _READ, dir_fd=self._descriptor)
            try:
                data = b""
                while len(data) < limit and (more := os.read(descriptor, limit - len(data))):
                    data += more
                return data
            finally:
                os.close(descriptor)

    def open_lock_file(self, name: str) -> tuple[int, bool] | None:
        """A descriptor of a file private to the user, and whether it was created just now.

        None if somebody else's file was removed between the two tries to open it.
        """
        with naming(self.show(name)):
            try:
                return os.open(self._at(name), _CREATE, 0o600, dir_fd=self._descriptor), True
            except FileExistsError:
                flags = _CREATE & ~(os.O_CREAT | os.O_EXCL)
                with suppress(FileNotFoundError):
                    return os.open(self._at(name), flags, dir_fd=self._descriptor), False
                return None

    def place(self, name: str, to: Folder, new_name: str) -> None:
        """Give a file a name where nothing may be yet; it may keep its old name as well.

        A hard link fails where the name is taken, while a rename would replace what is there.
        File systems without hard links get a look before the rename.
        """
        between = {"src_dir_fd": self._descriptor, "dst_dir_fd": to._descriptor}
        with naming(to.show(new_name)):
            try:
                os.link(self._at(name), to._at(new_name), **between, follow_symlinks=False)
                return
            except OSError as error:
                if error.errno not in _CANNOT_LINK:
                    raise
            if to.look(new_name) is not None:
                raise FileExistsError(errno.EEXIST, "")
            os.rename(self._at(name), to._at(new_name), **between)

    def rename(self, name: str, new_name: str) -> None:
        """Rename within this folder; a file, or an empty folder, of the new name is replaced."""
        here = self._descriptor
        with naming(self.show(new_name)):
            os.rename(self._at(name), self._at(new_name), src_dir_fd=here, dst_dir_fd=here)

    def set_mode(self, mode: int) -> None:
        """Set the mode of this folder itself."""
        with naming(self.shown):
            os.chmod(self.path if self._descriptor is None else self._descriptor, mode)

    def remove(self, name: str) -> None:
        """Remove a file or a link, if it is there."""
        with naming(self.show(name)), suppress(FileNotFoundError):
            os.unlink(self._at(name), dir_fd=self._descriptor)

    def remove_folder(self, name: str) -> None:
        """Remove a folder if it is there and empty; else leave it."""
        with naming(self.show(name)):
            try:
                os.rmdir(self._at(name), dir_fd=self._descriptor)
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
                    raise

    def sync(self, name: str = ".") -> None:
        """Have the disk keep a file's bytes or, without a name, this folder's list of names."""
        if name == "." and self._descriptor is None:
            return
        with naming(self.show(name)):
            descriptor = os.open(self._at(name), _SYNC, dir_fd=self._descriptor)
            try:
                os.fsync(descriptor)
            except OSError as error:
                if error.errno not in _CANNOT_SYNC:
                    raise
            finally:
                os.close(descriptor)

    def _at(self, name: str) -> str:
        return os.path.join(self.path, name) if self._descriptor is None else name
