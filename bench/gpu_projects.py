"""Compare generated projects on one of this machine's devices; print one table of ratios.

    python bench/gpu_projects.py

These packages must be importable: `bench_model`, `bench_devices`, which is data-parallel,
`bench_sharded`, which is model-parallel, and `bench_gan`, an algorithm with two optimizers.
`bench/gpu.sh` makes them.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import jax
import numpy as np
from sharded_training import Job, Training, scope_of

ROUNDS = 5
EPOCHS = 4
ALIKE = 0.05  # losses of two epochs may differ so much: a gan amplifies how a device rounds
GAN, PLAIN, DEVICES, SHARDED = (
    Job(f"bench_{name}", (), batch=64, steps=64) for name in ("gan", "model", "devices", "sharded")
)
FIELDS: dict[str, dict[str, Any]] = {
    DEVICES.package: {"devices": 1},
    SHARDED.package: {"mesh_shape": (1, 1)},
}


class Trained:
    """A project that trains on one device."""

    def __init__(self, job: Job, steps: int | str) -> None:
        self.job = job
        self.fields = FIELDS.get(job.package, {})
        with self.scope():
            self.training = Training(job, steps, **self.fields)
            self.losses = self.training.fit(2)  # the first epoch compiles
        self.how = self.training.model.describe_execution()

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Return what it trains in."""
        return scope_of(self.job.package, **self.fields) or contextlib.nullcontext()

    def step_seconds(self) -> float:
        """Return the time of a step."""
        with self.scope():
            return self.training.step_seconds(EPOCHS)


def line(name: str, slow: Trained, fast: Trained) -> str:
    """Return a line of the table; raises `SystemExit` if the two do not learn alike."""
    for key, values in slow.losses.items():
        for one, other in zip(values, fast.losses[key], strict=True):
            if abs(one - other) > ALIKE * max(1, abs(one)):
                raise SystemExit(f"{name}: {key} is {one} or {other}: they do not agree")
    ratios = [slow.step_seconds() / fast.step_seconds() for _ in range(ROUNDS)]
    low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
    return f"| {name} | {middle:.2f} ({low:.2f} to {high:.2f}) | {fast.how} |"


def arrays_restored(trained: Trained) -> int:
    """Save a model's variables with Orbax, and restore them; return how many there are.

    Raises `SystemExit` if one of them differs.
    """
    sharded = importlib.import_module(f"{trained.job.package}.runs.sharded")
    model = trained.training.model
    variables = [*model.variables, *model.optimizer.variables]
    before = [np.asarray(variable.value) for variable in variables]
    with TemporaryDirectory() as folder, trained.scope():
        sharded.save_arrays(Path(folder, "arrays"), variables)
        sharded.wait_for_arrays()
        for variable in variables:
            variable.assign(variable.value * 0)
        sharded.restore_arrays(Path(folder, "arrays"), variables)
    for variable, value in zip(variables, before, strict=True):
        if not np.array_equal(np.asarray(variable.value), value):
            raise SystemExit(f"Orbax restored other values of {variable.path}")
    return len(variables)


def main() -> None:
    """Print the table, and what Orbax restored."""
    device = jax.devices()[0]
    print(f"{device.device_kind} ({device.platform}), {jax.device_count()} devices")
    print()
    print("| time of a step over that of another | ratio | the other |")
    print("| --- | --: | --- |")
    for name, steps in (("fused", "auto"), ("one step per execution", 1)):
        pair = Trained(DEVICES, steps), Trained(PLAIN, steps)
        print(line(f"data-parallel / not distributed, {name}", *pair), flush=True)
    print(line("gan, one step per execution / fused", Trained(GAN, 1), Trained(GAN, "auto")))
    print()
    print(f"Orbax restored all {arrays_restored(Trained(SHARDED, 'auto'))} variables of a model")


if __name__ == "__main__":
    main()
