"""Folders for what is fetched: the cache, where each commit is found again, or a temporary one."""

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

# What no fetch takes, in seconds: an older folder was left by a process that was killed.
ABANDONED = 86_400.0


def temporary_folder() -> Path:
    """Return a folder that is removed when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="kscaffold-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def cache_folder(url: str) -> Path:
    """Return the folder for the commits of a repository, which need not be there.

    Args:
        url: of the repository, without a password: a project's record has none, and finds the same
            files.
    """
    from platformdirs import user_cache_path

    name = sha256(url.encode()).hexdigest()[:32]
    return user_cache_path("kscaffold", appauthor=False) / "git" / name


def writable(folder: Path) -> Path:
    """Return the folder, made and cleaned; where it cannot be written, a temporary one."""
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


def keep(fetched: Path, place: Path) -> None:
    """Move the folder `kept` of what was fetched to its place in the cache.

    Its digest is kept beside its `files`, so that a change is noticed.

    Raises:
        TemplateError: there is no manifest, or something else in that place.
    """
    kept = fetched / "kept"
    (kept / "digest").write_text(Layer("", kept / "files").digest(), encoding="ascii")
    # Another process may be faster; its files are the same.
    with suppress(OSError):
        if not is_whole(place):
            place.rename(fetched / "altered")
    with suppress(OSError):
        kept.rename(place)
    if not is_whole(place):
        raise TemplateError("cannot be written; remove it", place=str(place))


def is_whole(place: Path) -> bool:
    """Return whether all files of a commit are in its place, as they were fetched."""
    try:
        digest = read_regular(place / "digest", MAX_TEXT)
        return digest == Layer("", place / "files").digest().encode()
    except (OSError, TemplateError):
        return False
