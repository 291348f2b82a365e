"""Train projects on meshes of virtual devices, in processes that have eight of them together.

    python -m tests.distribution.meshes FOLDER [COORDINATOR NUM_PROCESSES PROCESS_ID] < projects

Reads a list of {"answers": ..., "meshes": [fields, ...]} and writes, into FOLDER/found.pickle,
what training gives for each project on each mesh.
"""

from __future__ import annotations

import json
import pickle
import re
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from tests.algorithms.projects import Project, project

DEVICES = 8
BATCH_SIZE = 32
ROWS = 86  # of which the devices can divide neither all nor the last batch


def train(made: Project, fields: dict[str, Any]) -> dict[str, Any]:
    """Return what two epochs give: history, weights, predictions, and how it was divided."""
    import keras

    config = made.config(**{"epochs": 2, "batch_size": BATCH_SIZE, **fields})
    data = made.data(config)
    part = data.train
    some = type(part)(*keras.tree.map_structure(lambda array: array[:ROWS], tuple(part)))
    batches = made.module("data").Batches(some, config)
    take = batches.take
    taken: set[int] = set()

    def count(rows: Any) -> Any:
        if rows.ndim == 2:  # of a stack of batches
            taken.add(rows.shape[1])
        return take(rows)

    batches.take = count
    rules = [rule.rpartition("=")[0] for rule in getattr(config, "layout", ())]
    with made.module("distribution").make_distribution(config).scope():
        model = made.model(config, data, steps_per_execution=config.steps_per_execution)
        history = model.fit(
            batches,
            epochs=2,
            shuffle=False,
            validation_data=some,
            verbose=0,
        ).history
        return {
            "history": history,
            "weights": [whole(v.value) for v in model.trainable_variables],
            "taken": taken,  # rows of a batch that this process read
            "divided": divided(model.variables),
            "to_divide": [
                v.path for v in model.variables if any(re.fullmatch(r, v.path) for r in rules)
            ],
            "moments": divided(model.optimizer.variables),
            "devices": len(model.trainable_variables[0].value.sharding.device_set),
            # Each process predicts for itself.
            "predictions": predictions(model, some.x) if jax.process_count() == 1 else None,
        }


def divided(variables: Any) -> list[str]:
    """Return the paths of the variables that are sharded."""
    return [v.path for v in variables if not v.value.is_fully_replicated]


def whole(array: Any) -> Any:
    """Return the values of an array whose parts may be in several processes."""
    return np.asarray(multihost_utils.process_allgather(array, tiled=True))


def predictions(model: Any, x: Any) -> list[Any]:
    """Return the leaves of what the model predicts, or none if it predicts nothing."""
    import keras

    try:
        found = model.predict(x, verbose=0)
    except NotImplementedError:
        return []
    return [np.asarray(leaf) for leaf in keras.tree.flatten(found)]


def main(folder: Path, *process: str) -> None:
    """Read projects, train each of them, write what was found."""
    settings: Any = jax.config
    settings.update("jax_num_cpu_devices", DEVICES // int(process[1] if process else 1))
    settings.update("jax_disable_most_optimizations", True)  # a third less to wait for
    if process:
        settings.update("jax_cpu_collectives_implementation", "gloo")
        coordinator, count, number = process
        jax.distributed.initialize(coordinator, int(count), int(number))
    folder = folder / f"process-{jax.process_index()}"
    found = []
    for index, given in enumerate(json.load(sys.stdin)):
        made = project(folder / str(index), given["answers"])
        found.append([train(made, fields) for fields in given["meshes"]])
    (folder / "found.pickle").write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
