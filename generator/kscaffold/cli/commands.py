"""What comes after writing: commands of the template, and a short training as a check."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kscaffold.cli.terminal import shell_join
from kscaffold.errors import KscaffoldError, TrustError, place_named
from kscaffold.project.answers import Answers
from kscaffold.project.pipeline import Scaffold, derived_values
from kscaffold.project.redaction import masked
from kscaffold.project.training import missing_modules, training_arguments
from kscaffold.template.manifest import Manifest

# Stands for the folder of the training's run where a command is only shown.
SCRATCH = "RUN_FOLDER"


@dataclass(frozen=True)
class AfterCommand:
    """A command that a template asks to run in the finished project; `shown` has no secrets."""

    words: tuple[str, ...]
    shown: tuple[str, ...]
    trains: bool = False

    def run(self, target: Path, *, silent: bool) -> str | None:
        """Run it in the project; returns what went wrong, or None."""
        piped: dict[str, Any] = {"stdout": subprocess.DEVNULL if silent else None}
        if self.trains:
            environment = {"PYTHONPATH": "src", "PYTHONDONTWRITEBYTECODE": "1"}
            piped |= {"env": {**os.environ, **environment}, "stderr": subprocess.PIPE}
        try:
            result = subprocess.run(
                self.words, cwd=target, stdin=subprocess.DEVNULL, text=True, check=False, **piped
            )
        except OSError as error:
            return self._failure(target, error.strerror or str(error))
        if result.returncode == 0:
            return None
        lines = (result.stderr or "").strip().splitlines() or [f"exit code {result.returncode}"]
        return self._failure(target, lines[-1] if self.trains else str(result.returncode))

    def _failure(self, target: Path, reason: str) -> str:
        what = "training it" if self.trains else f"the command {shell_join(self.shown)}"
        return f"{target} is written, but {what} failed: {reason}"


def check_can_train(manifest: Manifest) -> None:
    """Refuse --train where the project could not run; raises `KscaffoldError`."""
    if not manifest.test.train:
        hint = "its kscaffold.toml needs [test] train = [...]"
        raise KscaffoldError("the template does not say how", key="--train", hint=hint)
    if missing := missing_modules(manifest):
        hint = "pip install 'kscaffold[jax]'; nothing is written"
        raise KscaffoldError(f"--train needs {', '.join(missing)}", hint=hint)


def training(scaffold: Scaffold, answers: Answers, scratch: str) -> AfterCommand:
    """Return the command that trains the project for a moment and leaves its run in a folder.

    Raises:
        TemplateError: the template's arguments are broken.
    """
    words = training_arguments(scaffold, answers, scratch)
    without_secrets = masked(scaffold.template.manifest, answers)
    shown = training_arguments(scaffold, without_secrets, SCRATCH)
    return AfterCommand((sys.executable, *words), ("python", *shown), trains=True)


def commands(scaffold: Scaffold, answers: Answers) -> Iterator[AfterCommand]:
    """Yield the commands that the template asks to run; raises `TemplateError`."""
    manifest, renderer = scaffold.template.manifest, scaffold.renderer
    if not manifest.after:
        return
    values, public = (
        derived_values(scaffold, each) for each in (answers, masked(manifest, answers))
    )
    for command in manifest.after:
        with place_named(command.place):
            if command.when is None or renderer.value(command.when, values):
                words, shown = (
                    tuple(renderer.text(word, each) for word in command.run)
                    for each in (values, public)
                )
                yield AfterCommand(words, shown)


def not_trusted(wanted: Sequence[AfterCommand]) -> TrustError:
    """Return the error about commands that a template may not run."""
    shown = ", ".join(f"`{shell_join(command.shown)}`" for command in wanted)
    kinds = dict.fromkeys(command.trains for command in wanted)
    without = " and ".join("leave out --train" if kind else "give --no-commands" for kind in kinds)
    return TrustError(
        f"the template wants to run commands, {shown}",
        hint=f"allow them with --trust, or {without}; nothing is written",
    )
