"""Writing whole files into a folder that nobody looks at yet."""

from __future__ import annotations

from kscaffold.write.entries import Entry, folders_of
from kscaffold.write.folder import Folder
from kscaffold.write.signals import Checkpoint


def stage(root: Folder, entries: tuple[Entry, ...], checkpoint: Checkpoint) -> None:
    """Write the entries, and have the disk keep them before anything is renamed.

    Syncing comes after all writing: the first sync carries most of the rest along.

    Raises:
        OSError: the disk refuses.
    """
    folders = folders_of(entries)
    for parts in folders:
        checkpoint()
        with root.walk(parts[:-1]) as folder:
            folder.make(parts[-1])
    for entry in entries:
        checkpoint()
        with root.walk(entry.folder) as folder:
            folder.create(entry.name, entry.data, entry.mode)
    for entry in entries:
        checkpoint()
        with root.walk(entry.folder) as folder:
            folder.sync(entry.name)
    sync_folders(root, folders)


def sync_folders(root: Folder, folders: tuple[tuple[str, ...], ...]) -> None:
    """Have the disk keep the names in these folders and in the root, the innermost first."""
    for parts in (*reversed(folders), ()):
        with root.walk(parts) as folder:
            folder.sync()
