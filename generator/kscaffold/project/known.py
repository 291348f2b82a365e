"""Python that black is known to leave as it is, by the digests of the texts.

To import black and to run it costs more than all else that a scaffold takes. So the texts of the
built-in template are listed in `formatted.txt`; the tests hold that list against black. Texts of
other templates are kept in the user's cache, once black has left them as they are.
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
    """Return what identifies a text, whatever its package is called."""
    if package:
        text = re.sub(rf"\b{re.escape(package)}\b", "my_package", text)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def is_known(key: str) -> bool:
    """Return whether a text is listed or in the cache."""
    return key in known_digests() or key in _cached(_cache_file())


def remember(key: str) -> None:
    """Keep one more text in the cache; where that cannot be, nothing is kept."""
    path = _cache_file()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            if path.stat().st_size > _LARGEST:
                path.unlink()
        # A line at once, so that two who do this at the same time mix nothing.
        descriptor = os.open(path, _APPEND, 0o600)
        try:
            os.write(descriptor, f"{key}\n".encode())
        finally:
            os.close(descriptor)


@functools.cache
def known_digests() -> frozenset[str]:
    """Return the listed digests, if the list is for the installed black.

    Black's style does not change within a calendar year, which its version begins with:
    https://black.readthedocs.io/en/stable/the_black_code_style/index.html#stability-policy
    """
    year, *digests = FORMATTED.read_text(encoding="ascii").split()
    return frozenset(digests) if black_version().partition(".")[0] == year else frozenset()


@functools.cache
def black_version() -> str:
    """Return the version of the installed black; "" if it does not tell."""
    try:
        # A module of one line beside black; `importlib.metadata` would take as long as jinja2.
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
