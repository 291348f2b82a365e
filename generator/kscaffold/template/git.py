"""git, run for the repository of a stranger: it talks to it, and runs nothing that it holds.

git itself is asked, since only it knows the user's keys and credentials.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from kscaffold.errors import TemplateError

# What a plain "http" or "git" brings can be changed on the way.
PROTOCOLS = ("https", "ssh", "file")
SECONDS = 120.0
# Of any one file that git writes, in bytes: packs, and what it prints.
MAX_WRITTEN = 512 * 1024 * 1024
# Of what git says when it fails: the bytes looked at, and the characters shown.
LAST = 65_536
MAX_REASON = 300
# How git ends that writes more than it may: SIGXFSZ, wherever there is one.
TOO_MUCH = 25
OPTIONS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "fetch.fsckObjects": "true",
    "init.templateDir": "",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.allow": "never",
    "protocol.https.allow": "always",
    "protocol.ssh.allow": "always",
}
# Of git's variables, those by which the user reaches a server; others point git elsewhere.
KEPT = ("GIT_CONFIG", "GIT_SSH", "GIT_SSL", "GIT_ASKPASS", "GIT_PROXY", "GIT_EXEC_PATH")


def without_password(url: str) -> str:
    """Return a URL as it is shown and kept: no name, password or token; for ssh, the name stays."""
    scheme, separator, rest = url.partition("://")
    server, slash, path = rest.partition("/")
    user, _, host = server.rpartition("@")
    name = user.partition(":")[0]
    shown = f"{name}@{host}" if name and "ssh" in scheme.lower() else host
    return f"{scheme}{separator}{shown}{slash}{path}"


class Git:
    """Runs git in a folder, for one repository elsewhere."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.repository: Path | None = None

    def start_repository(self, *, sha256: bool) -> None:
        """Make the empty repository that all further commands work in."""
        name = "repository"
        # Only where it is needed: an older git knows no such option.
        hashes = ["--object-format=sha256"] if sha256 else []
        self.run("init", "--quiet", "--bare", *hashes, name)
        self.repository = self.folder / name

    def run(self, *arguments: str, given: bytes = b"", most: int = MAX_WRITTEN) -> bytes:
        """Run git and return what it prints.

        Args:
            arguments: the command, and what it takes.
            given: what it reads.
            most: the bytes that it may print, or write into one file.

        Raises:
            TemplateError: it failed, took too long, or wrote more than that.
        """
        with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as output:
            asked.write(given)
            asked.seek(0)
            # A file, since a server's messages have no end, and helpers may hold a pipe open.
            with tempfile.TemporaryFile() as errors:
                code = self._wait(
                    subprocess.Popen(
                        self._command(*arguments),
                        cwd=self.folder,
                        env=self._environment(os.environ),
                        stdin=asked,
                        stdout=output,
                        stderr=errors,
                        start_new_session=True,
                        preexec_fn=_limit(most),
                    )
                )
                if code != 0:
                    errors.seek(max(0, errors.seek(0, os.SEEK_END) - LAST))
                    reason = self._reason(errors.read(), code)
                    wrote = f"git {arguments[0]} writes more than {most >> 20} MiB"
                    raise self.error(reason or wrote)
            output.seek(0)
            return output.read()

    def error(self, reason: str) -> TemplateError:
        """Return an error that names the repository, without what is secret in its URL."""
        return TemplateError(f"{without_password(self.url)}: {reason}")

    def _command(self, *arguments: str) -> list[str]:
        options = {**OPTIONS}
        if self.url.startswith("file:"):
            options["protocol.file.allow"] = "always"
        words = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        # Named, since a user may have forbidden repositories that git finds by itself.
        where = [f"--git-dir={self.repository}"] if self.repository else []
        return ["git", *words, *where, *arguments]

    def _environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return the environment without what would point git elsewhere, or make it ask."""
        kept = {
            key: value
            for key, value in environment.items()
            if not key.startswith("GIT_") or key.startswith(KEPT)
        }
        return {
            **kept,
            "GIT_CEILING_DIRECTORIES": str(self.folder.parent),
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
        }

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        try:
            return process.wait(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise self.error(f"no end after {SECONDS:.0f} s; is it there?") from None
        finally:
            _end(process)

    def _reason(self, errors: bytes, code: int) -> str | None:
        """Return what went wrong, in one line; None: git wrote too much."""
        lines = [line for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
        if code == -TOO_MUCH or any(line.endswith(f"signal {TOO_MUCH}") for line in lines):
            return None
        # Git ends with advice; what went wrong it says before, and ssh before that.
        wrong = [n for n, line in enumerate(lines) if line.startswith(("fatal:", "error:"))]
        number = wrong[0] if wrong else 0
        if number and "Could not read from remote repository" in lines[number]:
            number -= 1
        reason = lines[number] if lines else f"git ended with {code}"
        return self._plain(reason)[:MAX_REASON]

    def _plain(self, reason: str) -> str:
        # Git leaves out what it takes for a password, which may be a part of it.
        hidden = re.sub(r"://[^/\s]*@", "://", reason)
        user = self.url.partition("://")[2].partition("/")[0].rpartition("@")[0]
        for secret in (user, user.partition(":")[0]) if user else ():
            hidden = hidden.replace(f"{secret}@", "")
        return hidden


def _end(process: subprocess.Popen[bytes]) -> None:
    """End git, if it still runs, and the helpers of its own that hold the connection."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()


def _limit(most: int) -> Callable[[], None] | None:
    """Return what limits the files that a process writes; None where there is no such limit."""
    if sys.platform == "win32":
        return None
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    soft = most if hard == resource.RLIM_INFINITY else min(most, hard)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return limit


def refs_in(listed: bytes) -> dict[str, str]:
    """Return the hash of each name in what `git ls-remote` prints; of a tag, its commit's."""
    lines = (line.split("\t", 1) for line in listed.decode("utf-8", "replace").splitlines())
    refs = {name: found for found, name in lines}
    return {
        name: refs.get(f"{name}^{{}}", found)
        for name, found in refs.items()
        if not re.search(r"\^\{\}$", name)
    }
