"""A template in a git repository: the files of one commit, without its history.

There is no checkout, so that no hook, filter, link or submodule comes into play.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from kscaffold.errors import AnswerError, TemplateError
from kscaffold.hints import near
from kscaffold.safety.files import MAX_TEXT, add_to_digest, open_regular, read_regular
from kscaffold.template.git import PROTOCOLS, Git, refs_in, without_password
from kscaffold.template.overlays import MAX_BYTES, MAX_FILES

# Of all paths with what git says of them; a tree can name itself so often that it has no end.
MAX_LISTING = 20 * 1024 * 1024
OURS = "refs/kscaffold/it"
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
HASH = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)
# What no fetch takes, in seconds: an older folder was left by a process that was killed.
ABANDONED = 86_400.0


def fetch(url: str, ref: str | None) -> tuple[Path, str]:
    """Fetch the files of one commit, or find them in the user's cache.

    Args:
        url: of the repository; `git+` in front of it is left out.
        ref: a branch, a tag or a commit; None: what the repository has checked out.

    Returns:
        The folder with the files, and the commit's full hash.

    Raises:
        AnswerError: the URL or the ref is none, or a protocol that is not taken.
        TemplateError: there is no git, no such repository or ref, or it is too much or too slow.
    """
    url = url.removeprefix("git+")
    _check(url, ref)
    cache = _cache_folder(url)
    if ref and COMMIT.fullmatch(ref) and _is_whole(cache / ref):
        return cache / ref / "files", ref
    shown = without_password(url)
    if shutil.which("git") is None:
        raise TemplateError(
            f"{shown}: git is needed to fetch it, and is not installed; install it, or give a"
            " folder"
        )
    try:
        cache = _writable(cache)
        with tempfile.TemporaryDirectory(dir=cache, prefix="fetch-") as folder:
            commit = _fetch_into(cache, Path(folder), Git(Path(folder), url), ref or "HEAD")
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        raise TemplateError(f"{shown}: {place}{error.strerror}") from None
    return cache / commit / "files", commit


def _check(url: str, ref: str | None) -> None:
    scheme, separator, _ = url.partition("://")
    # Also git's other spelling of ssh, "user@host:path", which never begins with a dash.
    if not (separator and scheme in PROTOCOLS) and not re.match(r"\w[\w.-]*@[\w.-]+:", url):
        known = ", ".join(f"{name}://" for name in PROTOCOLS)
        raise AnswerError(f"{without_password(url)}: a repository's URL begins with {known}")
    if ref is not None and (not ref.strip() or ref.startswith("-") or re.search(r"[\s:^~?*]", ref)):
        raise AnswerError(f"--ref: {ref!r} is no name of a branch, a tag or a commit")


def _cache_folder(url: str) -> Path:
    from platformdirs import user_cache_path

    # A project's record has no password, and finds the same files.
    name = sha256(without_password(url).encode()).hexdigest()[:32]
    return user_cache_path("kscaffold", appauthor=False) / "git" / name


def _writable(folder: Path) -> Path:
    """Return the folder, made and cleaned; where it cannot be written, one for this process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="kscaffold-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for left in folder.glob("fetch-*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > ABANDONED:
                shutil.rmtree(left)
    return folder


def _fetch_into(cache: Path, folder: Path, git: Git, ref: str) -> str:
    """Put the files of a commit into the cache, unless it has them; returns the commit."""
    refs = refs_in(git.run("ls-remote", "--quiet", "--", git.url))
    name = _full_name(ref, refs)
    if name and _is_whole(cache / refs[name]):
        return refs[name]
    git.start_repository(sha256=any(len(found) == 64 for found in refs.values()))
    commit = _fetch_commit(git, name, ref)
    if commit is None:
        raise git.error(f"no branch, tag or commit {ref!r}{_hint(ref, refs)}")
    _write_files(git, commit, folder / "kept" / "files")
    _keep(folder, cache / commit)
    return commit


def _full_name(ref: str, refs: Mapping[str, str]) -> str | None:
    """Return the name that a ref is short for, as git understands it."""
    names = (ref, f"refs/{ref}", f"refs/tags/{ref}", f"refs/heads/{ref}")
    return next((name for name in names if name in refs), None)


def _hint(ref: str, refs: Mapping[str, str]) -> str:
    kinds = ("refs/heads/", "refs/tags/")
    names = sorted({re.sub("^refs/(heads|tags)/", "", n) for n in refs if n.startswith(kinds)})
    return "; " + (near(ref, names) or f"there are {', '.join(names[:8]) or 'none'}")


def _fetch_commit(git: Git, name: str | None, ref: str) -> str | None:
    """Fetch a commit, and as little else as the server allows; returns its hash, if it is there."""
    if name:
        _fetch(git, f"+{name}:{OURS}", depth=1)
        return _resolved(git, OURS)
    if not HASH.fullmatch(ref):
        return None
    if COMMIT.fullmatch(ref):
        with suppress(TemplateError):
            _fetch(git, f"+{ref}:{OURS}", depth=1)
            return _resolved(git, OURS)
    # The server gives no single commits, or this is only the begin of its name.
    _fetch(git, *(f"+refs/{kind}/*:refs/{kind}/*" for kind in ("heads", "tags")))
    return _resolved(git, ref)


def _fetch(git: Git, *refspecs: str, depth: int | None = None) -> None:
    options = ["--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"]
    if depth is not None:
        options.append(f"--depth={depth}")
    git.run("fetch", *options, "--", git.url, *refspecs)


def _resolved(git: Git, ref: str) -> str | None:
    try:
        found = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    except TemplateError:
        return None
    return found.decode().strip()


def _write_files(git: Git, commit: str, folder: Path) -> None:
    """Write the plain files of a commit, byte by byte as they are; links are none."""
    files = _plain_files(git, commit)
    folder.mkdir(parents=True)
    wanted = "".join(f"{found}\n" for found, _, _ in files)
    contents = git.run("cat-file", "--batch", given=wanted.encode())
    position = 0
    for _, size, name in files:
        # A line that names the object, its content, and the end of a line.
        start = contents.index(b"\n", position) + 1
        position = start + size + 1
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(contents[start : position - 1])


def _plain_files(git: Git, commit: str) -> list[tuple[str, int, str]]:
    """Return the hash, size and path of each plain file; raises `TemplateError`."""
    listed = git.run("ls-tree", "-r", "-z", "--long", commit, most=MAX_LISTING)
    try:
        entries = listed.decode().split("\0")
    except UnicodeDecodeError as error:
        cut = listed[: error.end].rpartition(b"\t")[2]
        raise git.error(f"the name of a file is not UTF-8: {ascii(cut)[1:]}") from None
    files = []
    for entry in entries:
        about, _, name = entry.partition("\t")
        if about.startswith("100"):  # neither a link nor a submodule
            _, _, found, size = about.split()
            files.append((found, int(size), name))
    if len(files) > MAX_FILES or sum(size for _, size, _ in files) > MAX_BYTES:
        raise git.error(f"more than {MAX_FILES} files or {MAX_BYTES >> 20} MiB")
    for _, _, name in files:
        if ".." in name.split("/") or re.search(r"^/|^\w:|\\", name):
            raise git.error(f"{name!r} leads out of the repository, at least on some systems")
    return files


def _keep(fetched: Path, place: Path) -> None:
    """Put fetched files in their place in the cache, with a digest that tells if they change."""
    kept = fetched / "kept"
    (kept / "digest").write_text(_digest(kept / "files"), encoding="ascii")
    # Another process may be faster; its files are the same.
    with suppress(OSError):
        if not _is_whole(place):
            place.rename(fetched / "altered")
    with suppress(OSError):
        kept.rename(place)
    if not _is_whole(place):
        raise TemplateError(f"{place}: cannot be written; remove it")


def _is_whole(place: Path) -> bool:
    try:
        return read_regular(place / "digest", MAX_TEXT) == _digest(place / "files").encode()
    except OSError:
        return False


def _digest(folder: Path) -> str:
    whole = sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with open_regular(path, MAX_BYTES) as file:
                add_to_digest(whole, path.relative_to(folder).as_posix(), file)
    return whole.hexdigest()
