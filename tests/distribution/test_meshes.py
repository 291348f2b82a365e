"""Training on many devices gives what one device gives: every option, every algorithm."""

from __future__ import annotations

import json
import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.distribution.meshes import BATCH_SIZE, ROWS
from tests.projects import DATA, DISTRIBUTIONS, ROOT, STEPS, STYLES, Answers

pytestmark = pytest.mark.slow

# All devices, by the number of processes. In several ones, weights span processes.
SHAPES = {1: (4, 2), 2: (1, 8), 4: (2, 4)}
LAST_BATCH = ROWS % BATCH_SIZE
# The style and the steps per execution of each combination of options.
TURNS = ((0, "auto"), (1, 1), (2, 2), (1, 2), (2, "auto"), (0, 1))
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
# the rounding of those near zero visible in some weights, more so in deep networks.
NEAR = {"history": 1e-6, "predictions": 1e-6, "weights": 5e-5}
NEAR_ALGORITHMS = {"history": 2e-6, "predictions": 2e-6, "weights": 1e-4}


def trained(
    folder: Path, projects: list[dict[str, Any]], processes: int = 1
) -> list[list[dict[str, Any]]]:
    """Train projects in processes with eight devices together; return what the first found."""
    command = [sys.executable, "-m", "tests.distribution.meshes", str(folder)]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        coordinator = f"127.0.0.1:{free.getsockname()[1]}"
    given = folder / "projects.json"
    given.write_text(json.dumps(projects))
    started = []
    for number in range(processes):
        place = [coordinator, str(processes), str(number)] if processes > 1 else []
        with given.open() as file, (folder / f"log-{number}").open("w") as log:
            started.append(
                subprocess.Popen(
                    [*command, *place],
                    stdin=file,
                    stderr=log,
                    cwd=ROOT,
                    env={**os.environ, "KERAS_BACKEND": "jax"},
                )
            )
    try:
        for number, process in enumerate(started):
            assert process.wait(timeout=1800) == 0, (folder / f"log-{number}").read_text()[-4000:]
    finally:
        for process in started:
            process.kill()
            process.wait()
    found: list[list[dict[str, Any]]] = pickle.loads(
        (folder / "process-0/found.pickle").read_bytes()
    )
    return found


def difference(found: Any, expected: Any) -> float:
    """Return the largest difference of two lists of arrays, relative to the largest value."""
    pairs = [
        (np.asarray(a, np.float64), np.asarray(b, np.float64))
        for a, b in zip(found, expected, strict=True)
    ]
    return max((float(abs(a - b).max() / max(abs(b).max(), 1e-9)) for a, b in pairs), default=0.0)


def check(
    many: dict[str, Any],
    one: dict[str, Any],
    answers: Answers,
    near: dict[str, float],
    processes: int,
) -> None:
    """Everything is near, on all devices, and divided as it should be."""
    assert many["history"].keys() == one["history"].keys()
    for name, limit in near.items():
        found, expected = many[name], one[name]
        if name == "history":
            found, expected = [*found.values()], [*expected.values()]
        if found is not None:
            distance = difference(found, expected)
            assert distance <= limit, (answers, name, distance)
    assert many["devices"] == 8, answers
    assert many["divided"] == many["to_divide"], answers
    if answers["distribution"] == "model-parallel":
        assert many["divided"], answers
        assert many["moments"], answers
    else:
        assert many["taken"] == {BATCH_SIZE // processes, LAST_BATCH}, answers


def check_all(folder: Path, projects: list[dict[str, Any]], processes: int = 1) -> None:
    """Check what projects give on their meshes, the first of which has one device.

    Several processes have to use all devices: there, one process trains on the first.
    """
    if processes == 1:
        found = trained(folder, projects)
    else:
        (folder / "one").mkdir()
        first = [{**each, "meshes": each["meshes"][:1]} for each in projects]
        rest = [{**each, "meshes": each["meshes"][1:]} for each in projects]
        ones, many = trained(folder / "one", first), trained(folder, rest, processes)
        found = [[*one, *more] for one, more in zip(ones, many, strict=True)]
    for project, (one, *others) in zip(projects, found, strict=True):
        answers = project["answers"]
        images = answers["data"] == "digits" or "algorithm" in answers
        for other in others:
            check(other, one, answers, NEAR_ALGORITHMS if images else NEAR, processes)


def meshes(kind: str, processes: int) -> list[dict[str, Any]]:
    """Return the fields for one device, and for all of them."""
    if kind == "data-parallel":
        return [{"devices": 1}, {"devices": 8}]
    return [{"mesh_shape": (1, 1)}, {"mesh_shape": SHAPES[processes]}]


def options(kind: str, processes: int) -> list[dict[str, Any]]:
    """Return every combination of training options; data sets, styles and steps take turns."""
    steps = [step for step in STEPS if step["fused"]]
    return [
        {
            "answers": {
                "distribution": kind,
                "style": STYLES[style],
                **DATA[number % len(DATA)],
                **step,
            },
            "meshes": [
                {
                    **mesh,
                    "steps_per_execution": per_execution,
                }
                for mesh in meshes(kind, processes)
            ],
        }
        for number, (step, (style, per_execution)) in enumerate(zip(steps, TURNS, strict=True))
    ]


def algorithms(kind: str, processes: int) -> list[dict[str, Any]]:
    """Return every algorithm of the gallery."""
    return [
        {
            "answers": {"algorithm": algorithm, "data": data, "distribution": kind},
            "meshes": meshes(kind, processes),
        }
        for algorithm, data in ALGORITHMS.items()
    ]


@pytest.mark.parametrize("kind", DISTRIBUTIONS)
def test_options(kind: str, tmp_path: Path) -> None:
    """Weights, manual metrics, test_step, styles and data sets, a table of mixed columns too."""
    check_all(tmp_path, options(kind, 1))


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", DISTRIBUTIONS)
def test_algorithms(kind: str, tmp_path: Path) -> None:
    """Each algorithm of the gallery, with its own optimizers, noise and teachers."""
    check_all(tmp_path, algorithms(kind, 1))


@pytest.mark.exhaustive
@pytest.mark.parametrize("processes", [2, 4])
@pytest.mark.parametrize("kind", DISTRIBUTIONS)
def test_options_in_processes(kind: str, processes: int, tmp_path: Path) -> None:
    """Each process reads its own rows of a batch, or all if the devices cannot divide it."""
    check_all(tmp_path, options(kind, processes), processes)


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", DISTRIBUTIONS)
def test_algorithms_in_processes(kind: str, tmp_path: Path) -> None:
    """Noise and pairs are those of the whole batch, not of a process's part."""
    check_all(tmp_path, algorithms(kind, 2), 2)
