"""What whole processes of training cost: starting cold and warm, and memory for much data."""

from __future__ import annotations

import json
import os
import subprocess
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

# CPU seconds from the first line after the imports to the end of the first epoch, and what of it
# JAX says that compiling took; an epoch of the middle MLP.
FIRST_EPOCH = """
import json, os, sys, time
os.environ["KERAS_BACKEND"] = "jax"
import jax, keras, numpy as np
from bench_model.trainer import CustomModel

compiling = []
def listen(event, seconds, **_):
    if event == "/jax/core/compile/backend_compile_duration":
        compiling.append(seconds)
jax.monitoring.register_event_duration_secs_listener(listen)
jax.config.update("jax_compilation_cache_dir", sys.argv[2])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
start = time.process_time()
x = np.ones((3200, 64), "float32")
y = np.ones((3200, 1), "float32")
keras.utils.set_random_seed(0)
inputs = keras.Input((64,))
hidden = keras.layers.Dense(128, activation="relu")(inputs)
hidden = keras.layers.Dense(128, activation="relu")(hidden)
model_class, steps = {"stock": (keras.Model, 1), "fused": (CustomModel, 100)}[sys.argv[1]]
model = model_class(inputs, keras.layers.Dense(1)(hidden))
model.compile("adam", "mse", metrics=["mae"], steps_per_execution=steps)
model.fit(x, y, batch_size=32, epochs=1, verbose=0)
print(json.dumps([time.process_time() - start, sum(compiling)]))
"""
WAYS = ("stock", "fused")


def first_epochs(
    project: Path, folder: Path, rounds: int
) -> dict[tuple[str, str], tuple[measure.Spread, measure.Spread]]:
    """Train a first epoch with an empty cache and then a full one, stock and fused in turn.

    Returns:
        By way, "stock" or "fused", and cache, "empty" or "full": CPU seconds to the end of the
        first epoch, and those of compiling, over stock's with an empty cache to the end.
    """
    environment = {**os.environ, "PYTHONPATH": str(project / "src")}
    kinds = [(way, cache) for cache in ("empty", "full") for way in WAYS]
    ratios: dict[tuple[str, str], list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        seconds = {}
        for way, cache in kinds:
            place = str(folder / f"compiled-{way}-{number}")
            result = subprocess.run(
                [sys.executable, "-c", FIRST_EPOCH, way, place],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            seconds[way, cache] = json.loads(result.stdout.splitlines()[-1])
        whole = seconds["stock", "empty"][0]
        for kind, (first, compiling) in seconds.items():
            ratios[kind].append((first / whole, compiling / whole))
    return {
        kind: (
            measure.Spread.of([first for first, _ in each]),
            measure.Spread.of([compiling for _, compiling in each]),
        )
        for kind, each in ratios.items()
    }


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
