"""Train projects on meshes of virtual devices, in a process that has eight of them.

    python -m tests.distribution.meshes FOLDER < projects.json > found.json

Reads a list of {"answers": ..., "fields": ...} and writes, for each, what training gives
on each mesh, compared with one device.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np

from tests.algorithms.projects import Project, project

DEVICES = 8
ROWS = 86  # of which the devices can divide neither all nor the last batch
MESHES: dict[str, list[dict[str, Any]]] = {
    "data-parallel": [{"devices": 1}, {"devices": DEVICES}],
    "model-parallel": [{"mesh_shape": (1, 1)}, {"mesh_shape": (4, 2)}],
}


def train(made: Project, fields: dict[str, Any]) -> dict[str, Any]:
    """Return what two epochs give: history, weights, predictions, and how it was divided."""
    import keras

    config = made.config(**{"epochs": 2, "batch_size": 32, **fields})
    data = made.data(config)
    part = data.train
    some = type(part)(*keras.tree.map_structure(lambda array: array[:ROWS], tuple(part)))
    with made.module("distribution").make_distribution(config).scope():
        model = made.model(config, data, steps_per_execution=config.steps_per_execution)
        history = model.fit(
            made.module("data").Batches(some, config),
            epochs=2,
            shuffle=False,
            validation_data=some,
            verbose=0,
        ).history
        divided = [v.path for v in model.variables if not v.value.is_fully_replicated]
        return {
            "history": history,
            "weights": [np.asarray(v.value) for v in model.trainable_variables],
            "divided": divided,
            "devices": len(model.trainable_variables[0].value.sharding.device_set),
            "execution": model.describe_execution(),
            "predictions": predictions(model, some.x),
        }


def predictions(model: Any, x: Any) -> list[Any]:
    """Return the leaves of what the model predicts, or none if it predicts nothing."""
    import keras

    try:
        found = model.predict(x, verbose=0)
    except NotImplementedError:
        return []
    return [np.asarray(leaf) for leaf in keras.tree.flatten(found)]


def difference(found: Any, expected: Any) -> float:
    """Return the largest difference of two lists of arrays, relative to the largest value."""
    pairs = [
        (np.asarray(a, np.float64), np.asarray(b, np.float64))
        for a, b in zip(found, expected, strict=True)
    ]
    return max((float(abs(a - b).max() / max(abs(b).max(), 1e-9)) for a, b in pairs), default=0.0)


def compare(made: Project, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Train on one device and on many; return how far they are apart."""
    one, many = (train(made, {**fields, **mesh}) for mesh in MESHES[kind])
    assert one["history"].keys() == many["history"].keys()
    names = sorted(one["history"])
    return {
        "history": difference(
            [many["history"][name] for name in names], [one["history"][name] for name in names]
        ),
        "weights": difference(many["weights"], one["weights"]),
        "predictions": difference(many["predictions"], one["predictions"]),
        "names": names,
        **{name: many[name] for name in ("divided", "devices", "execution")},
    }


def main(folder: Path) -> None:
    """Read projects, train each of them, write what was found."""
    settings: Any = jax.config
    settings.update("jax_num_cpu_devices", DEVICES)
    settings.update("jax_disable_most_optimizations", True)  # a third less to wait for
    found = []
    for number, given in enumerate(json.load(sys.stdin)):
        answers = given["answers"]
        made = project(folder / str(number), answers)
        found.append(compare(made, answers["distribution"], given["fields"]))
        print(answers, found[-1], file=sys.stderr, flush=True)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
