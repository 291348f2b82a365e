"""Fused steps do what steps one by one do, whatever they are fed with."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest

from my_model.config import Config
from my_model.data import Split, load_data
from my_model.fused import CHUNK_STEPS, FusedModel, choose_steps
from my_model.model import build_model
from my_model.train import compile_model
from my_model.trainer import CustomModel

BATCH = 24
STEPS = 3
EPOCH = 8
# Two executions of three steps, and one with a whole batch and a short one.
ROWS = BATCH * 7 + 5


class Batches(keras.utils.PyDataset):
    """The rows as a data set of batches, the last one short."""

    def __init__(self, split: Split) -> None:
        super().__init__()
        self.split = split

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-len(self.split.x) // BATCH)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Return a batch."""
        rows = slice(index * BATCH, (index + 1) * BATCH)
        return tuple(part[rows] for part in self.split)


def generate(split: Split) -> Iterator[tuple[Any, ...]]:
    """Yield batches without an end."""
    batches = Batches(split)
    while True:
        yield from (batches[index] for index in range(len(batches)))


def as_arrays(split: Split, **options: Any) -> dict[str, Any]:
    """Return arguments of `fit()` that give it the arrays."""
    return {**split._asdict(), "batch_size": BATCH, **options}


FEEDS: dict[str, Callable[[Split], dict[str, Any]]] = {
    "shuffled": as_arrays,
    "in order": lambda split: as_arrays(split, shuffle=False),
    "steps_per_epoch": lambda split: as_arrays(split, steps_per_epoch=3),
    "validation": lambda split: as_arrays(split, validation_data=tuple(split)),
    "validation_split": lambda split: as_arrays(split, validation_split=0.3),
    "data set": lambda split: {"x": Batches(split)},
    "generator": lambda split: {
        "x": generate(split),
        "steps_per_epoch": 5,
        "shuffle": False,
    },
}


def make_model(config: Config, *, fused: bool, steps: int = STEPS) -> CustomModel:
    """Build and compile the model, the same one with and without fused steps."""
    keras.utils.set_random_seed(config.seed)
    model: Any = compile_model(build_model(config), config, steps_per_execution=steps)
    if not fused:
        model.why_not_fused = lambda: "it is what the fused steps are compared with"
    return model


def rows_of(config: Config) -> Split:
    """Return some rows to train on."""
    return Split(*(part[:ROWS] for part in load_data(config).train))


def weights(model: keras.Model) -> list[np.ndarray]:
    """Return all values that training changes."""
    return [np.array(v.value) for v in (*model.variables, *model.optimizer.variables)]


def assert_same(model: keras.Model, other: keras.Model) -> None:
    """Both models have the same weights and optimizer state."""
    for value, expected in zip(weights(model), weights(other), strict=True):
        # What is small beside others may be the difference of two that are as large.
        largest = max(1, np.abs(expected).max())
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6 * largest)


@pytest.mark.parametrize(
    ("feed", "on_device"),
    [*((feed, False) for feed in FEEDS), ("shuffled", True)],
)
def test_fit_is_the_same(feed: str, on_device: bool, config: Config) -> None:
    """Weights, optimizer and history are those of Keras' own loop over the steps."""
    fused, stock = make_model(config, fused=True), make_model(config, fused=False)
    fused.data_on_device = on_device
    histories = []
    for model in (fused, stock):
        keras.utils.set_random_seed(1)
        given = FEEDS[feed](rows_of(config))
        histories.append(model.fit(**given, epochs=2, verbose=0).history)
    assert_same(fused, stock)
    assert histories[0].keys() == histories[1].keys()
    for name, values in histories[1].items():
        np.testing.assert_allclose(histories[0][name], values, rtol=1e-5, err_msg=name)


def test_evaluate_and_predict_are_the_same(config: Config) -> None:
    """Metrics and predictions are those of Keras' own loop, each row once."""
    fused, stock = make_model(config, fused=True), make_model(config, fused=False)
    given = {**rows_of(config)._asdict(), "batch_size": BATCH, "verbose": 0}
    assert fused.evaluate(**given) == pytest.approx(stock.evaluate(**given), rel=1e-5)
    for rows in (ROWS, BATCH, 1):
        x = given["x"][:rows]
        y_pred = fused.predict(x, batch_size=BATCH, verbose=0)
        expected = stock.predict(x, batch_size=BATCH, verbose=0)
        np.testing.assert_allclose(y_pred, expected, rtol=1e-5, atol=1e-6)


def test_outputs_of_other_lengths_are_whole() -> None:
    """What has several rows for each of the batch is cut by its own length."""
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(2)(inputs)
    several = keras.ops.reshape(outputs, (-1, 1))
    model = FusedModel(inputs, [outputs, several])
    model.compile(steps_per_execution=3)
    for rows in (69, 64, 40):
        x = np.random.default_rng(0).normal(size=(rows, 4)).astype(np.float32)
        y_pred, flat = model.predict(x, batch_size=8, verbose=0)
        assert y_pred.shape == (rows, 2)
        np.testing.assert_array_equal(flat, y_pred.reshape(-1, 1))


def test_arrays_that_keras_refuses_are_refused(config: Config) -> None:
    """A masked array is not trained on as if all of it counted."""
    x, *others = rows_of(config)
    model = make_model(config, fused=True)
    with pytest.raises(ValueError, match="masked"):
        model.fit(np.ma.masked_less(x, 0), *others[:1], verbose=0)


def test_batches_go_on_one_by_one(config: Config) -> None:
    """A batch of one's own is one step, also while `fit()` is under way."""

    class TrainOnBatch(keras.callbacks.Callback):
        def on_epoch_end(
            self, epoch: int, logs: dict[str, float] | None = None
        ) -> None:
            self.model.train_on_batch(*rows_of(config))

    models = [make_model(config, fused=True), make_model(config, fused=False)]
    for model in models:
        keras.utils.set_random_seed(1)
        given = as_arrays(rows_of(config), epochs=2, callbacks=[TrainOnBatch()])
        model.fit(**given, verbose=0)
        model.train_on_batch(*rows_of(config))
    assert_same(*models)


def test_order_is_drawn_when_the_epoch_begins(config: Config) -> None:
    """Numbers that a callback draws, or a seed that it sets, count as in Keras' loop."""

    class Draw(keras.callbacks.Callback):
        def on_epoch_end(
            self, epoch: int, logs: dict[str, float] | None = None
        ) -> None:
            np.random.random() if epoch else np.random.seed(3)

    models = [make_model(config, fused=each, steps=EPOCH) for each in (True, False)]
    drawn = []
    for model in models:
        keras.utils.set_random_seed(1)
        given = as_arrays(rows_of(config), epochs=3, callbacks=[Draw()])
        model.fit(**given, verbose=0)
        drawn.append(np.random.random())
    assert_same(*models)
    assert drawn[0] == drawn[1]


def test_arrays_may_change_between_epochs(config: Config) -> None:
    """An epoch is trained on the rows as they are when it begins."""

    class Change(keras.callbacks.Callback):
        def __init__(self, x: np.ndarray) -> None:
            super().__init__()
            self.x = x

        def on_epoch_end(
            self, epoch: int, logs: dict[str, float] | None = None
        ) -> None:
            self.x *= 0.5

    models = [make_model(config, fused=each, steps=EPOCH) for each in (True, False)]
    for model in models:
        keras.utils.set_random_seed(1)
        rows = Split(*(part.copy() for part in rows_of(config)))
        given = as_arrays(rows, epochs=3, callbacks=[Change(rows.x)])
        model.fit(**given, verbose=0)
    assert_same(*models)


@pytest.mark.filterwarnings("ignore:Limiting steps_per_epoch")
def test_batch_size_is_that_of_keras(config: Config) -> None:
    """Where none is given, it comes from the number of steps, also if that is capped."""
    models = [make_model(config, fused=each) for each in (True, False)]
    keras.config.set_max_steps_per_epoch(2)
    try:
        for model in models:
            keras.utils.set_random_seed(1)
            model.fit(**rows_of(config)._asdict(), verbose=0)
    finally:
        keras.config.set_max_steps_per_epoch(None)
    assert_same(*models)


@pytest.mark.parametrize("fused", [True, False])
def test_metrics_are_reset(fused: bool) -> None:
    """Each epoch begins without what metrics have seen; one's own do as they like."""

    class Largest(keras.metrics.Mean):
        def __init__(self) -> None:
            super().__init__("largest")
            self.best = self.add_variable((), "zeros", name="best")

        def update_state(
            self, y_true: Any, y_pred: Any, sample_weight: Any = None
        ) -> None:
            self.best.assign(keras.ops.maximum(self.best, keras.ops.max(y_true)))

    inputs = keras.Input((2,))
    rows = np.ones((8, 2), np.float32)
    for metrics, kept in (["mae"], []), (["mae", Largest()], [1.0]):
        model = FusedModel(inputs, keras.layers.Dense(1)(inputs))
        steps = 2 if fused else 1
        model.compile("sgd", "mse", metrics=metrics, steps_per_execution=steps)
        model.fit(rows, rows[:, :1], batch_size=2, epochs=3, verbose=0)
        assert sum(bool(each.value) for each in model.metrics_variables) > len(kept)
        model.reset_metrics()
        values = [float(each.value) for each in model.metrics_variables]
        assert [value for value in values if value] == kept


def test_compile_again_counts(config: Config) -> None:
    """Another optimizer is used from then on, even while the old function is held."""
    models = [make_model(config, fused=True), make_model(config, fused=False)]
    held = []
    for model in models:
        keras.utils.set_random_seed(1)
        for decay in (0.0, 0.5):
            compile_model(model, config, steps_per_execution=STEPS)
            model.optimizer.weight_decay = decay
            model.fit(**as_arrays(rows_of(config)), verbose=0)
            # Not that of Keras: it would go on with the old optimizer then.
            held += [model.train_function] if model is models[0] else []
    assert_same(*models)


def test_step_is_traced_once_a_batch_size(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python of the step runs for whole batches and for the short one, no more."""
    traced = []
    step = CustomModel.train_step

    def counted(self: CustomModel, state: Any, data: Any) -> Any:
        traced.append(data)
        return step(self, state, data)

    monkeypatch.setattr(CustomModel, "train_step", counted)
    make_model(config, fused=True).fit(
        **as_arrays(rows_of(config)), epochs=3, verbose=0
    )
    assert len(traced) == 2


@pytest.mark.skipif(keras.__version__ > "3.16", reason="Keras fuses steps itself")
def test_says_how_steps_are_run(config: Config) -> None:
    """A run's log tells fused steps from others, with the reason."""
    model = make_model(config, fused=True)
    model.fit(**as_arrays(rows_of(config)), verbose=0)
    assert model.describe_execution() == "fused 3 steps an execution"
    model.run_eagerly = True
    assert model.describe_execution() == "not fused: the steps are not compiled"
    one = compile_model(build_model(config), config)
    assert one.describe_execution() == "not fused: one step an execution"


def test_chooses_the_steps(config: Config) -> None:
    """An epoch, if it is not too long; 1 if a callback works by batches."""

    class ByBatches(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            """Do nothing, but after each batch."""

    small, large = (
        keras.Sequential([keras.Input((1,)), keras.layers.Dense(units)])
        for units in (1, 200_000)
    )
    early = [
        keras.callbacks.EarlyStopping(),
        keras.callbacks.ModelCheckpoint("model.keras"),
        keras.callbacks.LambdaCallback(on_epoch_end=print),
    ]
    batches = [
        ByBatches(),
        keras.callbacks.LambdaCallback(on_train_batch_end=print),
        keras.callbacks.ModelCheckpoint("model.keras", save_freq=10),
        keras.callbacks.TerminateOnNaN(),
    ]
    table = np.zeros((10**5, 1))
    assert choose_steps("auto", small, table, 32, early) == 3125
    assert choose_steps("auto", large, table, 32, early) == CHUNK_STEPS
    assert choose_steps("auto", small, np.zeros((1000, 10**4)), 32, early) == 3
    for callback in batches:
        assert choose_steps("auto", small, table, 32, [*early, callback]) == 1
    assert choose_steps(7, small, table, 32, [ByBatches()]) == 7
