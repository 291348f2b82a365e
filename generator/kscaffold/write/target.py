"""Where a target is, and what is there."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kscaffold.errors import TargetError
from kscaffold.write.folder import HAS_DESCRIPTORS, is_own
from kscaffold.write.workspace import Workspace

_ANOTHER = "choose another path"


@dataclass(frozen=True)
class Target:
    """A target, and the outermost of the folders that have to be made for it."""

    given: str  # by the user
    path: str  # absolute, with links resolved except in its last part
    found: os.stat_result | None  # of what is there, without following links
    parent: str  # the innermost folder around it that exists
    name: str  # what is to be made in `parent`: the target, or a missing folder around it
    inner: str  # the path from there to the target; "" for the target itself

    @property
    def beside(self) -> Workspace:
        """Where to stage a target that one rename can put in place."""
        return Workspace.beside(os.path.join(self.parent, self.name))

    @property
    def inside(self) -> Workspace:
        """Where to stage files for a target that stays the folder it is."""
        return Workspace(self.path)

    @property
    def farther_out(self) -> tuple[Workspace, ...]:
        """Where runs for the folders around the target are staged."""
        *folders, _ = Path(self.parent), *Path(self.parent).parents
        return tuple(Workspace.beside(str(folder)) for folder in folders)

    @property
    def is_folder(self) -> bool:
        """Whether a folder is there."""
        return self.found is not None and stat.S_ISDIR(self.found.st_mode)

    def is_free(self) -> bool:
        """Return whether nothing is there but perhaps an empty folder."""
        return self.found is None or (self.is_folder and not os.listdir(self.path))

    def check_access(self) -> None:
        """Refuse what is not a folder, or not writable; raises `TargetError`."""
        if self.found is not None and stat.S_ISLNK(self.found.st_mode):
            hint = "choose another path, or give the folder that it leads to"
            raise TargetError(f"{self.given} is a symbolic link", hint=hint)
        if self.found is not None and not self.is_folder:
            raise TargetError(f"{self.given} is not a folder", hint=_ANOTHER)
        folder = self.parent if self.found is None else self.path
        if not os.access(folder, os.W_OK | os.X_OK):
            hint = "choose a path that you may write to"
            raise TargetError(f"you have no permission to write in {folder}", hint=hint)

    def can_be_renamed_over(self) -> bool:
        """Return whether one rename can put everything in place.

        Not so for the current folder (in which the user's shell would be lost), for mount points,
        for another user's folder, and on Windows for any folder that exists.
        """
        return self.found is None or (
            HAS_DESCRIPTORS
            and self.is_free()
            and os.access(self.parent, os.W_OK | os.X_OK)
            and is_own(self.found)
            and self.found.st_dev == os.lstat(self.parent).st_dev
            and not os.path.samestat(self.found, os.stat(os.curdir))
        )

    def not_empty(self) -> TargetError:
        """Return the error for a target that has files."""
        hint = f"{_ANOTHER}, or --force to write into it (changed files are kept as backups)"
        return TargetError(f"{self.given} is not empty", hint=hint)


def locate(target: Path) -> Target:
    """Find out where the target is and what is there; raises `TargetError`, `OSError`."""
    given = os.path.join(os.getcwd(), os.fspath(target))
    try:
        known = b"\0" not in os.fsencode(given)
    except UnicodeEncodeError:
        known = False
    if not known:
        raise TargetError(f"{given!r} has characters that no path can have", hint=_ANOTHER)
    folder, name = os.path.split(given)
    for each in (Path(folder), *Path(folder).parents):
        if each.is_symlink() and not each.exists():
            raise TargetError(f"{each} is a symbolic link to nothing", hint=_ANOTHER)
    if name in ("", ".", ".."):
        path = os.path.realpath(given)
    else:
        path = os.path.join(os.path.realpath(folder), name)
    parent, name = os.path.split(path)
    inner = ""
    while _lstat(parent) is None and parent != os.path.dirname(parent):
        inner = f"{name}/{inner}" if inner else name
        parent, name = os.path.split(parent)
    return Target(os.fspath(target), path, _lstat(path), parent, name, inner)


def _lstat(path: str) -> os.stat_result | None:
    with suppress(FileNotFoundError):
        return os.lstat(path)
    return None
