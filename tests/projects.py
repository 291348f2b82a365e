"""Generated projects, for the tests that read or run them."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kscaffold.cli import main

ROOT = Path(__file__).parents[1]
STYLES = ("functional", "sequential", "subclass")
DATA: tuple[dict[str, str], ...] = (
    {"data": "diabetes"},
    {"data": "digits"},
    {"data": "breast-cancer"},
    {"data": "csv"},
    {"data": "csv", "data_path": "data/penguins.csv", "target": "body_mass_g"},
)
STEPS: tuple[dict[str, bool], ...] = tuple(
    {"sample_weight": weights, "manual_metrics": manual, "test_step": test_step, "fused": fused}
    for fused in (True, False)
    for weights in (True, False)
    for manual, test_step in ((False, False), (False, True), (True, True))
)
DISTRIBUTIONS = ("data-parallel", "model-parallel")
CLUSTERS = ("none", "slurm", "kubernetes")
LICENSES = ("MIT", "BSD-3-Clause", "Apache-2.0", "none")

Answers = Mapping[str, str | bool]


def matrix() -> Iterator[dict[str, str | bool]]:
    """Yield every legal combination of the answers that shape the code."""
    for style, data, step in itertools.product(STYLES, DATA, STEPS):
        yield {"style": style, **data, **step}


def distributed(distribution: str) -> Iterator[dict[str, str | bool]]:
    """Yield every legal combination of them with a distribution; clusters take turns."""
    fused = [answers for answers in matrix() if answers["fused"]]
    for answers, cluster in zip(fused, itertools.cycle(CLUSTERS)):
        yield {**answers, "distribution": distribution, "cluster": cluster}


def covering() -> Iterator[dict[str, str | bool]]:
    """Yield combinations in which each file occurs in each of its forms."""
    for number, (data, step) in enumerate(itertools.product(DATA, STEPS)):
        yield {"style": STYLES[number % len(STYLES)], **data, **step}
    for distribution in DISTRIBUTIONS:
        yield from list(distributed(distribution))[::7]


def some(names: Iterable[Any], every: int, mark: Any = pytest.mark.exhaustive) -> list[Any]:
    """Return names, or tuples, as parameters of a test, and mark all but one in `every`."""
    return [
        pytest.param(
            *(name if isinstance(name, tuple) else (name,)), marks=[mark] if number % every else []
        )
        for number, name in enumerate(names)
    ]


def label(answers: Answers) -> str:
    """Return a short name for the answers, for a test's id."""
    return "-".join(
        (key if value else f"no_{key}") if isinstance(value, bool) else value
        for key, value in answers.items()
    )


def options(answers: Mapping[str, str | bool | list[str]]) -> list[str]:
    """Return the answers as options of the command line."""
    given: list[str] = []
    for key, value in answers.items():
        name = key.replace("_", "-")
        if isinstance(value, bool):
            given.append(f"--{name}" if value else f"--no-{name}")
        elif isinstance(value, list):
            given += [word for each in value for word in (f"--{name}", each)]
        else:
            given += [f"--{name}", value]
    return given


def generate(folder: Path, answers: Answers, *more: str) -> Path:
    """Run `kscaffold new` in this process; returns the project's folder."""
    arguments = ["new", str(folder), "--defaults", "--no-git", "-q", *options(answers), *more]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return folder


def run(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run Python in a project, with its package importable and warnings as errors."""
    # Keras converts variables and reads HDF5 in ways that NumPy deprecates, and leaves the log of a
    # run open that was killed: its own affair.
    quiet = ["-W", "ignore::DeprecationWarning", "-W", "ignore::ResourceWarning"]
    warnings = ["-W", "error", *quiet]
    result = subprocess.run(
        [sys.executable, *warnings, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or result.returncode == 0, result.stdout + result.stderr
    return result
