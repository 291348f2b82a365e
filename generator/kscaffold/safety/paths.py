"""Paths of a project's files: relative, inside the project, and valid on every system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from kscaffold.errors import TemplateError
from kscaffold.hints import UNSEEN

# Names that Windows reserves for devices, with any suffix.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"\\|?*\x00-\x1f\x7f]')
# What every file system supports, in bytes of UTF-8 and in folders.
_LONGEST = 255
_DEEPEST = 60
# The folder of a project's record.
_OWN = ".kscaffold"


def check_path(path: str) -> str:
    """Return the path if it may be written in a project; else raises `TemplateError`."""
    if problem := path_problem(path):
        raise TemplateError(f"the template writes to {path!r}: {problem}")
    return path


def path_problem(path: str, *, own: bool = False) -> str | None:
    """Return why a path cannot be written in a project, or None.

    It is absolute, leaves the project, is inside a git folder, or is not valid on every system.
    Only with `own` may it be inside kscaffold's own folder.
    """
    parts = path.split("/")
    for part in parts:
        # To some systems, look-alikes such as full-width dots are what they look like.
        looks = unicodedata.normalize("NFKC", part).split("/")
        for name in dict.fromkeys((part, *looks)):
            if reason := name_problem(name):
                return f"{part!r} {reason}"
        if len(looks) > 1:
            return f"{part!r} has a character that looks like a slash"
    first = _seen(unicodedata.normalize("NFKC", parts[0])).casefold()
    if first.startswith(f"{_OWN}-") or (first == _OWN and not own):
        return f"{_OWN} is kscaffold's own folder"
    return f"deeper than {_DEEPEST} folders" if len(parts) > _DEEPEST else None


def check_distinct(paths: Iterable[str]) -> None:
    """Refuse paths that collide if case and Unicode form are ignored; raises `TemplateError`."""
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for path in paths:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            if (other := folders.setdefault(folded(folder), folder)) != folder:
                raise TemplateError(f"the template writes into both {other!r} and {folder!r}")
        if (key := folded(path)) in files:
            raise TemplateError(f"the template writes both {files[key]!r} and {path!r}: one file")
        files[key] = path
    for key in files.keys() & folders.keys():
        raise TemplateError(f"the template writes files below the file {files[key]!r}")


def folded(path: str) -> str:
    """Return a key that is equal for paths that differ only in case or Unicode form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def is_device(name: str) -> bool:
    """Return whether Windows reserves a name for a device."""
    return bool(_DEVICE.fullmatch(name))


def name_problem(part: str) -> str | None:
    """Return why a name is not valid for a file or folder on every system, or None."""
    plain = _seen(part)
    if part in ("", ".", ".."):
        return "is not a name; paths must be relative and stay inside the project"
    if _FORBIDDEN.search(part):
        return "has a character that some systems do not allow in names"
    if part != part.rstrip(". ") or part != part.lstrip(" "):
        return "begins or ends with a space, or ends with a dot"
    if is_device(part):
        return "is the name of a device on Windows"
    if plain.casefold() == ".git" or re.fullmatch(r"git~\d+", plain, re.IGNORECASE):
        return "is git's own folder"
    if plain != part:
        return "has an invisible character"
    if len(part.encode()) > _LONGEST:
        return f"is longer than {_LONGEST} bytes"
    return None


def _seen(part: str) -> str:
    return "".join(c for c in part if unicodedata.category(c) not in UNSEEN)
