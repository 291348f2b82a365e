"""Where a target is and what is there, found by looking only."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kscaffold.errors import TargetError
from kscaffold.write.folder import HAS_DESCRIPTORS, is_own
from kscaffold.write.spot import Spot

_ANOTHER = "choose another path"

LOCK_INSIDE = ".kscaffold-lock"
WORK_INSIDE = ".kscaffold-work"


@dataclass(frozen=True)
class Place:
    """A target, and the outermost of the folders that have to be made for it.

    Attributes:
        target: the path as the user gave it.
        path: the target, absolute, with the links on the way to it resolved.
        found: what is there now, links not followed; None where there is nothing.
        spot: the target itself or, where folders around it are missing, the outermost of these.
        inner: the names that lead from `spot` to the target.
    """

    target: str
    path: str
    found: os.stat_result | None
    spot: Spot
    inner: tuple[str, ...]

    def leftovers_beside(self) -> tuple[Spot, ...]:
        """Where a run that is under way, or was killed, made the target or a folder around it."""
        spots = [self.spot]
        folder = self.spot.parent
        while folder != os.path.dirname(folder):
            spots.append(Spot(os.path.dirname(folder), os.path.basename(folder)))
            folder = os.path.dirname(folder)
        return tuple(spot for spot in spots if spot.is_locked())

    def leftovers_inside(self) -> bool:
        """Whether such a run left something inside the target."""
        return self._is_folder() and any(
            os.path.lexists(os.path.join(self.path, name)) for name in (LOCK_INSIDE, WORK_INSIDE)
        )

    def is_free(self) -> bool:
        """Whether nothing of anybody's is there: no target, or an empty folder."""
        return self.found is None or (self._is_folder() and not os.listdir(self.path))

    def check_access(self) -> None:
        """Refuse what is no folder, or may not be written to.

        Raises:
            TargetError: one of these.
        """
        if self.found is not None and stat.S_ISLNK(self.found.st_mode):
            hint = "choose another path, or give the folder that it leads to"
            raise TargetError(f"{self.target} is a symbolic link", hint=hint)
        if self.found is not None and not self._is_folder():
            raise TargetError(f"{self.target} is not a folder", hint=_ANOTHER)
        folder = self.spot.parent if self.found is None else self.path
        if not os.access(folder, os.W_OK | os.X_OK):
            hint = "choose a path that you may write to"
            raise TargetError(f"you have no permission to write in {folder}", hint=hint)

    def can_be_renamed_over(self) -> bool:
        """Whether one rename can put the whole target in place, and nobody misses the old one.

        Not so for the current folder (the user's shell would stay in one that is gone), for mount
        points, for another user's folder, and on Windows for any folder that exists.
        """
        if self.found is None:
            return True
        return (
            HAS_DESCRIPTORS
            and self.is_free()
            and os.access(self.spot.parent, os.W_OK | os.X_OK)
            and is_own(self.found)
            and self.found.st_dev == os.lstat(self.spot.parent).st_dev
            and not os.path.samestat(self.found, os.stat(os.curdir))
        )

    def not_empty(self) -> TargetError:
        """The error for a target that has files."""
        return TargetError(
            f"{self.target} is not empty",
            hint=f"{_ANOTHER}, or --force to write into it (changed files are kept as backups)",
        )

    def _is_folder(self) -> bool:
        return self.found is not None and stat.S_ISDIR(self.found.st_mode)


def locate(target: Path) -> Place:
    """Find out where the target is and what is there.

    Raises:
        TargetError: the path leads through a broken link, or no system can hold it.
        OSError: a part of the path is no folder, or may not be entered.
    """
    given = os.path.join(os.getcwd(), os.fspath(target))
    if "\0" in given or not _is_encodable(given):
        raise TargetError(f"{given!r} has characters that no path can have", hint=_ANOTHER)
    _refuse_broken_links(os.path.dirname(given))
    if os.path.basename(given) in ("", ".", ".."):
        path = os.path.realpath(given)
    else:
        path = os.path.join(os.path.realpath(os.path.dirname(given)), os.path.basename(given))
    names = [os.path.basename(path)]
    parent = os.path.dirname(path)
    while _lstat(parent) is None and parent != os.path.dirname(parent):
        names.insert(0, os.path.basename(parent))
        parent = os.path.dirname(parent)
    return Place(os.fspath(target), path, _lstat(path), Spot(parent, names[0]), tuple(names[1:]))


def _refuse_broken_links(folder: str) -> None:
    while not os.path.exists(folder):
        if os.path.islink(folder):
            raise TargetError(f"{folder} is a symbolic link to nothing", hint=_ANOTHER)
        if folder == os.path.dirname(folder):
            return
        folder = os.path.dirname(folder)


def _is_encodable(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def _lstat(path: str) -> os.stat_result | None:
    with suppress(FileNotFoundError):
        return os.lstat(path)
    return None
