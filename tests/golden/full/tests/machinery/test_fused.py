"""Fused steps do what steps one by one do, whatever they are fed with."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import pytest

from my_model.fused import FusedModel, keras_internals
from my_model.fused.chunks import (
    CHUNK_STEPS,
    UNKNOWN_STEPS,
    Chunks,
    choose_steps,
)

BATCH = 8
STEPS = 3
# Two executions of three steps, and one with a whole batch and a partial one.
ROWS = BATCH * 7 + 5

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(ROWS, 4)).astype(np.float32)
Y = X[:, :2].sum(axis=1, keepdims=True)
WEIGHTS = RANDOM.uniform(size=ROWS).astype(np.float32)


class Batches(keras.utils.PyDataset):
    """The rows as a data set of batches, the last one partial."""

    def __init__(self, fails_at: int = -1) -> None:
        super().__init__()
        self.fails_at = fails_at

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-ROWS // BATCH)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Return a batch."""
        if index == self.fails_at:
            raise OSError("no such batch")
        rows = slice(index * BATCH, (index + 1) * BATCH)
        return X[rows], Y[rows], WEIGHTS[rows]


def generate(fails_at: int = -1) -> Iterator[tuple[Any, ...]]:
    """Yield batches without an end."""
    batches = Batches(fails_at)
    while True:
        yield from (batches[index] for index in range(len(batches)))


def arrays(**options: Any) -> dict[str, Any]:
    """Return arguments of `fit()` that give it the arrays."""
    return {"x": X, "y": Y, "sample_weight": WEIGHTS, "batch_size": BATCH, **options}


FEEDS: dict[str, Callable[[], dict[str, Any]]] = {
    "shuffled": arrays,
    "in order": lambda: arrays(shuffle=False),
    "float64": lambda: arrays(x=X.astype(np.float64)),
    "on the device": lambda: arrays(x=jax.numpy.asarray(X)),
    "steps_per_epoch": lambda: arrays(steps_per_epoch=3),
    "class_weight": lambda: arrays(
        y=(Y > 0).astype(int), sample_weight=None, class_weight={0: 1.0, 1: 2.0}
    ),
    "validation": lambda: arrays(validation_data=(X[:20], Y[:20])),
    "validation_split": lambda: arrays(validation_split=0.3),
    "data set": lambda: {"x": Batches(), "validation_data": Batches()},
    "generator": lambda: {"x": generate(), "steps_per_epoch": 6, "shuffle": False},
}


def make_model(
    model_class: Any = FusedModel, steps: int | str = STEPS, **options: Any
) -> Any:
    """Build and compile a small model, the same one each time."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(8, activation="relu")(inputs)
    hidden = keras.layers.BatchNormalization()(hidden)
    hidden = keras.layers.Dropout(0.3)(hidden)
    model = model_class(inputs, keras.layers.Dense(1)(hidden))
    given = {"loss": "mse", "weighted_metrics": ["mae"], **options}
    model.compile("adam", steps_per_execution=steps, **given)
    keras.utils.set_random_seed(1)
    return model


def pair(steps: int = STEPS, **options: Any) -> list[Any]:
    """Return a model with fused steps, and Keras' own with one step per execution."""
    return [make_model(FusedModel, steps, **options), make_model(keras.Model, 1)]


def values(model: keras.Model) -> list[np.ndarray]:
    """Return all values that training changes."""
    return [np.array(v.value) for v in (*model.variables, *model.optimizer.variables)]


def assert_same(one: list[np.ndarray], other: list[np.ndarray]) -> None:
    """Both are the same, up to the last digits."""
    for value, expected in zip(one, other, strict=True):
        largest = max(1, np.abs(expected).max())
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6 * largest)


def fit_both(models: list[Any], given: Callable[[], Any], **options: Any) -> list[Any]:
    """Fit each model in the same way; returns their histories."""
    histories = []
    for model in models:
        keras.utils.set_random_seed(1)
        histories.append(model.fit(**given(), verbose=0, **options).history)
    assert_same(*map(values, models))
    return histories


@pytest.mark.parametrize("feed", FEEDS)
def test_fit_is_the_same(feed: str) -> None:
    """Weights, optimizer and history are those of Keras' own loop over the steps."""
    fused, stock = fit_both(pair(), FEEDS[feed], epochs=2)
    assert fused.keys() == stock.keys()
    for name, expected in stock.items():
        np.testing.assert_allclose(fused[name], expected, rtol=1e-5, err_msg=name)


def test_evaluate_and_predict_are_the_same() -> None:
    """Metrics and predictions are those of Keras' own loop, each row once."""
    fused, stock = pair()
    for given in (arrays(), {"x": Batches()}):
        scores = [model.evaluate(**given, verbose=0) for model in (fused, stock)]
        assert scores[0] == pytest.approx(scores[1], rel=1e-5)
    for rows in (ROWS, BATCH, 1):
        y_pred, expected = (
            model.predict(X[:rows], batch_size=BATCH, verbose=0)
            for model in (fused, stock)
        )
        np.testing.assert_allclose(y_pred, expected, rtol=1e-5, atol=1e-6)


def test_outputs_of_other_lengths_are_whole() -> None:
    """Outputs with several rows for each of the batch are cut by their own length."""
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(2)(inputs)
    several = keras.ops.reshape(outputs, (-1, 1))
    model = FusedModel(inputs, [outputs, several])
    model.compile(steps_per_execution=3)
    for rows in (61, 56, 32):
        y_pred, flat = model.predict(X[:rows], batch_size=8, verbose=0)
        assert y_pred.shape == (rows, 2)
        np.testing.assert_array_equal(flat, y_pred.reshape(-1, 1))


@pytest.mark.parametrize("targets", ["none", "dict"])
def test_other_targets(targets: str) -> None:
    """Targets may be absent, or a dictionary for several outputs."""
    models = []
    for model_class in (FusedModel, keras.Model):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((4,))
        layer = keras.layers.Dense(1, name="a", activity_regularizer="l2")
        outputs = {"a": layer(inputs), "b": keras.layers.Dense(2, name="b")(inputs)}
        model = model_class(inputs, outputs)
        loss = None if targets == "none" else {"a": "mse", "b": "mae"}
        model.compile("sgd", loss, steps_per_execution=STEPS)
        models.append(model)
    y = None if targets == "none" else {"a": Y, "b": X[:, :2]}
    fit_both(models, lambda: {"x": X, "y": y, "batch_size": BATCH})


def test_sparse_arrays() -> None:
    """A sparse matrix has as many rows as it has, not as many as it has values."""
    sparse = pytest.importorskip("scipy.sparse")
    given = arrays(x=sparse.csr_matrix(np.where(X > 0.5, X, 0)), shuffle=False)
    models = []
    for model_class, steps in ((FusedModel, STEPS), (keras.Model, 1)):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((4,), sparse=True)
        model = model_class(inputs, keras.layers.Dense(1)(inputs))
        model.compile("sgd", "mse", steps_per_execution=steps)
        models.append(model)
    one, other = fit_both(models, lambda: given)
    assert one["loss"] == pytest.approx(other["loss"])


def test_metrics_that_make_variables_at_the_first_batch() -> None:
    """They count from the first batch on."""
    metrics = {"F1Score": {"average": "micro", "threshold": 0.5}, "R2Score": {}}
    for name, options in metrics.items():
        metric_class = getattr(keras.metrics, name)
        models = [
            make_model(model_class, steps, metrics=[metric_class(**options)])
            for model_class, steps in ((FusedModel, STEPS), (keras.Model, 1))
        ]
        y = (Y > 0).astype(np.float32)
        one, other = fit_both(models, partial(arrays, y=y), epochs=2)
        key = next(key for key in one if key.endswith("score"))
        np.testing.assert_allclose(one[key], other[key], rtol=1e-4)
    model = make_model(steps="auto", metrics=["r2_score"])
    model.fit(**arrays(), verbose=0)
    assert model.describe_execution() == "fused 8 steps per execution"


def test_arguments_that_keras_refuses_are_refused() -> None:
    """Neither twice the same argument nor too many, nor a masked array."""
    model = make_model()
    with pytest.raises(TypeError, match="multiple values"):
        model.fit(X, Y, x=X)
    with pytest.raises(TypeError, match="too many"):
        model.predict(X, 8, 0, None, None, None)
    with pytest.raises(TypeError, match="unexpected"):
        model.fit(X, Y, epoch=2)
    with pytest.raises(ValueError, match="masked"):
        model.fit(np.ma.masked_less(X, 0), Y, verbose=0)


def test_batches_go_on_one_by_one() -> None:
    """A batch given by hand is one step, also while `fit()` is under way."""

    class TrainOnBatch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.train_on_batch(X[:STEPS], Y[:STEPS])

    models = pair()
    fit_both(models, lambda: arrays(callbacks=[TrainOnBatch()]), epochs=2)
    for model in models:
        model.train_on_batch(X, Y)
    assert_same(*map(values, models))


def test_order_is_drawn_when_the_epoch_begins() -> None:
    """Numbers that a callback draws, or a seed that it sets, count as in Keras' loop."""

    class Draw(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            np.random.random() if epoch else np.random.seed(3)

    models = pair(steps=8)
    drawn = []
    for model in models:
        keras.utils.set_random_seed(1)
        model.fit(**arrays(epochs=3, callbacks=[Draw()]), verbose=0)
        drawn.append(np.random.random())
    assert_same(*map(values, models))
    assert drawn[0] == drawn[1]


def test_arrays_may_change_between_epochs() -> None:
    """An epoch is trained on the rows as they are when it begins."""

    class Change(keras.callbacks.Callback):
        def __init__(self, x: np.ndarray) -> None:
            super().__init__()
            self.x = x

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.x *= 0.5

    def given() -> dict[str, Any]:
        x = X.copy()
        return arrays(x=x, epochs=3, callbacks=[Change(x)])

    fit_both(pair(steps=8), given)


@pytest.mark.filterwarnings("ignore:Limiting steps_per_epoch")
@pytest.mark.parametrize("steps", [2, "auto"])
def test_no_more_steps_than_keras_may_run(steps: int | str) -> None:
    """`keras.config.set_max_steps_per_epoch()` limits every epoch."""
    keras.config.set_max_steps_per_epoch(2)
    try:
        fit_both([make_model(steps=steps), make_model(keras.Model, 1)], arrays)
    finally:
        keras.config.set_max_steps_per_epoch(None)


def test_data_set_may_have_any_attributes() -> None:
    """One that has `rows` of its own is read batch by batch."""
    data_set: Any = Batches()
    data_set.rows, data_set.batch_size, data_set.num_rows = X, BATCH, ROWS
    fit_both(pair(), lambda: {"x": data_set, "shuffle": False})


@pytest.mark.filterwarnings("ignore:Limiting steps_per_epoch")
def test_batch_size_is_that_of_keras() -> None:
    """Where none is given, it comes from the number of steps, also if that is capped."""
    keras.config.set_max_steps_per_epoch(2)
    try:
        fit_both(pair(), lambda: {"x": X, "y": Y})
    finally:
        keras.config.set_max_steps_per_epoch(None)


def test_compile_again_counts() -> None:
    """Another optimizer is used from then on, even while the old function is held."""
    models = pair()
    held = []
    for model in models:
        for rate in (0.01, 0.1):
            model.compile("sgd", "mse", steps_per_execution=model.steps_per_execution)
            model.optimizer.learning_rate = rate
            keras.utils.set_random_seed(1)
            model.fit(**arrays(), verbose=0)
            held.append(model.train_function)
    assert_same(*map(values, models))


def test_step_is_traced_once_a_batch_size() -> None:
    """The Python of the step runs for whole batches and for the partial one, no more."""
    traced = []

    class Counted(FusedModel):
        def train_step(self, state: Any, data: Any) -> Any:
            traced.append(data)
            return super().train_step(state, data)

    model = make_model(Counted, "auto")
    model.fit(**arrays(), epochs=3, verbose=0)
    assert len(traced) == 2
    for _ in range(2):
        model.train_on_batch(X[:BATCH], Y[:BATCH], WEIGHTS[:BATCH])
        model.fit(**arrays(), verbose=0)
    assert len(traced) == 2


def test_exception_leaves_the_values() -> None:
    """Where the first execution fails, the model is as before, and may be trained."""
    failing = Batches(fails_at=1)
    for steps in (STEPS, "auto"):
        model = make_model(steps=steps)
        before = model.get_weights()
        for method in (
            model.evaluate,
            model.predict,
            partial(model.fit, shuffle=False),
        ):
            with pytest.raises(OSError, match="no such batch"):
                method(failing, verbose=0)
            for value, expected in zip(model.get_weights(), before, strict=True):
                np.testing.assert_array_equal(value, expected)
        with pytest.raises((ValueError, TypeError, RuntimeError)):
            model.fit(X[:, :2], Y, verbose=0)
        model.fit(**arrays(), verbose=0)
        assert all(np.isfinite(value).all() for value in values(model))


def test_failed_batch_leaves_nothing_to_write_back() -> None:
    """After `train_on_batch()` has failed, weights that are set stay."""
    model = make_model()
    model.fit(**arrays(), verbose=0)
    with pytest.raises((ValueError, TypeError, RuntimeError)):
        model.train_on_batch(X[:, :2], Y)
    given = [np.full_like(value, 7) for value in model.get_weights()]
    model.set_weights(given)
    model.jax_state_sync()  # as a callback does that uses the model
    for value, expected in zip(model.get_weights(), given, strict=True):
        np.testing.assert_array_equal(value, expected)


@pytest.mark.skipif(os.name == "nt", reason="no signal can be sent to oneself")
@pytest.mark.parametrize("delay", [0.02, 0.2, 0.6])
def test_interrupt_leaves_the_values(delay: float) -> None:
    """Ctrl-C, also while the first execution is compiled."""
    model = make_model(steps="auto")
    # Keras cannot go on with an optimizer whose variables are made in part.
    model.optimizer.build(model.trainable_variables)
    ended = threading.Event()

    def interrupt() -> None:
        wait = delay
        while not ended.wait(wait):
            os.kill(os.getpid(), signal.SIGINT)
            wait = 5  # Python drops a signal that comes while it frees an object

    thread = threading.Thread(target=interrupt, daemon=True)
    # A shell's background jobs ignore it otherwise.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            thread.start()
            while True:
                model.fit(**arrays(), epochs=1000, verbose=0)
    finally:
        ended.set()
        thread.join()
        signal.signal(signal.SIGINT, before)
    assert all(np.isfinite(value).all() for value in values(model))
    model.fit(**arrays(), verbose=0)


@keras.saving.register_keras_serializable(package="tests")
class Own(FusedModel):
    """A class for functional models, and for others to inherit from."""


@pytest.mark.parametrize("base", [FusedModel, Own])
@pytest.mark.parametrize("functional_first", [True, False])
def test_functional_and_subclassed(
    base: Any, functional_first: bool, tmp_path: Path
) -> None:
    """One class serves both, in any order, and each is saved and loaded as it is."""

    @keras.saving.register_keras_serializable(package="tests")
    class Subclassed(base):
        def __init__(self, units: int = 8, rate: float = 0.1, **options: Any) -> None:
            super().__init__(**options)
            self.hidden = keras.layers.Dense(units)
            self.outputs_layer = keras.layers.Dense(1)

        def call(self, x: Any) -> Any:
            return self.outputs_layer(self.hidden(x))

    def functional() -> Any:
        return make_model(base)

    def subclassed() -> Any:
        model = Subclassed(8, 0.5)
        model.compile("adam", "mse", steps_per_execution="auto")
        return model

    makers = [functional, subclassed] if functional_first else [subclassed, functional]
    for make in makers:
        model = make()
        model.fit(X, Y, batch_size=BATCH, verbose=0)
        assert model.describe_execution().startswith("fused")
        assert isinstance(model, base)
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        assert isinstance(loaded, base)
        assert type(loaded).__name__ == type(model).__name__
        expected = model.predict(X, verbose=0)
        np.testing.assert_array_equal(loaded.predict(X, verbose=0), expected)
        assert loaded._auto_steps == model._auto_steps
        loaded.fit(X, Y, batch_size=BATCH, verbose=0)
    assert isinstance(base.from_config(functional().get_config()), base)
    assert keras.Model.from_config(functional().get_config()).built


def test_says_how_steps_are_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """At any time; where steps are not fused, with the reason."""
    model = make_model()
    assert model.describe_execution() == "fused 3 steps per execution"
    model.fit(**arrays(), verbose=0)
    assert model.describe_execution() == "fused 3 steps per execution"
    devices = keras.distribution.DataParallel(devices=jax.devices()[:1])
    keras.distribution.set_distribution(devices)
    try:
        assert model.describe_execution() == "not fused: the batches are distributed"
    finally:
        keras.distribution.set_distribution(None)
    assert model.describe_execution() == "fused 3 steps per execution"
    model.run_eagerly = True
    assert model.describe_execution() == "not fused: the steps are not compiled"
    one = make_model(steps=1)
    assert one.describe_execution() == "not fused: one step per execution"
    monkeypatch.setattr(keras_internals, "ATTRIBUTES", ["a_name"])
    model = make_model()
    model.fit(**arrays(), verbose=0)
    assert "untested with this Keras version" in model.describe_execution()
    assert "a_name" in model.describe_execution()


def test_names_the_layer_that_is_not_compiled() -> None:
    """Keras compiles no step of a model with such a layer."""
    inputs = keras.Input((8, 8, 3))
    rotated = keras.layers.RandomRotation(0.1, name="rotation")(inputs)
    model = FusedModel(inputs, keras.layers.Flatten()(rotated))
    model.compile("sgd", "mse", steps_per_execution=2)
    assert model.describe_execution() == (
        "not fused: the steps are not compiled, because of the layer rotation"
    )


def test_auto_chooses_when_there_are_data() -> None:
    """`fit()` takes as many steps as suit the data; a callback by batches needs one."""
    model = make_model(steps="auto")
    assert "not chosen" in model.describe_execution()
    model.evaluate(**arrays(), verbose=0)
    assert "not chosen" in model.describe_execution()
    model.fit(**arrays(validation_data=(X, Y)), verbose=0)
    assert model.describe_execution() == "fused 8 steps per execution"
    model.fit(Batches(), verbose=0)
    assert model.describe_execution() == f"fused {UNKNOWN_STEPS} steps per execution"
    # Keras takes whole executions, and no more steps than it is asked for.
    model.fit(generate(), steps_per_epoch=10, shuffle=False, verbose=0)
    assert model.describe_execution() == "fused 5 steps per execution"
    model.fit(**arrays(), callbacks=[keras.callbacks.TerminateOnNaN()], verbose=0)
    assert model.describe_execution() == "not fused: one step per execution"
    model.steps_per_execution = 2
    model.fit(**arrays(), verbose=0)
    assert model.describe_execution() == "fused 2 steps per execution"


def test_chooses_the_steps() -> None:
    """An epoch, if it is not too long; 1 if a callback works by batches."""
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
        keras.callbacks.LambdaCallback(on_train_batch_end=print),
        keras.callbacks.ModelCheckpoint("model.keras", save_freq=10),
        keras.callbacks.TerminateOnNaN(),
    ]
    table = Chunks((np.zeros((10**5, 1)), None, None), 32, None)
    wide = Chunks((np.zeros((1000, 10**4), np.float32), None, None), 32, None)
    assert choose_steps(small, table, 32, early) == 3125
    assert choose_steps(large, table, 32, early) == CHUNK_STEPS
    assert choose_steps(keras.Sequential(), table, 32, None) == CHUNK_STEPS
    assert choose_steps(small, wide, 32, early) == 6
    unknown = Chunks((Batches(), None, None), None, None)
    assert choose_steps(small, unknown, 0, early) == UNKNOWN_STEPS
    assert choose_steps(small, table, 10**5, early) == 10  # to validate with
    for callback in batches:
        assert choose_steps(small, table, 32, [*early, callback]) == 1


class Rows(Batches):
    """A data set that gives any number of rows, as `Batches` in `data.py` does."""

    batch_size = BATCH
    num_rows = ROWS
    asked: list[tuple[int, int]] = []  # noqa: RUF012

    def rows_between(self, start: int, stop: int) -> tuple[Any, ...]:
        """Return some rows."""
        self.asked.append((start, stop))
        return X[start:stop], Y[start:stop], WEIGHTS[start:stop]


def test_rows_are_asked_for_once_per_execution() -> None:
    """A data set with `rows()` is not read batch by batch, and gives the same."""
    models = pair()
    fit_both(models, lambda: {"x": Rows(), "shuffle": False}, epochs=2)
    assert (0, STEPS * BATCH) in Rows.asked
    Rows.asked.clear()
    models[0].fit(Rows(), shuffle=False, verbose=0)
    length = STEPS * BATCH
    assert Rows.asked == [(start, start + length) for start in range(0, ROWS, length)]
