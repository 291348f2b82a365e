"""What comes after writing: commands, and a short training as a check."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kscaffold.cli.terminal import shell_join
from kscaffold.errors import KscaffoldError, place_named
from kscaffold.project.answers import Answers
from kscaffold.project.pipeline import Scaffold, derived_values
from kscaffold.project.redaction import masked
from kscaffold.project.training import missing_modules, training_arguments
from kscaffold.template.manifest import Manifest

# Stands for the folder of the training's run where a command is only shown.
SCRATCH = "RUN_FOLDER"


@dataclass(frozen=True)
class Command:
    """A command that a template asks to run, as words; `shown` has no secret answer in it.

    `trains` marks the training, which gets a folder of its own each time.
    """

    words: tuple[str, ...]
    shown: tuple[str, ...]
    trains: bool = False


def check_can_train(manifest: Manifest) -> None:
    """Refuse --train where the project could not run; raises `KscaffoldError`."""
    if not manifest.train:
        hint = "its kscaffold.toml needs [test] train = [...]"
        raise KscaffoldError("the template does not say how", key="--train", hint=hint)
    if missing := missing_modules(manifest):
        hint = "pip install 'kscaffold[jax]'; nothing is written"
        raise KscaffoldError(f"--train needs {', '.join(missing)}", hint=hint)


def training(scaffold: Scaffold, answers: Answers) -> Command:
    """Return the command that trains the project for a moment; raises `TemplateError`."""
    words, shown = (
        training_arguments(scaffold, each, SCRATCH)
        for each in (answers, masked(scaffold.template.manifest, answers))
    )
    return Command((sys.executable, *words), ("python", *shown), trains=True)


def train(target: Path, scaffold: Scaffold, answers: Answers, *, silent: bool) -> str | None:
    """Train the project for a moment, and leave no run behind.

    Returns:
        What went wrong, or None.
    """
    with TemporaryDirectory(prefix="kscaffold-") as folder:
        arguments = training_arguments(scaffold, answers, f"{folder}/run")
        result = subprocess.run(
            [sys.executable, *arguments],
            cwd=target,
            env={**os.environ, "PYTHONPATH": "src", "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if silent else None,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    if result.returncode == 0:
        return None
    lines = result.stderr.strip().splitlines() or [f"exit code {result.returncode}"]
    return f"{target} is written, but training it failed: {lines[-1]}"


def commands(scaffold: Scaffold, answers: Answers) -> tuple[Command, ...]:
    """Return the commands that the template asks to run; raises `TemplateError`."""
    manifest, renderer = scaffold.template.manifest, scaffold.renderer
    if not manifest.after:
        return ()
    found = []
    values = derived_values(scaffold, answers)
    public = derived_values(scaffold, masked(manifest, answers))
    for command in manifest.after:
        with place_named(command.place):
            if command.when is None or renderer.value(command.when, values):
                words, shown = (
                    tuple(renderer.text(word, each) for word in command.run)
                    for each in (values, public)
                )
                found.append(Command(words, shown))
    return tuple(found)


def run(target: Path, command: Command, *, silent: bool) -> str | None:
    """Run a command in the project; returns what went wrong, or None."""
    try:
        code = subprocess.run(
            command.words,
            cwd=target,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if silent else None,
            check=False,
        ).returncode
    except OSError as error:
        code = error.strerror or str(error)  # type: ignore[assignment]
    if code == 0:
        return None
    return f"{target} is written, but the command {shell_join(command.shown)} failed: {code}"
