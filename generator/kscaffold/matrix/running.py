"""The checks that run a project's code: importing its modules, and a short training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from kscaffold.matrix.checks import Failure, Project
from kscaffold.project.pipeline import Scaffold, training_arguments
from kscaffold.safety.child_process import kill_session

IMPORTING = Path(__file__).with_name("importing.py")
# Of the output of a failed training, to show.
LINES = 12
NOT_IMPORTED = frozenset({"tests", "test", "setup", "conftest", "docs", "noxfile"})


class Processes:
    """Runs commands, and kills those that are running when it is told to end."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = Lock()
        self._over = False

    def run(
        self, command: Sequence[str], seconds: float, folder: Path, given: str = ""
    ) -> tuple[int, str, list[str]]:
        """Run a command, `given` on its stdin; returns exit code, stdout and lines of stderr."""
        with self._lock:
            if self._over:
                return 1, "", ["interrupted"]
            process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": "src", "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # so that its own children can be killed with it
            )
            self._running.add(process)
        try:
            output, errors = process.communicate(given, timeout=seconds)
        except subprocess.TimeoutExpired:
            kill_session(process)
            output, errors = process.communicate()
            errors += f"\nstopped after {seconds:g} s"
        finally:
            with self._lock:
                self._running.discard(process)
        return process.returncode, output, errors.strip().splitlines()

    def end(self) -> None:
        """Kill what is running, and start nothing more."""
        with self._lock:
            self._over = True
            for process in self._running:
                kill_session(process)


def _modules(project: Project) -> dict[str, object]:
    """Return a project's folder and modules for `importing.py`, without tests and scripts."""
    inside = [path for path in project.files if path.startswith("src/")]
    paths = [path.removeprefix("src/") for path in inside or project.files]
    names = (path.removesuffix(".py").removesuffix("/__init__").split("/") for path in paths)
    kept = (
        ".".join(parts)
        for parts in names
        if parts[0] not in NOT_IMPORTED
        and parts[-1] != "__main__"
        and all(part.isidentifier() for part in parts)
    )
    root = project.folder / "src" if inside else project.folder
    return {"folder": str(project.folder), "root": str(root), "modules": sorted(kept)}


def import_all(projects: Sequence[Project], processes: Processes, seconds: float) -> None:
    """Import the modules of projects in one process; start another after one that ends it."""
    waiting = [*projects]
    while waiting:
        command = [sys.executable, str(IMPORTING)]
        tasks = json.dumps([*map(_modules, waiting)])
        code, output, errors = processes.run(command, seconds * len(waiting), Path.cwd(), tasks)
        done = output.splitlines()[: len(waiting)]
        for project, line in zip(waiting, done, strict=False):
            problem = json.loads(line)
            project.report("imports", *([Failure("imports", problem)] if problem else []))
        if len(done) < len(waiting):
            last = (errors or ["no message"])[-1]
            message = f"importing it ends Python with exit code {code}: {last}"
            waiting[len(done)].report("imports", Failure("imports", message))
        waiting = waiting[len(done) + 1 :]


def train(scaffold: Scaffold, project: Project, processes: Processes, seconds: float) -> None:
    """Train a project briefly, as its template says."""
    assert project.answers is not None
    with TemporaryDirectory(prefix="kscaffold-") as scratch:
        arguments = training_arguments(scaffold, project.answers, f"{scratch}/run")
        code, _, errors = processes.run([sys.executable, *arguments], seconds, project.folder)
    project.report("trains")
    if code != 0:
        *details, last = errors[-LINES:] or [f"exit code {code}"]
        project.report("trains", Failure("trains", last, tuple(details)))
