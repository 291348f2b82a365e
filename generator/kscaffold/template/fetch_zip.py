"""Unpack a template from a zip, into a temporary folder."""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from itertools import accumulate
from pathlib import Path

from kscaffold.errors import AnswerError, TemplateError, place_named
from kscaffold.safety.files import open_regular
from kscaffold.safety.paths import folded
from kscaffold.template.fetched import temporary_folder
from kscaffold.template.overlays import MANIFEST, MAX_BYTES, MAX_FILES

CHUNK = 1 << 16
# Those that Python unpacks in chunks; of bzip2 and LZMA, 4 KiB can become gigabytes at once.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# Where macOS puts metadata of the files.
NOTES = "__MACOSX"


def unpack(path: Path) -> Path:
    """Unpack a zip into a temporary folder; returns the root of the template in it.

    Raises `AnswerError` if there is no such file, else `TemplateError` for whatever is wrong.
    """
    folder = temporary_folder()
    with place_named(str(path)):
        try:
            with open_regular(path, MAX_BYTES) as file, zipfile.ZipFile(file) as archive:
                _unpack_all(archive, folder)
        except FileNotFoundError:
            raise AnswerError(f"no such file: {path}") from None
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise TemplateError(f"is not a readable zip: {error}") from None
        except OSError as error:
            raise TemplateError(f"{error.strerror or error}") from None
        return _root(folder)


def _unpack_all(archive: zipfile.ZipFile, folder: Path) -> None:
    entries = archive.infolist()
    if len(entries) > MAX_FILES:
        raise TemplateError(f"more than {MAX_FILES} entries")
    seen: dict[str, str] = {}
    for entry in entries:  # all of them, before anything is written
        if reason := _wrong_alone(entry) or _wrong_together(entry, seen):
            raise TemplateError(f"{entry.orig_filename!r} {reason}")
    left = MAX_BYTES
    for entry in entries:
        if entry.is_dir() or entry.filename.startswith(f"{NOTES}/"):
            continue
        try:
            left -= _write(archive, entry, folder / entry.filename, left)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error) or "it ends too early"
            raise TemplateError(f"{entry.filename!r} cannot be read: {reason}") from None
        if left < 0:
            raise TemplateError(f"unpacks to more than {MAX_BYTES >> 20} MiB")


def _wrong_alone(entry: zipfile.ZipInfo) -> str | None:
    """Return what is wrong with an entry, or None."""
    name = entry.filename.removesuffix("/")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    parts = name.split("/")
    if entry.orig_filename != entry.filename or re.search(r"[\\\x00]", entry.orig_filename):
        return "is a name that systems read in different ways"
    if not all(parts) or {".", ".."} & {*parts} or re.match(r"[A-Za-z]:", name):
        return "leads out of the zip"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device; a template has plain files only"
    if entry.flag_bits & 1:
        return "is encrypted; a template is not"
    if entry.compress_type not in METHODS:
        return "has an unsupported compression; pack it with deflate"
    return None


def _wrong_together(entry: zipfile.ZipInfo, seen: dict[str, str]) -> str | None:
    """Return what is wrong with an entry after others, or None.

    The entry is added to `seen`: the paths by their folded form, those of folders with a slash at
    their end.
    """
    for name in accumulate(re.findall("[^/]+/?", entry.filename)):
        key = folded(name.removesuffix("/"))
        other = seen.get(key)
        if other and other.removesuffix("/") != name.removesuffix("/"):
            return "is there twice, where case and Unicode form do not count"
        if other and (other != name or not name.endswith("/")):  # folders may be repeated
            return "is there twice"
        seen[key] = name
    return None


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, most: int) -> int:
    """Write one file; returns its size in bytes, or more than `most`, where it stops."""
    size = 0
    target.parent.mkdir(parents=True, exist_ok=True)
    # The sizes that a zip states may be wrong, so the output is counted.
    with archive.open(entry) as source, target.open("xb") as file:
        while size <= most and (chunk := source.read(CHUNK)):
            size += len(chunk)
            file.write(chunk)
    return size


def _root(folder: Path) -> Path:
    # Archives of git servers have a single folder at the top.
    inside = [each for each in folder.iterdir() if each.is_dir()]
    root = inside[0] if len(inside) == 1 and not (folder / MANIFEST).is_file() else folder
    if not (root / MANIFEST).is_file():
        raise TemplateError(f"no {MANIFEST} in it, so it is not a template")
    return root
