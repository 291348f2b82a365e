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
from pathlib import Path

from kscaffold.errors import AnswerError, TemplateError
from kscaffold.layers import MANIFEST, MAX_FILES

# Unpacked, in bytes: more than any template, less than what fills a disk.
MAX_BYTES = 256 * 1024 * 1024
CHUNK = 1 << 16


def unpack(path: Path) -> Path:
    """Unpack a zip into a folder that is removed when this process ends.

    Returns:
        The folder with the template: the zip's root, or the one folder in it.

    Raises:
        AnswerError: there is no such file.
        TemplateError: it is no zip, holds no template, or what no template needs.
    """
    if not path.is_file():
        raise AnswerError(f"--template: no such file: {path}")
    folder = Path(tempfile.mkdtemp(prefix="kscaffold-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        with zipfile.ZipFile(path) as archive:
            _unpack_all(archive, path, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise TemplateError(f"{path}: is no zip that can be read: {error}") from None
    except OSError as error:
        raise TemplateError(f"{path}: {error.strerror or error}") from None
    return _root(folder, path)


def _unpack_all(archive: zipfile.ZipFile, path: Path, folder: Path) -> None:
    entries = archive.infolist()
    if len(entries) > MAX_FILES:
        raise TemplateError(f"{path}: more than {MAX_FILES} entries")
    seen: set[str] = set()
    left = MAX_BYTES
    for entry in entries:
        if reason := _refused(entry, seen):
            raise TemplateError(f"{path}: {entry.orig_filename!r} {reason}")
        if entry.is_dir():
            continue
        target = folder / entry.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        left -= _write(archive, entry, target, left)
        if left < 0:
            raise TemplateError(f"{path}: unpacks to more than {MAX_BYTES >> 20} MiB")


def _refused(entry: zipfile.ZipInfo, seen: set[str]) -> str | None:
    """Return what is wrong with an entry, or None."""
    name = entry.filename.rstrip("/")
    parts = name.split("/")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if entry.orig_filename != entry.filename or re.search(r"[\\\x00]", entry.orig_filename):
        return "is no name that every system reads the same way"
    if not all(parts) or {".", ".."} & {*parts} or re.match(r"[A-Za-z]:", name):
        return "leads out of the zip"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device; a template has plain files only"
    if entry.flag_bits & 1:
        return "is encrypted; a template is not"
    key = unicodedata.normalize("NFC", name).casefold()
    if key in seen:
        return "is there twice, at least where case does not count"
    seen.add(key)
    return None


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, most: int) -> int:
    """Write one file; returns its size in bytes, or more than `most`, where it stops."""
    size = 0
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
    raise TemplateError(f"{path}: no {MANIFEST} in it, so it is no template")
