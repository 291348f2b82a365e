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
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kscaffold.errors import TemplateError

# What a plain "http" or "git" brings can be changed on the way.
PROTOCOLS = ("https", "ssh", "file")
SECONDS = 120.0
# Of any one file that git writes, in bytes: packs, and what it prints.
MAX_WRITTEN = 512 << 20
# Of what git says when it fails: the bytes looked at, and the characters shown.
LAST = 65_536
MAX_REASON = 300
# SIGXFSZ: how git ends if it writes more than it may.
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


@dataclass(frozen=True)
class Git:
    """Runs git for a repository elsewhere, in a repository of its own.

    Attributes:
        repository: the folder of its own; `git init` makes it.
        url: of the repository elsewhere.
    """

    repository: Path
    url: str

    def run(self, *arguments: str, given: bytes = b"", most: int = MAX_WRITTEN) -> bytes:
        """Run git and return what it prints.

        Args:
            arguments: the command, and what it takes.
            given: what it reads.
            most: the bytes that it may print, or write into one file.

        Raises:
            TemplateError: without the place: it failed, took too long, or wrote more than that.
        """
        # Files, since a server's messages have no end, and helpers may hold a pipe open.
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            with subprocess.Popen(
                self._command(*arguments),
                cwd=self.repository.parent,
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=errors,
                start_new_session=True,
                preexec_fn=_limit(most),
            ) as process:
                self._wait(process, given)
            if process.returncode != 0:
                errors.seek(max(0, errors.seek(0, os.SEEK_END) - LAST))
                reason = self._reason(errors.read(), process.returncode)
                raise TemplateError(
                    reason or f"git {arguments[0]} writes more than {most >> 20} MiB"
                )
            output.seek(0)
            return output.read()

    def _command(self, *arguments: str) -> list[str]:
        own = {"protocol.file.allow": "always"} if self.url.startswith("file:") else {}
        options = {**OPTIONS, **own}
        words = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        return ["git", *words, *arguments]

    def _environment(self) -> dict[str, str]:
        """Return the environment without what would point git elsewhere, or make it ask."""
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith("GIT_") or key.startswith(KEPT)
        }
        # Named, since a user may have forbidden repositories that git finds by itself.
        own = {"GIT_DIR": str(self.repository), "GIT_NO_REPLACE_OBJECTS": "1"}
        return {**kept, **own, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}

    def _wait(self, process: subprocess.Popen[bytes], given: bytes) -> None:
        """Wait for git, or end it and the helpers of its own that hold the connection."""
        try:
            process.communicate(given, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise TemplateError(f"no end after {SECONDS:.0f} s; is it there?") from None
        finally:
            if process.poll() is None:
                if hasattr(os, "killpg"):
                    with suppress(OSError):
                        os.killpg(process.pid, signal.SIGKILL)
                process.kill()

    def _reason(self, errors: bytes, code: int) -> str | None:
        """Return what went wrong, in one line; None: git wrote too much."""
        lines = [line for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
        if code == -TOO_MUCH or any(line.endswith(f"signal {TOO_MUCH}") for line in lines):
            return None
        # Git ends with advice; what went wrong it says before, and ssh before that.
        wrong = (n for n, line in enumerate(lines) if line.startswith(("fatal:", "error:")))
        number = next(wrong, 0)
        if number and "Could not read from remote repository" in lines[number]:
            number -= 1
        reason = lines[number] if lines else f"git ended with {code}"
        return self._without_user(reason)[:MAX_REASON]

    def _without_user(self, reason: str) -> str:
        # Git leaves out what it takes for a password, which may be a part of it.
        reason = re.sub(r"://[^/\s]*@", "://", reason)
        user = self.url.partition("://")[2].partition("/")[0].rpartition("@")[0]
        for secret in filter(None, (user, user.partition(":")[0])):
            reason = reason.replace(f"{secret}@", "")
        return reason


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
