"""Training on many devices gives what one device gives: every option, every algorithm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.projects import DATA, ROOT, STEPS, STYLES, Answers

pytestmark = pytest.mark.slow

KINDS = ("data-parallel", "model-parallel")
# The data set of each algorithm that has one of its own, or shows more on another.
ALGORITHMS = {
    "sam": "csv",
    "mixup": "breast-cancer",
    "adversarial": "digits",
    "dp-sgd": "diabetes",
    "vae": "digits",
    "gan": "digits",
    "wgan-gp": "digits",
    "diffusion": "digits",
    "distillation": "digits",
    "mean-teacher": "breast-cancer",
    "multitask": "diabetes",
    "pinn": "diabetes",
    "simclr": "digits",
}
# Sums over rows are added up in another order. Adam divides each gradient by its size, and so makes
# the rounding of those near zero visible in some weights.
NEAR = {"history": 1e-6, "predictions": 1e-6, "weights": 5e-5}
NEAR_ALGORITHMS = {"history": 2e-6, "predictions": 2e-6, "weights": 5e-5}


def trained(folder: Path, projects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Train projects in a process with eight devices; return what it found of each."""
    result = subprocess.run(
        [sys.executable, "-m", "tests.distribution.meshes", str(folder)],
        input=json.dumps(projects),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax"},
    )
    assert result.returncode == 0, result.stderr[-4000:]
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def check(found: dict[str, Any], answers: Answers, near: dict[str, float]) -> None:
    """Everything is near, on all devices, and divided as it should be."""
    for name, limit in near.items():
        assert found[name] <= limit, (answers, name, found[name])
    assert found["devices"] == 8, answers
    assert bool(found["divided"]) == (answers["distribution"] == "model-parallel"), answers


def options(kind: str) -> list[dict[str, Any]]:
    """Return every combination of training options; data sets and styles take turns."""
    steps = [step for step in STEPS if step["fused"]]
    return [
        {
            "answers": {
                "distribution": kind,
                "style": STYLES[number % len(STYLES)],
                **DATA[number % len(DATA)],
                **step,
            },
            "fields": {"steps_per_execution": (1, 2, "auto")[number % 3]},
        }
        for number, step in enumerate(steps)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_options(kind: str, tmp_path: Path) -> None:
    """Weights, manual metrics, test_step, styles and data sets, a table of mixed columns too."""
    projects = options(kind)
    for project, found in zip(projects, trained(tmp_path, projects), strict=True):
        images = project["answers"]["data"] == "digits"
        check(found, project["answers"], NEAR_ALGORITHMS if images else NEAR)


@pytest.mark.parametrize("kind", KINDS)
def test_algorithms(kind: str, tmp_path: Path) -> None:
    """Each algorithm of the gallery, with its own optimizers, noise and teachers."""
    projects: list[dict[str, Any]] = [
        {"answers": {"algorithm": algorithm, "data": data, "distribution": kind}, "fields": {}}
        for algorithm, data in ALGORITHMS.items()
    ]
    for project, found in zip(projects, trained(tmp_path, projects), strict=True):
        check(found, project["answers"], NEAR_ALGORITHMS)
