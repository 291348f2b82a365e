"""A run that is killed, and resumed, ends like one that was never killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.distribution.test_meshes import ALGORITHMS
from tests.projects import generate, run, some

pytestmark = pytest.mark.slow

DATA = {"supervised": "diabetes", **ALGORITHMS}


def epochs_in(history: Path) -> int:
    """Count the epochs in a history.csv, which may not be there yet."""
    return history.read_text().count("\n") - 1 if history.exists() else 0


def kill(folder: Path, *arguments: str, history: Path, epochs: int) -> None:
    """Start the project's command line, and kill it at a random moment of an early epoch."""
    epoch = random.randrange(1, epochs // 4)
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, env={**os.environ, "PYTHONPATH": "src"}
    )
    try:
        while epochs_in(history) < epoch:
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.005)
        time.sleep(random.random() / 50)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert epoch <= epochs_in(history) < epochs


@pytest.mark.parametrize("algorithm", some(DATA, len(DATA)))
def test_killed_run_resumes_to_the_same_end(algorithm: str, tmp_path: Path) -> None:
    """Its history, and all that training changes: weights, optimizers, teachers, seeds."""
    package = algorithm.replace("-", "_") + "_killed"
    answers = {"package": package, "algorithm": algorithm, "data": DATA[algorithm]}
    folder = generate(tmp_path / "project", answers)
    epochs = 40 if DATA[algorithm] == "digits" else 150  # those of a table are much shorter
    fields = ["--verbose", "0", "--epochs", str(epochs), "--patience", "0", "--batch-size", "256"]
    train = ("-m", package, "train", *fields)
    run(folder, *train, "--run-dir", "whole")
    again = (*train, "--run-dir", "broken")
    kill(folder, *again, history=folder / "broken/history.csv", epochs=epochs)
    run(folder, "-m", package, "resume", "--run-dir", "broken")
    whole, broken = folder / "whole", folder / "broken"
    assert (broken / "history.csv").read_text() == (whole / "history.csv").read_text()
    name = f"checkpoints/after-{epochs:06}.npz"
    with np.load(whole / name) as expected, np.load(broken / name) as found:
        assert len(expected.files) > 10
        for key in expected.files:
            np.testing.assert_array_equal(found[key], expected[key], err_msg=key)
