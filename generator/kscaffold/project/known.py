"""Texts that black is known to leave unchanged, by their digests.

Importing and running black takes longer than everything else together. So the texts of the built-in
template are listed in `formatted.txt`, which the tests compare with black; those of other templates
are added to the user's cache when black leaves them unchanged.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from contextlib import suppress
from pathlib import Path

from kscaffold import __version__
from kscaffold.safety.files import read_regular

FORMATTED = Path(__file__).with_name("formatted.txt")
# In bytes. A larger cache is truncated.
_LARGEST = 1_000_000
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)


def digest(text: str, package: str = "") -> str:
    """Return the digest of a text, whatever the name of its package."""
    if package:
        text = re.sub(rf"\b{re.escape(package)}\b", "my_package", text)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def is_known(key: str) -> bool:
    """Return whether a text is listed or in the cache."""
    return key in known_digests() or key in _cached(_cache_file())


def remember(key: str) -> None:
    """Add a text to the cache, if it can be written."""
    path = _cache_file()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            if path.stat().st_size > _LARGEST:
                path.unlink()
        # A single write, so that concurrent runs do not mix their lines.
        descriptor = os.open(path, _APPEND, 0o600)
        try:
            os.write(descriptor, f"{key}\n".encode())
        finally:
            os.close(descriptor)


@functools.cache
def known_digests() -> frozenset[str]:
    """Return the listed digests, if the list is for the installed black.

    Its style is stable within a calendar year, which its version begins with:
    https://black.readthedocs.io/en/stable/the_black_code_style/index.html#stability-policy
    """
    year, *digests = FORMATTED.read_text(encoding="ascii").split()
    return frozenset(digests) if black_version().partition(".")[0] == year else frozenset()


@functools.cache
def black_version() -> str:
    """Return the version of the installed black, or "" if it is unknown."""
    try:
        # A one-line module of black's; `importlib.metadata` would take as long as jinja2.
        from _black_version import version  # type: ignore[import-untyped]
    except ImportError:
        return ""
    return str(version)


@functools.cache
def _cached(path: Path) -> frozenset[str]:
    try:
        return frozenset(read_regular(path, 2 * _LARGEST).decode("ascii").split())
    except (OSError, UnicodeDecodeError):
        return frozenset()


def _cache_file() -> Path:
    from platformdirs import user_cache_path

    name = f"formatted-{__version__}-{black_version()}.txt"
    return user_cache_path("kscaffold", appauthor=False) / name
