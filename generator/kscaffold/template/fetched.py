"""Folders for fetched templates: the user's cache of commits, and temporary ones."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from kscaffold.errors import TemplateError
from kscaffold.safety.files import MAX_TEXT, read_regular
from kscaffold.template.overlays import Layer

# In seconds, longer than any fetch; older folders were left by killed processes.
ABANDONED = 86_400.0


def temporary_folder() -> Path:
    """Return a folder that is removed when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="kscaffold-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def cache_folder(url: str) -> Path:
    """Return the folder for the commits of a repository, which may be missing.

    The URL is without its password, as in the records of projects.
    """
    from platformdirs import user_cache_path

    name = sha256(url.encode()).hexdigest()[:32]
    return user_cache_path("kscaffold", appauthor=False) / "git" / name


def writable(folder: Path) -> Path:
    """Make and clean the folder and return it; if it cannot be written, a temporary one."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError
    except OSError:
        return temporary_folder()
    for left in folder.glob("fetch-*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > ABANDONED:
                shutil.rmtree(left)
    return folder


def keep(fetched: Path, entry: Path) -> None:
    """Move the folder `kept` of what was fetched to its entry in the cache.

    The digest beside its `files` tells later whether they have changed. Raises `TemplateError`.
    """
    kept = fetched / "kept"
    (kept / "digest").write_text(Layer("", kept / "files").digest(), encoding="ascii")
    # If another process is faster, its files are the same.
    with suppress(OSError):
        if not is_whole(entry):
            entry.rename(fetched / "altered")
    with suppress(OSError):
        kept.rename(entry)
    if not is_whole(entry):
        raise TemplateError("cannot be written; remove it", place=str(entry))


def is_whole(entry: Path) -> bool:
    """Return whether the files of a commit are in the cache, unchanged."""
    try:
        digest = read_regular(entry / "digest", MAX_TEXT)
        return digest == Layer("", entry / "files").digest().encode()
    except (OSError, TemplateError):
        return False
