"""What a write into an existing folder is about to do, kept on disk so that it can be undone.

To undo is safe whatever the state, however often it is tried: it removes only files that are still
the very ones that were put there, and moves a backup back only to where nothing is. So it needs no
record of how far the write came. A journal that a stranger put into a folder can do no more.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from kscaffold.errors import TargetError
from kscaffold.write.entries import check_parts
from kscaffold.write.folder import Folder, Stamp
from kscaffold.write.plan import Plan

NAME = "journal"
_LARGEST = 64 * 2**20


@dataclass(frozen=True)
class Record:
    """One file of the write.

    Attributes:
        parts: the names on the way to it.
        stamp: tells the file that is put there.
        backup: the name that what was there gets; None where nothing was.
    """

    parts: tuple[str, ...]
    stamp: Stamp
    backup: str | None


@dataclass(frozen=True)
class Journal:
    """One write: the folders that it makes and the files that it puts in place."""

    folders: tuple[tuple[str, ...], ...]
    records: tuple[Record, ...]

    @classmethod
    def of(cls, plan: Plan, staged: Folder) -> Journal:
        """The journal for a plan whose files are staged."""
        records = []
        for step in plan.steps:
            with staged.walk(step.entry.folder) as folder:
                stamp = folder.stamp(step.entry.name)
            if stamp is None:
                raise TargetError("a file was taken away while it was written", place=staged.shown)
            records.append(Record(step.entry.parts, stamp, step.backup))
        return cls(plan.folders, tuple(records))

    def save(self, work: Folder) -> None:
        """Write it so that it is there as a whole, or not at all."""
        files = [["/".join(r.parts), r.stamp, r.backup] for r in self.records]
        content = {"folders": ["/".join(parts) for parts in self.folders], "files": files}
        work.create(f"{NAME}.new", json.dumps(content).encode())
        work.sync(f"{NAME}.new")
        work.rename(f"{NAME}.new", NAME)
        work.sync()

    @classmethod
    def load(cls, work: Folder) -> Journal | None:
        """Read it; None where no write had begun to change the target, or it was finished.

        Raises:
            TargetError: it cannot be understood.
        """
        if work.look(NAME) is None:
            return None
        try:
            content = json.loads(work.read(NAME, _LARGEST))
            folders = tuple(check_parts(path) for path in content["folders"])
            return cls(folders, tuple(_record(*fields) for fields in content["files"]))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, TargetError) as e:
            reason = f"{work.shown} is left from a stopped run, and its journal cannot be read"
            hint = "look for files named *.backup-1 and so on, then remove it"
            raise TargetError(reason, hint=hint) from e

    def undo(self, target: Folder) -> None:
        """Put the target back to how it was before the write.

        Raises:
            OSError: the disk refuses; trying again goes on from there.
        """
        for record in reversed(self.records):
            try:
                folder = target.walk(record.parts[:-1])
            except FileNotFoundError:
                continue
            with folder:
                _undo(folder, record)
        for parts in reversed(self.folders):
            try:
                folder = target.walk(parts[:-1])
            except FileNotFoundError:
                continue
            with folder:
                folder.remove_folder(parts[-1])


def _undo(folder: Folder, record: Record) -> None:
    name = record.parts[-1]
    if folder.stamp(name) == record.stamp:
        folder.remove(name)
    if record.backup is None or folder.look(record.backup) is None:
        return
    if folder.look(name) is None:
        folder.place(record.backup, folder, name)
    kept, original = folder.look(record.backup), folder.look(name)
    if kept and original and os.path.samestat(kept, original):
        folder.remove(record.backup)


def _record(path: str, stamp: list[int], backup: str | None) -> Record:
    parts = check_parts(path)
    if backup is not None and ("/" in backup or not backup.startswith(f"{parts[-1]}.backup-")):
        raise ValueError(f"{backup!r} is no name of a backup")
    inode, size, modified_ns = stamp
    return Record(parts, (inode, size, modified_ns), backup)
