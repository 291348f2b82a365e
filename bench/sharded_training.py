"""One process that trains a generated project on its devices, for `bench/scaling.py`.

Reads its `Job` as JSON from the command line, and trains each network for two epochs. Prints their
`Program`s, and then for each line that it reads, NETWORK EPOCHS, the seconds of a step.
Ends with its input. Its lines are JSON after `ANSWER`, since libraries print too.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from collectives import Collective, collectives

ANSWER = "answer: "


@dataclass(frozen=True)
class Job:
    """What a process trains, and where.

    Attributes:
        package: the project's, which must be importable.
        networks: the units of each hidden layer, of each network.
        batch: rows of a global batch.
        steps: training steps of an epoch.
        coordinator: HOST:PORT of process 0, if there are several.
    """

    package: str
    networks: tuple[tuple[int, ...], ...]
    batch: int
    steps: int
    processes: int = 1
    process: int = 0
    coordinator: str = ""


@dataclass(frozen=True)
class Program:
    """A compiled training step: its trainable weights, and its collective operations."""

    weights: int
    operations: tuple[Collective, ...]


class Training:
    """A project's own model and data, with some fields of its configuration."""

    def __init__(self, job: Job, steps: int | str = "auto", **fields: Any) -> None:
        import keras

        self.job = job
        config, data, model, train = map(self.module, ("config", "data", "model", "train"))
        given = config.Config(batch_size=job.batch, verbose=0, **fields)
        loaded = data.load_data(given)
        keras.utils.set_random_seed(given.seed)  # all processes draw the same weights
        self.model = train.compile_model(
            model.build_model(given, loaded), given, steps_per_execution=steps
        )
        self.batches = data.Batches(repeated(loaded.train, job.batch * job.steps), given)

    def module(self, name: str) -> Any:
        """Return a module of the project."""
        return importlib.import_module(f"{self.job.package}.{name}")

    def fit(self, epochs: int) -> dict[str, list[float]]:
        """Train for some epochs; returns what is logged of each."""
        history: dict[str, list[float]] = self.model.fit(
            self.batches, epochs=epochs, shuffle=False, verbose=0
        ).history
        return history

    def step_seconds(self, epochs: int) -> float:
        """Return the time of a step through `fit()`."""
        start = time.perf_counter()
        self.fit(epochs)
        return (time.perf_counter() - start) / (epochs * self.job.steps)

    def program(self) -> Program:
        """Return the step as it was compiled; raises `SystemExit` if it is another in a loop."""
        import jax

        sharding, chunks = self.module("fused.sharding"), self.module("fused.chunks")
        model = self.model
        lists = (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
        state = tuple([each.value for each in variables] for variables in lists)
        rows = self.batches.rows_between(0, 2 * self.job.batch)
        two = sharding.shard(chunks.split(rows, self.job.batch)).stacks[0]
        one = jax.tree.map(lambda array: array[0], two)
        function = model.train_function
        step, loop = (
            collectives(program.lower(state, batches).compile().as_text())
            for program, batches in ((function.single, one), (function.several, two))
        )
        kinds = [sorted((each.kind, each.size) for each in found) for found in (step, loop)]
        if kinds[0] != kinds[1]:
            raise SystemExit(f"a step has other collectives in a loop: {kinds}")
        return Program(sum(each.value.size for each in lists[0]), tuple(step))


def repeated(part: Any, count: int) -> Any:
    """Return so many rows, drawn from a part of the data."""
    import numpy as np

    rows = np.random.default_rng(0).integers(0, part.num_rows, count)
    return type(part)(*(array[rows] for array in part))


def scope_of(package: str, **fields: Any) -> contextlib.AbstractContextManager[Any] | None:
    """Return the scope in which a project trains, or None if it is not distributed.

    Args:
        package: the project's.
        fields: of its configuration.
    """
    name = f"{package}.distribution"
    if importlib.util.find_spec(name) is None:
        return None
    config = importlib.import_module(f"{package}.config").Config(**fields)
    scope: contextlib.AbstractContextManager[Any] = (
        importlib.import_module(name).make_distribution(config).scope()
    )
    return scope


def main() -> None:
    """Train, and time it whenever a line is read."""
    job = Job(**json.loads(sys.argv[1]))
    if job.coordinator:
        processes = importlib.import_module(f"{job.package}.cluster.processes")
        processes.connect(job.coordinator, job.process, job.processes)
    scope = scope_of(job.package)
    with scope or contextlib.nullcontext():
        trained, programs = [], []
        for units in job.networks:
            training = Training(job, hidden_units=units)
            training.fit(2)  # the first one compiles
            trained.append(training)
            program = training.program() if scope else Program(0, ())
            programs.append(asdict(program))
        answer(programs)
        for line in sys.stdin:
            network, epochs = map(int, line.split())
            answer(trained[network].step_seconds(epochs))


def answer(value: Any) -> None:
    """Print a value for the process that started this one."""
    print(f"{ANSWER}{json.dumps(value)}", flush=True)


if __name__ == "__main__":
    main()
