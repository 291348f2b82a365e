"""What whole processes of training cost: a cold and a warm start, and memory for much data."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import measure

MEMORY = """
import os, sys
os.environ["KERAS_BACKEND"] = "jax"
import keras, numpy as np
from bench_model.trainer import CustomModel

rows = 512 * 2**20 // (4 * 256)
x = np.ones((rows, 256), "float32")
y = np.ones((rows, 1), "float32")
keras.utils.set_random_seed(0)
inputs = keras.Input((256,))
model_class = {"stock": keras.Model, "fused": CustomModel}[sys.argv[1]]
model = model_class(inputs, keras.layers.Dense(1)(inputs))
steps = 1 if sys.argv[1] == "stock" else int(sys.argv[2])
model.compile("adam", "mse", steps_per_execution=steps)
model.fit(x, y, batch_size=256, epochs=1, verbose=0)
"""


def starts(project: Path, folder: Path, rounds: int) -> tuple[measure.Spread, measure.Spread]:
    """Run a project's training with an empty cache and then a full one, in turn.

    Returns:
        The CPU seconds of a warm start over those of a cold one; and what importing Keras takes,
        over those of a cold one.
    """
    command = [sys.executable, "-m", "bench_model", "train", "--epochs", "10", "--verbose", "0"]
    log = str(folder / "log")
    warm, importing = [], []
    for number in range(rounds):
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("JAX_")},
            "PYTHONPATH": str(project / "src"),
            "XDG_CACHE_HOME": str(folder / f"cache-{number}"),
            "KERAS_BACKEND": "jax",
            # Their own caches are no matter of ours.
            "MPLCONFIGDIR": str(folder / "matplotlib"),
        }
        costs = [
            measure.run(
                [*command, "--run-dir", str(folder / f"{start}-{number}")], environment, log
            ).seconds
            for start in ("cold", "warm")
        ]
        imported = measure.run([sys.executable, "-c", "import keras"], environment, log).seconds
        warm.append(costs[1] / costs[0])
        importing.append(imported / costs[0])
    return measure.Spread.of(warm), measure.Spread.of(importing)


def memory(project: Path, folder: Path, steps: int, rounds: int) -> measure.Spread:
    """Return the peak memory of fused training over that of stock training, in MiB."""
    environment = {**os.environ, "PYTHONPATH": str(project / "src")}
    over = []
    for _ in range(rounds):
        peaks = [
            measure.run(
                [sys.executable, "-c", MEMORY, way, str(steps)], environment, str(folder / "log")
            ).mebibytes
            for way in ("stock", "fused")
        ]
        over.append(peaks[1] - peaks[0])
    return measure.Spread.of(over)
