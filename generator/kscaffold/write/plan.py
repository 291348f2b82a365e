"""What has to be done in a folder that has files already, found by looking only."""

from __future__ import annotations

import stat
from dataclasses import dataclass

from kscaffold.errors import TargetError
from kscaffold.write.entries import Entry, fold, folders_of
from kscaffold.write.folder import Folder


@dataclass(frozen=True)
class Step:
    """One file to put in place.

    Attributes:
        entry: the file.
        backup: the name that what is there now gets; None where nothing is.
    """

    entry: Entry
    backup: str | None


@dataclass(frozen=True)
class Plan:
    """All that has to be done.

    Attributes:
        folders: the folders that are missing, each after the one around it.
        steps: the files that are missing or differ.
    """

    folders: tuple[tuple[str, ...], ...]
    steps: tuple[Step, ...]

    @property
    def backups(self) -> tuple[str, ...]:
        """The paths of all backups."""
        return tuple(
            "/".join((*step.entry.folder, step.backup)) for step in self.steps if step.backup
        )


def make_plan(target: Folder, entries: tuple[Entry, ...]) -> Plan:
    """Compare the entries with what is there.

    Raises:
        TargetError: a link or a folder is in the place of a file, a file or a link in the place of
            a folder, or a name differs from an existing one by case only.
        OSError: something there cannot be read.
    """
    names: dict[tuple[str, ...], frozenset[str]] = {(): frozenset(target.names())}
    missing = []
    for parts in folders_of(entries):
        around = names.get(parts[:-1])
        if around is None or not _has(around, parts[-1], target.shown, parts):
            missing.append(parts)
            continue
        with target.walk(parts) as folder:
            names[parts] = frozenset(folder.names())
    planned = {entry.parts for entry in entries}
    steps = []
    for entry in entries:
        around = names.get(entry.folder, frozenset())
        if not _has(around, entry.name, target.shown, entry.parts):
            steps.append(Step(entry, None))
        elif _differs(target, entry):
            taken = around | {parts[-1] for parts in planned if parts[:-1] == entry.folder}
            steps.append(Step(entry, _backup_name(entry.name, taken)))
    return Plan(tuple(missing), tuple(steps))


def _has(names: frozenset[str], name: str, shown: str, parts: tuple[str, ...]) -> bool:
    if name in names:
        return True
    for other in names:
        if fold(other) == fold(name):
            there = "/".join((shown, *parts[:-1], other))
            reason = f"{there} differs from the project's {name} by case or accents only"
            raise TargetError(reason, hint="rename it, or choose another path")
    return False


def _differs(target: Folder, entry: Entry) -> bool:
    with target.walk(entry.folder) as folder:
        found = folder.look(entry.name)
        if found is not None and not stat.S_ISREG(found.st_mode):
            kind = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder"}.get(
                stat.S_IFMT(found.st_mode), "no regular file"
            )
            reason = f"{folder.show(entry.name)} is {kind}, but the project has a file there"
            raise TargetError(reason, hint="move it, or choose another path")
        return folder.read(entry.name, len(entry.data) + 1) != entry.data


def _backup_name(name: str, taken: frozenset[str]) -> str:
    used = set(map(fold, taken))
    number = 1
    while fold(f"{name}.backup-{number}") in used:
        number += 1
    return f"{name}.backup-{number}"
