"""What runs after writing: commands of the template, and a short training as a check."""

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
from kscaffold.project.pipeline import Scaffold, derived_values, missing_modules, training_arguments
from kscaffold.project.redaction import masked
from kscaffold.template.manifest import Manifest

# Stands for the run folder of the training in a command that is only shown.
RUN_FOLDER = "RUN_FOLDER"


@dataclass(frozen=True)
class AfterCommand:
    """A command that a template runs in the finished project; `shown` is without secrets."""

    words: tuple[str, ...]
    shown: tuple[str, ...]
    trains: bool = False

    def run(self, target: Path, *, silent: bool) -> str | None:
        """Run it in the project; returns the error message, or None."""
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
    """Refuse --train if it cannot work here; raises `KscaffoldError`."""
    if not manifest.test.train:
        hint = "its kscaffold.toml needs [test] train = [...]"
        raise KscaffoldError("the template does not say how to train", key="--train", hint=hint)
    if missing := missing_modules(manifest):
        hint = "pip install 'kscaffold[jax]'; nothing is written"
        raise KscaffoldError(f"--train needs {', '.join(missing)}", hint=hint)


def training(scaffold: Scaffold, answers: Answers, run_folder: str) -> AfterCommand:
    """Return the command that briefly trains the project; raises `TemplateError`."""
    words = training_arguments(scaffold, answers, run_folder)
    without_secrets = masked(scaffold.template.manifest, answers)
    shown = training_arguments(scaffold, without_secrets, RUN_FOLDER)
    return AfterCommand((sys.executable, *words), ("python", *shown), trains=True)


def commands(scaffold: Scaffold, answers: Answers) -> Iterator[AfterCommand]:
    """Yield the commands that the template asks to run; raises `TemplateError`."""
    manifest, renderer = scaffold.template.manifest, scaffold.renderer
    if not manifest.after:
        return
    values = derived_values(scaffold, answers)
    public = derived_values(scaffold, masked(manifest, answers))
    for command in manifest.after:
        with place_named(command.place):
            if command.when is None or renderer.value(command.when, values):
                words = tuple(renderer.text(word, values) for word in command.run)
                shown = tuple(renderer.text(word, public) for word in command.run)
                yield AfterCommand(words, shown)


def not_trusted(wanted: Sequence[AfterCommand]) -> TrustError:
    """Return the error for commands that a template may not run."""
    shown = ", ".join(f"`{shell_join(command.shown)}`" for command in wanted)
    kinds = dict.fromkeys(command.trains for command in wanted)
    without = " and ".join("leave out --train" if kind else "give --no-commands" for kind in kinds)
    hint = f"allow them with --trust, or {without}; nothing is written"
    return TrustError(f"the template wants to run commands, {shown}", hint=hint)
