"""Fetch a template from a git repository: the files of one commit, without its history.

Nothing is checked out, so hooks, filters, links and submodules play no part.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from kscaffold.errors import AnswerError, TemplateError, place_named
from kscaffold.hints import near
from kscaffold.template.fetched import cache_folder, is_whole, keep, writable
from kscaffold.template.git import PROTOCOLS, Git, without_password
from kscaffold.template.overlays import MANIFEST, MAX_BYTES, MAX_FILES

# Of a listing of all files, in bytes; a tree that repeats its subtrees can be endless.
MAX_LISTING = 20 << 20
FETCH = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
OURS = "refs/kscaffold/it"
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
HASH = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)


def fetch(url: str, ref: str | None) -> tuple[Path, str]:
    """Fetch a commit, or find it in the cache; return the folder of its files, and its full hash.

    The URL may begin with `git+`; without a `ref`, it is that of the default branch. Raises
    `AnswerError` if one of them is invalid, and `TemplateError` for all that goes wrong.
    """
    url = url.removeprefix("git+")
    _check(url, ref)
    shown = without_password(url)
    cache = cache_folder(shown)
    if ref and COMMIT.fullmatch(ref) and is_whole(cache / ref):
        return cache / ref / "files", ref
    with place_named(shown):
        if shutil.which("git") is None:
            hint = "install it, or give a folder"
            raise TemplateError("git is needed to fetch it, and is not installed", hint=hint)
        try:
            cache = writable(cache)
            with tempfile.TemporaryDirectory(dir=cache, prefix="fetch-") as folder:
                git = Git(Path(folder, "repository"), url)
                commit = _fetch_into(cache, Path(folder), git, ref or "HEAD")
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            raise TemplateError(f"{place}{error.strerror}") from None
    return cache / commit / "files", commit


def _check(url: str, ref: str | None) -> None:
    scheme, separator, _ = url.partition("://")
    # Or "user@host:path", which is ssh, too, and cannot begin with a dash.
    if not (separator and scheme in PROTOCOLS) and not re.match(r"\w[\w.-]*@[\w.-]+:", url):
        known = ", ".join(f"{name}://" for name in PROTOCOLS)
        reason = f"a repository's URL begins with {known}"
        raise AnswerError(reason, place=without_password(url))
    if ref is not None and (not ref.strip() or ref.startswith("-") or re.search(r"[\s:^~?*]", ref)):
        raise AnswerError(f"{ref!r} is not the name of a branch, a tag or a commit", key="--ref")


def _fetch_into(cache: Path, folder: Path, git: Git, ref: str) -> str:
    """Put the files of a commit into the cache, unless it has them; returns the commit."""
    refs = _refs(git)
    # In the order in which git resolves a short name.
    names = (ref, f"refs/{ref}", f"refs/tags/{ref}", f"refs/heads/{ref}")
    name = next((name for name in names if name in refs), None)
    if name and is_whole(cache / refs[name]):
        return refs[name]
    # Older versions of git lack this option, so it is only given if needed.
    is_sha256 = any(len(found) == 64 for found in refs.values())
    git.run("init", "--quiet", "--bare", *["--object-format=sha256"] * is_sha256)
    commit = _fetch_commit(git, name, ref)
    if commit is None:
        raise TemplateError(f"no branch, tag or commit {ref!r}", hint=_hint(ref, refs))
    _write_files(git, commit, folder / "kept" / "files")
    if not (folder / "kept" / "files" / MANIFEST).exists():
        raise TemplateError(f"no {MANIFEST} in it, so it is not a template")
    keep(folder, cache / commit)
    return commit


def _refs(git: Git) -> dict[str, str]:
    """Return the commit of each ref in a repository."""
    listed = git.run("ls-remote", "--quiet", "--", git.url).decode("utf-8", "replace")
    lines = (line.split("\t", 1) for line in listed.splitlines())
    # The commit of an annotated tag follows the tag object, as "NAME^{}".
    return {name.removesuffix("^{}"): found for found, name in lines}


def _hint(ref: str, refs: Mapping[str, str]) -> str:
    kinds = ("refs/heads/", "refs/tags/")
    names = sorted({re.sub("^refs/(heads|tags)/", "", n) for n in refs if n.startswith(kinds)})
    return near(ref, names) or f"there are {', '.join(names[:8]) or 'none'}"


def _fetch_commit(git: Git, name: str | None, ref: str) -> str | None:
    """Fetch a commit, and as little else as the server allows; returns its hash, or None."""
    if name:
        git.run(*FETCH, "--depth=1", "--", git.url, f"+{name}:{OURS}")
        return _resolved(git, OURS)
    if not HASH.fullmatch(ref):
        return None
    if COMMIT.fullmatch(ref):
        with suppress(TemplateError):
            git.run(*FETCH, "--depth=1", "--", git.url, f"+{ref}:{OURS}")
            return _resolved(git, OURS)
    # The server serves no single commits, or the hash is abbreviated: fetch everything.
    names = ("refs/heads/*", "refs/tags/*")
    git.run(*FETCH, "--", git.url, *(f"+{each}:{each}" for each in names))
    return _resolved(git, ref)


def _resolved(git: Git, ref: str) -> str | None:
    try:
        found = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    except TemplateError:
        return None
    return found.decode().strip()


def _write_files(git: Git, commit: str, folder: Path) -> None:
    """Write the plain files of a commit, without links and submodules."""
    files = _plain_files(git, commit)
    folder.mkdir(parents=True)
    wanted = "".join(f"{found}\n" for found, _, _ in files)
    contents = BytesIO(git.run("cat-file", "--batch", given=wanted.encode()))
    for _, size, name in files:
        contents.readline()  # the header of the object
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(contents.read(size))
        contents.readline()


def _plain_files(git: Git, commit: str) -> list[tuple[str, int, str]]:
    """Return the hash, size and path of each plain file; raises `TemplateError`."""
    listed = git.run("ls-tree", "-r", "-z", "--long", commit, most=MAX_LISTING)
    try:
        entries = listed.decode().split("\0")
    except UnicodeDecodeError as error:
        cut = listed[: error.end].rpartition(b"\t")[2]
        raise TemplateError(f"the name of a file is not UTF-8: {ascii(cut)[1:]}") from None
    files = []
    for entry in entries:
        about, _, name = entry.partition("\t")
        if about.startswith("100"):  # neither a link nor a submodule
            _, _, found, size = about.split()
            files.append((found, int(size), name))
    if len(files) > MAX_FILES or sum(size for _, size, _ in files) > MAX_BYTES:
        raise TemplateError(f"more than {MAX_FILES} files or {MAX_BYTES >> 20} MiB")
    for _, _, name in files:
        if ".." in name.split("/") or re.search(r"^/|^\w:|\\", name):
            raise TemplateError(f"{name!r} leads out of the repository, at least on some systems")
    return files
