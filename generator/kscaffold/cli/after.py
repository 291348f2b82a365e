"""What comes after writing: a git repository, and a short training as a check."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from kscaffold.errors import KscaffoldError

# A template is data: no hook and no program named by a configuration runs for it.
SAFE = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "init.templateDir="),
    *("-c", "commit.gpgSign=false", "-c", "core.safecrlf=false"),
)
FALLBACK = ("-c", "user.name=kscaffold", "-c", "user.email=kscaffold@localhost")


def start_repository(target: Path, files: tuple[str, ...]) -> str | None:
    """Make a git repository with one commit of the files.

    Returns:
        What went wrong, or None: also where there is no git, or the target is in a repository.
    """
    if not files or shutil.which("git") is None:
        return None
    if _git(target, "rev-parse", "--is-inside-work-tree").returncode == 0:
        return None
    named = _git(target, "config", "user.email").returncode == 0
    for arguments in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "--", *files),
        (*(() if named else FALLBACK), "commit", "--quiet", "--message", "Create the project"),
    ):
        result = _git(target, *arguments)
        if result.returncode != 0:
            lines = result.stderr.strip().splitlines() or ["no message"]
            return f"the project is written, but git failed: {lines[-1]}"
    return None


def _git(target: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *SAFE, *arguments],
        cwd=target,
        capture_output=True,
        text=True,
        check=False,
        # A repository named by the environment, as inside a git hook, is not the target's.
        env={k: v for k, v in os.environ.items() if k not in ("GIT_DIR", "GIT_WORK_TREE")},
    )


def check_can_train() -> None:
    """Refuse --train where the project could not run; raises `KscaffoldError`."""
    missing = [name for name in ("keras", "jax", "tyro", "matplotlib") if not find_spec(name)]
    if missing:
        raise KscaffoldError(
            f"--train needs {', '.join(missing)}: pip install 'kscaffold[jax]'; nothing is written"
        )


def train(target: Path, package: str, *, silent: bool) -> None:
    """Train the project for one epoch, and leave no run behind.

    Raises:
        KscaffoldError: the training failed; the project stays.
    """
    with TemporaryDirectory(prefix="kscaffold-") as folder:
        arguments = ["-m", package, "train", "--epochs", "1", "--run-dir", f"{folder}/run"]
        result = subprocess.run(
            [sys.executable, *arguments, "--verbose", "0" if silent else "1"],
            cwd=target,
            env={**os.environ, "PYTHONPATH": "src"},
            stdout=subprocess.DEVNULL if silent else None,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or [f"exit code {result.returncode}"]
        raise KscaffoldError(f"{target} is written, but training it failed: {lines[-1]}")
