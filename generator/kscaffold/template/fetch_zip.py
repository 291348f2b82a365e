"""A template in a zip, unpacked where it harms nothing."""

from __future__ import annotations

import atexit
import re
import shutil
import stat
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from kscaffold.errors import AnswerError, TemplateError
from kscaffold.safety.files import open_regular
from kscaffold.template.overlays import MANIFEST, MAX_BYTES, MAX_FILES

CHUNK = 1 << 16
# What Python unpacks chunk by chunk; of bzip2 and LZMA, 4 KiB can become gigabytes at once.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# macOS puts its own notes about the files beside them.
NOTES = "__MACOSX"


def unpack(path: Path) -> Path:
    """Unpack a zip into a folder that is removed when this process ends.

    Returns:
        The folder with the template: the zip's root, or the one folder in it.

    Raises:
        AnswerError: there is no such file.
        TemplateError: it is no zip, holds no template, or what no template needs.
    """
    folder = Path(tempfile.mkdtemp(prefix="kscaffold-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        with open_regular(path, MAX_BYTES) as file, zipfile.ZipFile(file) as archive:
            _unpack_all(archive, path, folder)
    except FileNotFoundError:
        raise AnswerError(f"no such file: {path}") from None
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise TemplateError(f"is no zip that can be read: {error}", place=str(path)) from None
    except OSError as error:
        raise TemplateError(f"{error.strerror or error}", place=str(path)) from None
    return _root(folder, path)


def _unpack_all(archive: zipfile.ZipFile, path: Path, folder: Path) -> None:
    entries = archive.infolist()
    if len(entries) > MAX_FILES:
        raise TemplateError(f"more than {MAX_FILES} entries", place=str(path))
    _check(entries, path)
    left = MAX_BYTES
    for entry in entries:
        if entry.is_dir() or entry.filename.startswith(f"{NOTES}/"):
            continue
        try:
            left -= _write(archive, entry, folder / entry.filename, left)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error) or "it ends too early"
            reason = f"{entry.filename!r} cannot be read: {reason}"
            raise TemplateError(reason, place=str(path)) from None
        if left < 0:
            raise TemplateError(f"unpacks to more than {MAX_BYTES >> 20} MiB", place=str(path))


def _check(entries: Iterable[zipfile.ZipInfo], path: Path) -> None:
    """Refuse what no template needs, before anything is written; raises `TemplateError`."""
    spelled: dict[str, str] = {}
    files: set[str] = set()
    for entry in entries:
        reason = _wrong_alone(entry) or _wrong_together(entry, spelled, files)
        if reason:
            raise TemplateError(f"{entry.orig_filename!r} {reason}", place=str(path))


def _wrong_alone(entry: zipfile.ZipInfo) -> str | None:
    """Return what is wrong with an entry, or None."""
    name = entry.filename.removesuffix("/")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    parts = name.split("/")
    if entry.orig_filename != entry.filename or re.search(r"[\\\x00]", entry.orig_filename):
        return "is no name that every system reads the same way"
    if not all(parts) or {".", ".."} & {*parts} or re.match(r"[A-Za-z]:", name):
        return "leads out of the zip"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device; a template has plain files only"
    if entry.flag_bits & 1:
        return "is encrypted; a template is not"
    if entry.compress_type not in METHODS:
        return "is compressed in a way that is not taken; pack it with deflate, as most do"
    return None


def _wrong_together(entry: zipfile.ZipInfo, spelled: dict[str, str], files: set[str]) -> str | None:
    """Return what is wrong with an entry after others, or None.

    Args:
        entry: the entry, which is added to the others.
        spelled: each path and folder so far, by how a system knows it that ignores case.
        files: those of them that are files.
    """
    parts = entry.filename.removesuffix("/").split("/")
    for depth in range(1, len(parts) + 1):
        part = "/".join(parts[:depth])
        key = unicodedata.normalize("NFC", part).casefold()
        if spelled.get(key, part) != part:
            return "is there twice, where case and Unicode form do not count"
        if key in files or (depth == len(parts) and key in spelled and not entry.is_dir()):
            return "is there twice"
        spelled[key] = part
    if not entry.is_dir():
        files.add(key)
    return None


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, most: int) -> int:
    """Write one file; returns its size in bytes, or more than `most`, where it stops."""
    size = 0
    target.parent.mkdir(parents=True, exist_ok=True)
    # The sizes in a zip may lie; what comes out is counted.
    with archive.open(entry) as source, target.open("xb") as file:
        while size <= most and (chunk := source.read(CHUNK)):
            size += len(chunk)
            file.write(chunk)
    return size


def _root(folder: Path, path: Path) -> Path:
    if (folder / MANIFEST).is_file():
        return folder
    # Servers of git put all into one folder.
    inside = [each for each in folder.iterdir() if each.is_dir()]
    if len(inside) == 1 and (inside[0] / MANIFEST).is_file():
        return inside[0]
    raise TemplateError(f"no {MANIFEST} in it, so it is no template", place=str(path))
