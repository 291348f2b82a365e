"""What holds for every training algorithm, also for one that differs from Keras' own.

Each check trains small models and raises an `AssertionError` that says what is wrong.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np


@dataclass(frozen=True)
class Trial:
    """A model to try, and what to train it on.

    Attributes:
        make: builds and compiles a fresh model; the same one after the same seed.
        data: x, y and, if the model takes them, sample weights: at least 8 rows.
    """

    make: Callable[[], keras.Model]
    data: tuple[Any, ...]

    @property
    def rows(self) -> int:
        """The number of examples."""
        return int(jax.tree.leaves(self.data[0])[0].shape[0])

    def model(self) -> keras.Model:
        """Return the model, the same one each time."""
        keras.utils.set_random_seed(0)
        return self.make()

    def fit(self, model: keras.Model, **options: Any) -> dict[str, list[float]]:
        """Train in the given order, with a short last batch; return the history."""
        frame = {"batch_size": self.rows // 2 - 1, "shuffle": False, "verbose": 0}
        history: dict[str, list[float]] = model.fit(
            *self.data[:2],
            sample_weight=self.data[2] if len(self.data) > 2 else None,
            **(frame | options),
        ).history
        return history

    def evaluate(self, model: keras.Model) -> dict[str, float]:
        """Return the loss and the metrics."""
        logs: dict[str, float] = model.evaluate(
            *self.data[:2], batch_size=self.rows // 2 - 1, verbose=0, return_dict=True
        )
        return logs


def variables(model: keras.Model) -> list[keras.Variable]:
    """Return all that training changes: of the model, and of each of its optimizers."""
    optimizers = [model.optimizer, *vars(model).values()]
    found = [o for o in optimizers if isinstance(o, keras.optimizers.Optimizer)]
    unique = {id(optimizer): optimizer for optimizer in found}.values()
    own = [*model.trainable_variables, *model.non_trainable_variables]
    return [*own, *(v for optimizer in unique for v in optimizer.variables)]


def values(model: keras.Model) -> list[np.ndarray]:
    """Return copies of what they hold."""
    return [np.array(variable.value) for variable in variables(model)]


def same(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    """Tell whether two states are equal to the last bit."""
    return len(first) == len(second) and all(
        np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        for a, b in zip(first, second, strict=True)
    )


def training_changes_weights(trial: Trial) -> None:
    """Training changes the trainable weights, and with them the loss."""
    model = trial.model()
    before = trial.evaluate(model)
    weights = [np.array(variable.value) for variable in model.trainable_variables]
    trial.fit(model, epochs=2)
    after = [np.array(variable.value) for variable in model.trainable_variables]
    assert not same(weights, after), "fit() leaves all weights as they were"
    assert trial.evaluate(model) != before, "evaluate() does not see the new weights"


def same_seed_gives_same_run(trial: Trial) -> None:
    """Two runs with one seed are equal, state and history."""
    first = trial.model()
    history = trial.fit(first, epochs=2)
    second = trial.model()
    assert trial.fit(second, epochs=2) == history, "the history differs"
    assert same(values(first), values(second)), "the weights differ"


def metrics_are_reset(trial: Trial) -> None:
    """Every metric is listed in `metrics`, so that Keras resets it, and counts once."""
    model = trial.model()
    trial.fit(model, epochs=2)
    for name, metric in vars(model).items():
        if isinstance(metric, keras.Metric) and not name.startswith("_"):
            assert any(metric is m for m in model.metrics), f"metrics lacks {name}"
    for metric in model.metrics:
        count = getattr(metric, "count", None)
        if metric.name == "loss" and isinstance(count, keras.Variable):
            assert float(count) == trial.rows, f"the loss counts {float(count)} rows"
    assert trial.evaluate(model) == trial.evaluate(model), "evaluate() twice differs"


def validation_leaves_training_alone(trial: Trial) -> None:
    """Validation and evaluation change neither weights nor the optimizer."""
    plain = trial.model()
    trial.fit(plain, epochs=2)
    validated = trial.model()
    trial.fit(validated, epochs=2, validation_data=trial.data)
    assert same(
        values(plain), values(validated)
    ), "validation_data changes the training"
    trial.evaluate(plain)
    assert same(values(plain), values(validated)), "evaluate() changes the model"


def save_and_load_round_trip(trial: Trial) -> None:
    """A saved model comes back with its weights and its optimizer's state."""
    model = trial.model()
    trial.fit(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        loaded = keras.saving.load_model(path, {type(model).__name__: type(model)})
    assert same(loaded.get_weights(), model.get_weights()), "weights are lost"
    state = [np.array(variable.value) for variable in model.optimizer.variables]
    found = [np.array(variable.value) for variable in loaded.optimizer.variables]
    assert same(found, state), "the optimizer's state is lost"


def resume_is_exact(trial: Trial) -> None:
    """A run that goes on from saved values ends like one that was never stopped."""
    whole, first, second = trial.model(), trial.model(), trial.model()
    trial.fit(whole, epochs=3)
    trial.fit(first, epochs=1)
    trial.fit(second, epochs=1)  # only builds it, with all variables
    for variable, value in zip(variables(second), values(first), strict=True):
        variable.assign(value)
    trial.fit(second, epochs=3, initial_epoch=1)
    assert same(values(whole), values(second)), "state lives outside the variables"


def no_tracer_leaks(trial: Trial) -> None:
    """No step keeps a value of JAX's tracing beyond its end."""
    # At each trace JAX looks through all objects; those from before hold none of it.
    gc.freeze()
    try:
        with jax.checking_leaks():
            model = trial.model()
            trial.fit(model)
            trial.evaluate(model)
    finally:
        gc.unfreeze()


def steps_are_traced_once_a_shape(trial: Trial) -> None:
    """A step is traced for whole batches and for the short last one, and never again."""
    model, traces = trial.model(), {"train_step": 0, "test_step": 0}

    def counted(name: str) -> Callable[..., Any]:
        step = getattr(model, name)

        def trace(*arguments: Any) -> Any:
            traces[name] += 1
            return step(*arguments)

        return trace

    for name in traces:
        setattr(model, name, counted(name))
    trial.fit(model, epochs=3, validation_data=trial.data)
    trial.fit(model, epochs=2)
    for name, count in traces.items():
        assert count <= 2, f"{name} is traced {count} times"


def nan_is_reported(trial: Trial) -> None:
    """Data with a NaN make the reported loss NaN, so that callbacks can stop."""
    model = trial.model()

    def spoilt(x: Any) -> Any:
        x = np.array(x)
        if x.dtype.kind == "f":
            x[0] = np.nan
        return x

    x = jax.tree.map(spoilt, trial.data[0])
    if any(leaf.dtype.kind == "f" for leaf in jax.tree.leaves(x)):
        history = Trial(trial.make, (x, *trial.data[1:])).fit(model)
        assert np.isnan(history["loss"][-1]), "the loss hides a NaN"


def callbacks_can_stop(trial: Trial) -> None:
    """A callback can end training after a batch, and the epoch's logs are there."""
    model = trial.model()

    class Stop(keras.callbacks.Callback):
        batches = 0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            Stop.batches += 1
            self.model.stop_training = True

    history = trial.fit(model, epochs=5, callbacks=[Stop()])
    assert Stop.batches == 1, f"{Stop.batches} batches ran after the stop"
    assert "loss" in history, "the history has no loss"


def modes_agree(trial: Trial) -> None:
    """Eager, not jitted, and several steps an execution: the same training."""
    plain = trial.model()
    trial.fit(plain, epochs=2)
    expected = [np.array(variable.value) for variable in plain.trainable_variables]
    for name, value in (
        ("run_eagerly", True),
        ("jit_compile", False),
        ("steps_per_execution", 2),
    ):
        model = trial.model()
        setattr(model, name, value)
        trial.fit(model, epochs=2)
        for found, weight in zip(model.trainable_variables, expected, strict=True):
            close = np.allclose(found.value, weight, rtol=1e-3, atol=1e-4)
            assert close, f"{name}={value} trains otherwise"


def buffers_are_safe(trial: Trial) -> None:
    """Values that were read before a step still hold, and every variable after it."""
    model = trial.model()
    trial.fit(model)
    before = values(model)
    copies = [value.copy() for value in before]
    trial.fit(model)
    assert same(before, copies), "a value that was read has changed"
    assert all(np.array(variable.value).size >= 0 for variable in variables(model))
    pair = jax.tree.map(lambda leaf: leaf[: trial.rows // 2], trial.data)
    for _ in range(2):
        model.train_on_batch(*pair)


CHECKS: tuple[Callable[[Trial], None], ...] = (
    training_changes_weights,
    same_seed_gives_same_run,
    metrics_are_reset,
    validation_leaves_training_alone,
    save_and_load_round_trip,
    resume_is_exact,
    no_tracer_leaks,
    steps_are_traced_once_a_shape,
    nan_is_reported,
    callbacks_can_stop,
    modes_agree,
    buffers_are_safe,
)
