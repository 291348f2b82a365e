"""Run git for an untrusted repository, without running anything that is in it.

A library would not do: only git knows the user's keys and credentials.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kscaffold.errors import TemplateError
from kscaffold.safety.child_process import kill_session

# Neither "http" nor "git", which do not authenticate the server.
PROTOCOLS = ("https", "ssh", "file")
SECONDS = 120.0
# Of each file that git writes, such as a pack or its output, in bytes.
MAX_WRITTEN = 512 << 20
# Of git's error messages: the bytes read, and the characters shown.
LAST = 65_536
MAX_REASON = 300
# SIGXFSZ, which ends git if it writes too much.
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
# The variables by which users reach their servers; others would point git elsewhere.
KEPT = ("GIT_CONFIG", "GIT_SSH", "GIT_SSL", "GIT_ASKPASS", "GIT_PROXY", "GIT_EXEC_PATH")


def without_password(url: str) -> str:
    """Return a URL without user, password or token; for ssh, the user stays."""
    scheme, separator, rest = url.partition("://")
    server, slash, path = rest.partition("/")
    user, _, host = server.rpartition("@")
    name = user.partition(":")[0]
    shown = f"{name}@{host}" if name and "ssh" in scheme.lower() else host
    return f"{scheme}{separator}{shown}{slash}{path}"


@dataclass(frozen=True)
class Git:
    """Runs git for the repository at a URL, in an own local repository that `git init` makes."""

    repository: Path
    url: str

    def run(self, *arguments: str, given: bytes = b"", most: int = MAX_WRITTEN) -> bytes:
        """Run git with `given` as its input and return its output; raises `TemplateError`.

        At most `most` bytes may be written to its output or to a file.
        """
        # Files, since messages of a server can be endless, and helpers may hold a pipe open.
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
        """Return the environment without what would point git elsewhere or make it prompt."""
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith("GIT_") or key.startswith(KEPT)
        }
        # Explicit, since users may have forbidden git to discover bare repositories.
        own = {"GIT_DIR": str(self.repository), "GIT_NO_REPLACE_OBJECTS": "1"}
        return {**kept, **own, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}

    def _wait(self, process: subprocess.Popen[bytes], given: bytes) -> None:
        """Wait for git; on a timeout or an interrupt, kill it and its helpers."""
        try:
            process.communicate(given, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise TemplateError(f"no answer after {SECONDS:.0f} s") from None
        finally:
            if process.poll() is None:
                kill_session(process)

    def _reason(self, errors: bytes, code: int) -> str | None:
        """Return the error message, in one line; None: git wrote too much."""
        lines = [line for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
        if code == -TOO_MUCH or any(line.endswith(f"signal {TOO_MUCH}") for line in lines):
            return None
        # git's message comes before its advice, and that of ssh before git's.
        wrong = (n for n, line in enumerate(lines) if line.startswith(("fatal:", "error:")))
        number = next(wrong, 0)
        if number and "Could not read from remote repository" in lines[number]:
            number -= 1
        reason = lines[number] if lines else f"git ended with {code}"
        return self._without_user(reason)[:MAX_REASON]

    def _without_user(self, reason: str) -> str:
        # git removes what it takes for the password, which may be only a part of it.
        reason = re.sub(r"://[^/\s]*@", "://", reason)
        user = self.url.partition("://")[2].partition("/")[0].rpartition("@")[0]
        for secret in filter(None, (user, user.partition(":")[0])):
            reason = reason.replace(f"{secret}@", "")
        return reason


def _limit(most: int) -> Callable[[], None] | None:
    """Return a function that limits the files that a process writes; None on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    soft = most if hard == resource.RLIM_INFINITY else min(most, hard)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return limit
