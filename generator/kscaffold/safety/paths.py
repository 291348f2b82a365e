"""Paths of a project's files: relative, inside the project, and valid on every system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from kscaffold.errors import TemplateError
from kscaffold.hints import UNSEEN

# Names that Windows keeps for devices, with any suffix.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"\\|?*\x00-\x1f\x7f]')
# What every file system takes, in bytes of UTF-8 and in folders.
_LONGEST = 255
_DEEPEST = 60
# Where a project keeps what it was made of.
_OWN = ".kscaffold"


def check_path(path: str) -> str:
    """Return a path that may be written in a project; raises `TemplateError` for another one."""
    if problem := path_problem(path):
        raise TemplateError(f"the template writes to {path!r}: {problem}")
    return path


def path_problem(path: str, *, own: bool = False) -> str | None:
    """Return why a path cannot be written in a project, or None.

    It is absolute, leaves the project, lies in a git folder, or cannot be the name of a file on
    every system. Only with `own` may it lie in kscaffold's own folder.
    """
    parts = path.split("/")
    for part in parts:
        # Some systems take look-alikes, such as full-width dots, for what they look like.
        looks = unicodedata.normalize("NFKC", part).split("/")
        for name in dict.fromkeys((part, *looks)):
            if reason := name_problem(name):
                return f"{part!r} {reason}"
        if len(looks) > 1:
            return f"{part!r} holds what looks like a slash"
    first = _seen(unicodedata.normalize("NFKC", parts[0])).casefold()
    if first.startswith(f"{_OWN}-") or (first == _OWN and not own):
        return f"{_OWN} is kscaffold's own folder"
    return f"deeper than {_DEEPEST} folders" if len(parts) > _DEEPEST else None


def check_distinct(paths: Iterable[str]) -> None:
    """Refuse two paths that are one on a system that ignores case or Unicode form.

    Raises:
        TemplateError: two paths are the same there, or a file is where a folder must be.
    """
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
    """Return what two paths share that are one where case and Unicode form do not count."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def is_device(name: str) -> bool:
    """Return whether Windows keeps a name for a device."""
    return bool(_DEVICE.fullmatch(name))


def name_problem(part: str) -> str | None:
    """Return why a file or folder cannot have a name on every system, or None."""
    plain = _seen(part)
    if part in ("", ".", ".."):
        return "is no name of a file or folder; a path is relative and stays inside the project"
    if _FORBIDDEN.search(part):
        return "holds a character that not every system allows in a name"
    if part != part.rstrip(". ") or part != part.lstrip(" "):
        return "begins or ends in a space, or ends in a dot"
    if is_device(part):
        return "is the name of a device on Windows"
    if plain.casefold() == ".git" or re.fullmatch(r"git~\d+", plain, re.IGNORECASE):
        return "is git's own folder"
    if plain != part:
        return "holds a character that cannot be seen"
    if len(part.encode()) > _LONGEST:
        return f"is longer than {_LONGEST} bytes"
    return None


def _seen(part: str) -> str:
    return "".join(c for c in part if unicodedata.category(c) not in UNSEEN)
