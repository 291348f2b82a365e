"""A template in a git repository: the files of one commit, without its history.

git itself is asked, since only it knows the user's keys and credentials. It fetches and nothing
else: no checkout, so that no hook, filter, link or submodule comes into play.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path, PurePosixPath

from kscaffold.errors import AnswerError, TemplateError
from kscaffold.layers import MAX_FILES
from kscaffold.text import near

# What a plain "http" or "git" brings can be changed on the way.
PROTOCOLS = ("https", "ssh", "file")
SECONDS = 300.0
MAX_BYTES = 256 * 1024 * 1024
QUIETLY = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
OURS = "refs/kscaffold/it"
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
HASH = re.compile(r"[0-9a-f]{7,64}")
OPTIONS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "transfer.fsckObjects": "true",
    "init.templateDir": "",
    "gc.auto": "0",
    "protocol.allow": "never",
    **{f"protocol.{name}.allow": "always" for name in PROTOCOLS},
}


def fetch(url: str, ref: str | None) -> tuple[Path, str]:
    """Fetch the files of one commit, or find them in the user's cache.

    Args:
        url: of the repository; `git+` in front of it is left out.
        ref: a branch, a tag or a commit; None: what the repository has checked out.

    Returns:
        The folder with the files, and the commit's full hash.

    Raises:
        AnswerError: the URL or the ref is none, or a protocol that is not taken.
        TemplateError: there is no git, no such repository or ref, or it takes too long.
    """
    url = url.removeprefix("git+")
    _check(url, ref)
    if shutil.which("git") is None:
        raise TemplateError(
            f"{without_password(url)}: git is needed to fetch it, and is not installed"
        )
    with _cache(url) as cache:
        commit = ref if ref and COMMIT.fullmatch(ref) else None
        if commit is None or not _is_whole(cache / commit):
            with tempfile.TemporaryDirectory(dir=cache, prefix="fetch-") as folder:
                commit = _fetch_into(Path(folder), url, ref)
                _keep(Path(folder), cache / commit)
        return cache / commit / "files", commit


def without_password(url: str) -> str:
    """Return a URL without the name, password or token in it: as it is shown and kept."""
    return re.sub(r"^((?:git\+)?https?://)[^/@]*@", r"\1", url)


def _check(url: str, ref: str | None) -> None:
    scheme, separator, _ = url.partition("://")
    if url.startswith("-") or (separator and scheme not in PROTOCOLS):
        known = ", ".join(f"{name}://" for name in PROTOCOLS)
        raise AnswerError(
            f"--template: {without_password(url)!r}: a repository's URL begins with {known}"
        )
    if ref is not None and (not ref.strip() or ref.startswith("-") or re.search(r"[\s:^~?*]", ref)):
        raise AnswerError(f"--ref: {ref!r} is no name of a branch, a tag or a commit")


@contextmanager
def _cache(url: str) -> Iterator[Path]:
    """Yield the repository's folder in the user's cache; where there can be none, another one."""
    from platformdirs import user_cache_path

    name = sha256(url.encode()).hexdigest()[:32]
    folder = user_cache_path("kscaffold", appauthor=False) / "git" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="kscaffold-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    yield folder


def _fetch_into(folder: Path, url: str, ref: str | None) -> str:
    """Put the files of a commit into the folder "files"; returns its hash."""
    git = _Git(folder, url)
    git.run("init", "--quiet", "--bare", "repository")
    commit = git.fetch(ref or "HEAD")
    _write_files(git, commit, folder / "files")
    shutil.rmtree(folder / "repository", ignore_errors=True)
    return commit


def _write_files(git: _Git, commit: str, folder: Path) -> None:
    """Write the plain files of a commit, byte by byte as they are; links are none."""
    folder.mkdir()
    listed = git.run("ls-tree", "-r", "-z", "--long", commit).decode("utf-8", "surrogateescape")
    entries = [entry.split("\t", 1) for entry in listed.split("\0") if entry]
    plain = [(*about.split(), name) for about, name in entries if about.startswith("100")]
    if len(plain) > MAX_FILES or sum(int(size) for _, _, _, size, _ in plain) > MAX_BYTES:
        raise TemplateError(
            f"{without_password(git.url)}: more than {MAX_FILES} files or {MAX_BYTES >> 20} MiB"
        )
    wanted = "".join(f"{name}\n" for _, _, name, _, _ in plain)
    contents = git.run("cat-file", "--batch", given=wanted.encode())
    position = 0
    for _, _, _, size, name in plain:
        # A line that names the object, its content, and the end of a line.
        start = contents.index(b"\n", position) + 1
        position = start + int(size) + 1
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise TemplateError(
                f"{without_password(git.url)}: {name!r} leads out of the repository"
            )
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(contents[start : position - 1])


class _Git:
    """Runs git for one repository in a folder."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url

    def fetch(self, ref: str) -> str:
        """Fetch a ref, and as little else as the server allows; returns its commit."""
        found = self._fetched(ref)
        if found is None and HASH.fullmatch(ref):
            # The server gives no single commits, or this is only the begin of its name.
            found = self._fetched_all(ref)
        if found is None:
            names = self.names()
            hint = near(ref, names) or f"; there are {', '.join(names[:8]) or 'none'}"
            place = without_password(self.url)
            raise TemplateError(f"{place}: no branch, tag or commit {ref!r}{hint}")
        return found

    def names(self) -> list[str]:
        """Return the branches and tags of the repository; raises `TemplateError`."""
        listed = self.run("ls-remote", "--heads", "--tags", "--", self.url).decode()
        refs = (line.partition("\t")[2] for line in listed.splitlines())
        return sorted({re.sub(r"^refs/(heads|tags)/|\^\{\}$", "", ref) for ref in refs})

    def _fetched(self, ref: str) -> str | None:
        result = self._run("fetch", *QUIETLY, "--depth=1", "--", self.url, f"+{ref}:{OURS}")
        if result.returncode == 0:
            return self._resolved(OURS)
        # There is no such ref; or the repository cannot be reached, and this says why.
        self.names()
        return None

    def _fetched_all(self, commit: str) -> str | None:
        kinds = ("heads", "tags")
        refs = (f"+refs/{kind}/*:refs/{kind}/*" for kind in kinds)
        self.run("fetch", *QUIETLY, "--", self.url, *refs)
        return self._resolved(commit)

    def _resolved(self, ref: str) -> str | None:
        result = self._run("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        return result.stdout.decode().strip() if result.returncode == 0 else None

    def run(self, *arguments: str, given: bytes = b"") -> bytes:
        """Run git and return what it prints; raises `TemplateError`."""
        result = self._run(*arguments, given=given)
        if result.returncode != 0:
            errors = result.stderr.decode("utf-8", "replace")
            lines = [line for line in errors.splitlines() if line.strip()]
            # Git ends with advice; what went wrong it says before.
            wrong = [line for line in lines if line.startswith(("fatal:", "error:"))]
            reason = (wrong or lines or [f"git ended with {result.returncode}"])[0]
            raise TemplateError(f"{without_password(self.url)}: {self._plain(reason)}")
        return result.stdout

    def _plain(self, reason: str) -> str:
        secret = self.url.partition("://")[2].rpartition("@")[0]
        hidden = reason.replace(self.url, without_password(self.url))
        return hidden.replace(f"{secret}@", "") if secret else hidden

    def _run(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        where = self.folder / "repository"
        options = [word for key, value in OPTIONS.items() for word in ("-c", f"{key}={value}")]
        process = subprocess.Popen(
            ["git", *options, *arguments],
            cwd=where if where.exists() else self.folder,
            env=_environment(os.environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            output, errors = process.communicate(given, timeout=SECONDS)
        except BaseException as error:
            _end(process)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            place = without_password(self.url)
            raise TemplateError(f"{place}: no end after {SECONDS:.0f} s; is it there?") from None
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End git and the helpers of its own that hold the connection."""
    if hasattr(os, "killpg"):
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.communicate()


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what would point git elsewhere, or make it ask."""
    kept = {
        key: value
        for key, value in environment.items()
        if not key.startswith("GIT_") or key.startswith(("GIT_CONFIG", "GIT_SSH", "GIT_ASKPASS"))
    }
    return {
        **kept,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "LC_ALL": "C",
    }


def _keep(fetched: Path, place: Path) -> None:
    """Put fetched files in their place in the cache, with a digest that tells if they change."""
    (fetched / "digest").write_text(_digest(fetched / "files"), encoding="ascii")
    if not _is_whole(place):
        shutil.rmtree(place, ignore_errors=True)
    # Another process may have been faster; its files are the same.
    with suppress(OSError):
        fetched.rename(place)
        fetched.mkdir()
    if not _is_whole(place):
        raise TemplateError(f"{place}: cannot be written; remove it")


def _is_whole(place: Path) -> bool:
    try:
        return (place / "digest").read_text(encoding="ascii") == _digest(place / "files")
    except OSError:
        return False


def _digest(folder: Path) -> str:
    whole = sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            name = path.relative_to(folder).as_posix()
            whole.update(f"{len(name)}:{name}:{len(content)}:".encode())
            whole.update(content)
    return whole.hexdigest()
