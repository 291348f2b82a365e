"""Train the models of `training.py` with fused steps and with Keras' own fusing; print the times.

    python bench/nightly_training.py ROUNDS

It runs in an environment with keras-nightly. It prints, as JSON, the version of Keras and for each
model and way the seconds of each round. All ways take turns in this one process.
"""

from __future__ import annotations

import json
import os
import sys
import time

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from bench_model.trainer import CustomModel
from models import BATCH, SUBJECTS, Subject, ThroughFit


def measure(subject: Subject, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each round, by way; the first round, which compiles, does not count."""
    random = np.random.default_rng(0)
    x = random.normal(size=(subject.steps * BATCH, *subject.shape)).astype("float32")
    y = random.normal(size=(len(x), 1)).astype("float32")
    ways = {
        "fused": ThroughFit(subject, CustomModel, "auto"),
        "one step": ThroughFit(subject, keras.Model, 1),
        "50 steps": ThroughFit(subject, keras.Model, 50),
        "an epoch": ThroughFit(subject, keras.Model, subject.steps),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for round_number in range(rounds + 1):
        for way, trained in ways.items():
            keras.utils.set_random_seed(round_number)
            start = time.perf_counter()
            trained.train(x, y)
            seconds[way].append(time.perf_counter() - start)
    return {way: each[1:] for way, each in seconds.items()}


def main() -> None:
    """Measure each model."""
    rounds = int(sys.argv[1])
    found = {name: measure(subject, rounds) for name, subject in SUBJECTS.items()}
    print(json.dumps([keras.__version__, found]))


if __name__ == "__main__":
    main()
