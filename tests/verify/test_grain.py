"""Fused steps take what grain loads in the order, and to the bit, that keras.Model does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.projects import some
from tests.verify.contract import project_subject

pytestmark = pytest.mark.slow

ROWS, BATCH = 83, 16  # five batches and a short one
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, ROWS, 1)).astype("float32")
WEIGHTS = RNG.uniform(size=ROWS).astype("float32")


class Source:
    """Rows with sample weights, as grain reads them: one by one."""

    def __len__(self) -> int:
        return ROWS

    def __getitem__(self, row: int) -> tuple[Any, ...]:
        return X[row], Y[row], WEIGHTS[row]


def map_dataset(endless: bool) -> Any:
    """Return a shuffled `grain.MapDataset` of batches."""
    import grain

    rows = grain.MapDataset.source(Source()).shuffle(seed=3)
    return (rows.repeat() if endless else rows).batch(BATCH)


def iter_dataset(endless: bool) -> Any:
    """Return the same as a `grain.IterDataset`."""
    return map_dataset(endless).to_iter_dataset()


def data_loader(endless: bool) -> Any:
    """Return a shuffling `grain.DataLoader` of batches."""
    import grain

    sampler = grain.samplers.IndexSampler(
        num_records=ROWS,
        shuffle=True,
        seed=1,
        num_epochs=None if endless else 1,
        shard_options=grain.sharding.NoSharding(),
    )
    batches = [grain.transforms.Batch(BATCH)]
    return grain.DataLoader(data_source=Source(), sampler=sampler, operations=batches)


def results(model_class: Any, load: Callable[[bool], Any], endless: bool, steps: int) -> Any:
    """Train, evaluate and predict; returns all that can be compared, and the model."""
    import keras

    keras.utils.set_random_seed(0)
    inputs = keras.Input((1,))
    hidden = keras.layers.Dropout(0.2)(keras.layers.Dense(8, activation="relu")(inputs))
    model = model_class(inputs, keras.layers.Dense(1)(hidden))
    model.compile("adam", "mse", weighted_metrics=["mae"], steps_per_execution=steps)
    some = {"steps": 5} if endless else {}
    history = model.fit(
        load(endless),
        epochs=2,
        steps_per_epoch=8 if endless else None,
        validation_data=load(False),
        shuffle=False,
        verbose=0,
    ).history
    scores = model.evaluate(load(endless), verbose=0, **some)
    predicted = model.predict(load(endless), verbose=0, **some)
    return (history, scores, predicted, *model.get_weights()), model


@pytest.mark.parametrize("endless", some([False, True], 2), ids=["to its end", "endless"])
@pytest.mark.parametrize("load", [map_dataset, iter_dataset, data_loader])
def test_loaders_are_exact(load: Callable[[bool], Any], endless: bool, tmp_path: Path) -> None:
    """fit(), evaluate() and predict() equal those of stock, both with 3 steps per execution."""
    import keras

    package = f"loaded_{load.__name__}_{endless}".lower()
    subject = project_subject(tmp_path / "project", {}, package)
    wanted, _ = results(keras.Model, load, endless, 3)
    found, model = results(subject.load(), load, endless, 3)
    assert model.describe_execution() == "fused 3 steps per execution"
    for one, other in zip(wanted, found, strict=True):
        np.testing.assert_equal(one, other)
