"""A folder for temporary files in a target that is written already."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kscaffold.write.folder import Folder
from kscaffold.write.inplace import undo
from kscaffold.write.lock import Lock
from kscaffold.write.os_errors import as_sentences
from kscaffold.write.place import LOCK_INSIDE, WORK_INSIDE, locate
from kscaffold.write.removal import remove_tree, tidy


@contextmanager
def workspace(target: Path) -> Iterator[Path]:
    """Give a folder inside the target that is removed at the end; after a kill, by the next run.

    Raises:
        TargetError: another run is writing there, or the disk refuses.
    """
    with as_sentences(target):
        place = locate(target)
        with (
            Folder.open(place.path, place.target) as folder,
            Lock(folder, LOCK_INSIDE, place.target),
        ):
            undo(folder)
            folder.make(WORK_INSIDE)
            try:
                yield Path(os.path.join(place.path, WORK_INSIDE))
            finally:
                tidy(lambda: remove_tree(folder, WORK_INSIDE))
