"""Measure a generated project on this machine's accelerator; print one table.

    python bench/gpu.py

The project's package, `bench_model`, must be importable. `bench/gpu.sh` runs its tests too.
"""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np
from bench_model.trainer import CustomModel
from models import BATCH, SUBJECTS, Subject, ThroughFit

ROUNDS = 3


def rows_of(subject: Subject) -> tuple[Any, Any]:
    """Return rows to train on."""
    random = np.random.default_rng(0)
    x = random.normal(size=(subject.steps * BATCH, *subject.shape)).astype("float32")
    return x, random.normal(size=(len(x), 1)).astype("float32")


def seconds(trained: ThroughFit, rows: tuple[Any, Any]) -> float:
    """Return the microseconds of a step: the median of some rounds after one that compiles."""
    times = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        trained.train(*rows)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:]) / (trained.subject.steps * trained.subject.epochs) * 1e6


def losses(steps: Any, device: Any) -> list[float]:
    """Train the middle MLP for some epochs on a device; returns the losses."""
    with jax.default_device(device):
        keras.utils.set_random_seed(0)
        trained = ThroughFit(SUBJECTS["middle MLP"], CustomModel, steps)
        x, y = rows_of(trained.subject)
        history = trained.model.fit(x, y, batch_size=BATCH, epochs=3, verbose=0).history
        return [float(loss) for loss in history["loss"]]


def line(name: str, subject: Subject, on_device: bool = False) -> str:
    """Return a line of the table: microseconds of a step, one by one and fused."""
    rows = rows_of(subject)
    if on_device:
        rows = jax.device_put(rows)
    one = seconds(ThroughFit(subject, CustomModel, 1), rows)
    trained = ThroughFit(subject, CustomModel, "auto")
    many = seconds(trained, rows)
    how = trained.model.describe_execution()
    return f"| {name} | {one:.1f} | {many:.1f} | {one / many:.2f} | {how} |"


def main() -> None:
    """Print the table."""
    device = jax.devices()[0]
    versions = f"keras {keras.__version__}, jax {jax.__version__}"
    print(f"{device.device_kind} ({device.platform}), {versions}")
    print()
    print("| microseconds of a step | one per execution | fused | ratio | training steps |")
    print("| --- | --: | --: | --: | --- |")
    for name in ("tiny MLP", "middle MLP", "convnet"):
        print(line(name, SUBJECTS[name]), flush=True)
    for name in ("tiny MLP", "middle MLP"):
        print(line(f"{name}, data on the device", SUBJECTS[name], on_device=True), flush=True)
    keras.config.set_dtype_policy("mixed_bfloat16")
    for name in ("middle MLP", "convnet"):
        print(line(f"{name}, mixed_bfloat16", SUBJECTS[name]), flush=True)
    keras.config.set_dtype_policy("float32")
    here, one, cpu = (
        losses("auto", device),
        losses(1, device),
        losses("auto", jax.devices("cpu")[0]),
    )
    for name, other in (("one step per execution", one), ("the CPU", cpu)):
        worst = max(abs(a - b) / abs(b) for a, b in zip(here, other, strict=True))
        print(f"\nLosses of three epochs, fused, differ from {name} by {worst:.1e} at most.")
        if worst > 1e-2:
            raise SystemExit("they do not agree")


if __name__ == "__main__":
    main()
