"""The journal of a write into an existing folder, by which it can be undone.

Undoing is safe in any state, and can be repeated: it removes only files that are still the very
ones that were put there, and moves a backup only to where nothing is. So it needs no record of how
far the write came, and a forged journal can do no more than that.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from posixpath import basename, join, split

from kscaffold.errors import TargetError
from kscaffold.write.folder import Folder, Stamp
from kscaffold.write.plan import Plan, checked
from kscaffold.write.workspace import WORK

STAGED = f"{WORK}/new"
_PATH = f"{WORK}/journal"
_LARGEST = 64 * 2**20

# A path, the stamp of the file that is put there, and the path of what was there, if anything was.
_Record = tuple[str, Stamp, str | None]


def save(plan: Plan, target: Folder) -> None:
    """Save a plan whose files are staged, atomically."""
    files = []
    for path in (file.path for file in plan.files):
        stamp = target.stamp(f"{STAGED}/{path}")
        if stamp is None:
            raise TargetError("a file disappeared while it was written", place=target.shown)
        files.append((path, stamp, basename(plan.backups.get(path, "")) or None))
    data = json.dumps({"folders": plan.folders, "files": files}).encode()
    target.create(f"{_PATH}.new", data)
    target.sync(f"{_PATH}.new")
    target.rename(f"{_PATH}.new", _PATH)
    target.sync(WORK)


def close(target: Folder) -> None:
    """Remove the journal: the write is done, and is not undone any more."""
    target.remove(_PATH)
    with suppress(OSError):
        target.sync(WORK)


def undo(target: Folder) -> None:
    """Undo a write that was stopped, if there was one, and remove what it left.

    If the disk refuses (`OSError`), it can be tried again. Raises `TargetError` for a bad journal.
    """
    if target.look(_PATH) is not None:
        folders, records = _load(target)
        for record in reversed(records):
            _undo_one(target, *record)
        for folder in reversed(folders):
            target.remove_folder(folder)
        target.remove(_PATH)
    target.remove_tree(WORK)


def _undo_one(target: Folder, path: str, stamp: Stamp, backup: str | None) -> None:
    if target.stamp(path) == stamp:
        target.remove(path)
    if backup is None or (kept := target.look(backup)) is None:
        return
    found = target.look(path)
    if found is None:
        target.move(backup, path)
    elif os.path.samestat(kept, found):
        target.remove(backup)


def _load(target: Folder) -> tuple[list[str], list[_Record]]:
    try:
        content = json.loads(target.read(_PATH, _LARGEST))
        folders = [checked(path) for path in content["folders"]]
        return folders, [_record(*fields) for fields in content["files"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, TargetError) as error:
        work = target.show(WORK)
        reason = f"{work} is left from a stopped run, and its journal cannot be read"
        hint = "look for files named *.backup-1 and so on, then remove it"
        raise TargetError(reason, hint=hint) from error


def _record(path: str, stamp: list[int], backup: str | None) -> _Record:
    folder, name = split(checked(path))
    if backup is not None and ("/" in backup or not backup.startswith(f"{name}.backup-")):
        raise ValueError(f"{backup!r} is not the name of a backup")
    inode, size, modified_ns = stamp
    return path, (inode, size, modified_ns), backup and join(folder, backup)
