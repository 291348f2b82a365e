"""What any training algorithm owes, also one that differs from Keras' own.

Each check trains small models. It raises an `AssertionError` that says what is wrong, or
returns a note on what is worth knowing and no fault.
"""

from __future__ import annotations

import functools
import gc
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np

Logs = dict[str, Any]


@dataclass(frozen=True)
class Training:
    """A model, and what to train it on.

    Attributes:
        make: builds and compiles a fresh model; the same one after the same seed.
        data: x and, if the model takes them, y and sample weights: at least 8 rows of
            arrays, nested in any way.
        trains: parts of the paths of the weights that must change, such as
            "generator/"; by default some weight of every layer must.
    """

    make: Callable[[], keras.Model]
    data: tuple[Any, ...]
    trains: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """The number of examples."""
        leaves = keras.tree.flatten(self.data[0])
        return int(next(leaf for leaf in leaves if leaf is not None).shape[0])

    @property
    def arguments(self) -> Logs:
        """The data as arguments of `fit()` and `evaluate()`, with a partial last batch."""
        names = ("x", "y", "sample_weight")
        options = {"batch_size": self.rows // 2 - 1, "verbose": 0}
        return dict(zip(names, self.data, strict=False)) | options

    def model(self) -> keras.Model:
        """Return the model, the same one each time."""
        keras.utils.set_random_seed(0)
        return self.make()

    def fit(self, model: keras.Model, **options: Any) -> dict[str, list[float]]:
        """Train in the order of the rows; return the history."""
        arguments = self.arguments | {"shuffle": False} | options
        history: dict[str, list[float]] = model.fit(**arguments).history
        return history

    def evaluate(self, model: keras.Model) -> Logs:
        """Return what `evaluate()` logs."""
        logs: Logs = model.evaluate(**self.arguments, return_dict=True)
        return logs

    def outputs(self, model: keras.Model) -> Any:
        """Return the predictions, or nothing of a model that makes none."""
        try:
            return model.predict(self.data[0], verbose=0)
        except NotImplementedError:
            return ()

    @functools.cached_property
    def result(self) -> tuple[dict[str, list[float]], list[np.ndarray], Any]:
        """The history, the state and the predictions after two epochs."""
        model = self.model()
        history = self.fit(model, epochs=2)
        return history, values(model), self.outputs(model)


def variables(model: keras.Model) -> list[keras.Variable]:
    """Return what a checkpoint holds: the model's variables and its optimizer's."""
    optimizer = model.optimizer.variables if model.optimizer is not None else []
    return [*model.variables, *optimizer]


def values(model: keras.Model) -> list[np.ndarray]:
    """Return copies of what they hold."""
    return [np.array(variable.value) for variable in variables(model)]


def restore(model: keras.Model, state: list[np.ndarray]) -> None:
    """Put copied values back."""
    for variable, value in zip(variables(model), state, strict=True):
        variable.assign(value)


def equal(first: np.ndarray, second: np.ndarray) -> bool:
    """Return whether two arrays are equal to the last bit."""
    return bool(np.array_equal(first, second, equal_nan=first.dtype.kind == "f"))


def alike(one: Logs, other: Logs) -> bool:
    """Return whether two logs or histories are equal to the last bit."""
    return one.keys() == other.keys() and all(
        np.array_equal(one[name], other[name], equal_nan=True) for name in one
    )


def changed(
    model: keras.Model, before: list[np.ndarray], after: list[np.ndarray]
) -> list[str]:
    """Return the paths of the variables that differ between two states."""
    assert len(before) == len(after), "variables are made after the first fit()"
    paths = [variable.path for variable in variables(model)]
    triples = zip(paths, before, after, strict=True)
    return [path for path, one, other in triples if not equal(one, other)]


def owners(model: keras.Model) -> Iterator[tuple[str, list[keras.Variable]]]:
    """Yield each layer's name and trainable weights; those of models layer by layer."""
    own = {id(variable): variable for variable in model.trainable_variables}
    for layer in model.layers:
        for variable in layer.trainable_variables:
            own.pop(id(variable), None)
        if isinstance(layer, keras.Model):
            for name, weights in owners(layer):
                yield f"{layer.name}/{name}", weights
        elif layer.trainable_variables:
            yield layer.name, layer.trainable_variables
    if own:
        yield model.name, list(own.values())


def training_changes_weights(training: Training) -> None:
    """Training changes the weights of every layer, and with them what is logged."""
    model = training.model()
    before_logs = training.evaluate(model)
    groups = dict(owners(model))
    if training.trains:
        weights = model.trainable_variables
        groups = {
            part: [v for v in weights if part in v.path] for part in training.trains
        }
    before = {id(v): np.array(v.value) for v in model.trainable_variables}
    # An algorithm may leave a part alone for some steps: it gets several epochs.
    for _ in range(3):
        training.fit(model, epochs=2)
        still = [
            name
            for name, weights in groups.items()
            if all(equal(before[id(v)], np.array(v.value)) for v in weights)
        ]
        if not still:
            break
    assert not still, f"fit() changes no weight of {', '.join(still)}"
    logs = training.evaluate(model)
    assert not logs or logs != before_logs, f"evaluate() logs {logs}, as before fit()"


def same_seed_gives_same_run(training: Training) -> None:
    """Two runs with one seed are equal, state and history."""
    history, state, _ = training.result
    model = training.model()
    found = training.fit(model, epochs=2)
    assert alike(found, history), f"the history differs: {found}, {history}"
    differ = changed(model, state, values(model))
    assert not differ, f"the state differs: {', '.join(differ[:3])}"


def metrics_are_reset(training: Training) -> None:
    """Every metric is listed in `metrics`, so that Keras resets it, and counts once."""
    model = training.model()
    training.fit(model, epochs=2)
    for name, metric in vars(model).items():
        if isinstance(metric, keras.Metric) and not name.startswith("_"):
            assert any(metric is m for m in model.metrics), f"metrics lacks {name}"
    for metric in model.metrics:
        count = getattr(metric, "count", None)
        if metric.name == "loss" and isinstance(count, keras.Variable):
            rows = float(count)
            assert rows == training.rows, f"the loss counts {rows:g} rows"
    state = values(model)
    logs = training.evaluate(model)
    restore(model, state)  # if evaluation draws random numbers, then the same
    assert alike(training.evaluate(model), logs), "evaluate() twice differs"


def validation_leaves_training_alone(training: Training) -> str | None:
    """Validation and evaluation change neither weights nor the optimizer."""
    _, state, _ = training.result
    model = training.model()
    training.fit(model, epochs=2, validation_data=training.data)
    trained = values(model)
    training.evaluate(model)
    evaluated = values(model)
    moved = changed(model, trained, evaluated)
    seeded = [v.path.endswith("seed_generator_state") for v in variables(model)]
    # A seed generator counts its draws in the second of two numbers.
    for seeds, before, after in zip(seeded, trained, evaluated, strict=True):
        if seeds and before[0] == after[0]:
            before[1] = after[1]
    others = changed(model, trained, evaluated)
    assert not others, f"evaluate() changes {', '.join(others[:3])}"
    if moved:
        return (
            "evaluation draws random numbers from the seeds of training, as it does in"
            " keras.Model: with validation data, training draws others"
        )
    differ = changed(model, state, trained)
    assert not differ, f"validation_data changes {', '.join(differ[:3])}"
    return None


def checkpoint_holds_every_optimizer(training: Training) -> None:
    """No optimizer has state outside the variables of the model and its optimizer."""
    model = training.model()
    training.fit(model)
    held = {id(variable) for variable in variables(model)}
    for name, attribute in vars(model).items():
        for value in keras.tree.flatten(attribute):
            if isinstance(value, keras.optimizers.Optimizer):
                lost = [v for v in value.variables if id(v) not in held]
                assert not lost, (
                    f"{len(lost)} variables of the optimizer in {name!r} are in no"
                    " checkpoint: add them to `variables` in runs/checkpoint.py and here"
                )


def save_and_load_round_trip(training: Training) -> None:
    """A saved model comes back with its weights and its optimizer's state."""
    model = training.model()
    training.fit(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        classes = {type(part).__name__: type(part) for part in (model, *model.layers)}
        loaded = keras.saving.load_model(path, classes)
    found, saved = loaded.weights, model.weights
    if model.optimizer is not None:
        assert loaded.optimizer is not None, "the loaded model has no optimizer"
        found = [*found, *loaded.optimizer.variables]
        saved = [*saved, *model.optimizer.variables]
    assert len(found) == len(saved), f"{len(found)} of {len(saved)} variables are saved"
    pairs = zip(saved, found, strict=True)
    lost = [a.path for a, b in pairs if not equal(np.array(a.value), np.array(b.value))]
    assert not lost, f"values are lost: {', '.join(lost[:3])}"


def resume_is_exact(training: Training) -> None:
    """A run that goes on from saved values ends like one that was never stopped."""
    whole, first, second = training.model(), training.model(), training.model()
    training.fit(whole, epochs=3)
    training.fit(first, epochs=1)
    training.fit(second, epochs=1)  # only builds it, with all variables
    restore(second, values(first))
    training.fit(second, epochs=3, initial_epoch=1)
    differ = changed(whole, values(whole), values(second))
    assert not differ, f"state lives outside the variables: {', '.join(differ[:3])}"


def no_tracer_leaks(training: Training) -> None:
    """No step keeps a value of JAX's tracing beyond its end."""
    # At each trace JAX looks through all objects; those from before hold none of it.
    gc.freeze()
    try:
        with jax.checking_leaks():
            model = training.model()
            training.fit(model)
            training.evaluate(model)
    finally:
        gc.unfreeze()


def steps_are_traced_once_a_shape(training: Training) -> None:
    """A step is traced for whole batches and for the partial last one, and no more."""
    model, traces = training.model(), {"train_step": 0, "test_step": 0}

    def counted(name: str) -> Callable[..., Any]:
        step = getattr(model, name)

        def trace(*arguments: Any) -> Any:
            traces[name] += 1
            return step(*arguments)

        return trace

    for name in traces:
        setattr(model, name, counted(name))
    training.fit(model, epochs=3, validation_data=training.data)
    training.fit(model, epochs=2)
    for name, count in traces.items():
        assert count <= 2, f"{name} is traced {count} times"


def nan_is_reported(training: Training) -> None:
    """A NaN among the weights shows in the history, so that callbacks can stop."""
    model = training.model()
    training.fit(model)
    # Not among the data: there it may be a missing number.
    for weight in model.trainable_variables[:1]:
        weight.assign(np.full(weight.shape, np.nan))
        history = training.fit(model)
        last = [np.isnan(series[-1]) for series in history.values()]
        assert any(last), f"{', '.join(history)} hide a NaN"


def callbacks_can_stop(training: Training) -> None:
    """A callback can end training after a batch, and the epoch's logs are there."""
    model = training.model()

    class Stop(keras.callbacks.Callback):
        batches = 0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            Stop.batches += 1
            self.model.stop_training = True

    history = training.fit(model, epochs=5, callbacks=[Stop()])
    assert Stop.batches == 1, f"{Stop.batches} batches ran after the stop"
    assert history, "the history is empty"


def modes_agree(training: Training) -> None:
    """Eager, not jitted, and two steps per execution: the same training."""
    # Not the weights: a bias in front of a BatchNorm has gradients of rounding noise
    # alone, which Adam makes as large as any.
    history, _, outputs = training.result
    rounded = training.model()
    tolerance = 3e-2 if low_precision(rounded) else 1e-3
    for variable in rounded.trainable_variables:
        variable.assign(variable * (1 + 1e-6))
    found = training.fit(rounded, epochs=2)
    # How far rounding alone carries this algorithm from the same start.
    noise = distances((history, outputs), (found, training.outputs(rounded)))
    for name, value in (
        ("run_eagerly", True),
        ("jit_compile", False),
        ("steps_per_execution", 2),
    ):
        model = training.model()
        setattr(model, name, value)
        found = training.fit(model, epochs=2)
        differences = distances((history, outputs), (found, training.outputs(model)))
        for place, difference in differences.items():
            assert difference <= max(tolerance, 10 * noise[place]), (
                f"{name}={value}: {place} is off by {difference:.2g}, relative to its"
                " largest value"
            )


def buffers_are_safe(training: Training) -> None:
    """Values that were read before a step still hold, and every variable after it."""
    model = training.model()
    training.fit(model)
    before = values(model)
    copies = [value.copy() for value in before]
    training.fit(model)
    pairs = zip(before, copies, strict=True)
    assert all(equal(*pair) for pair in pairs), "a value that was read has changed"
    values(model)  # raises if the buffer of one was given away
    half = training.rows // 2
    batch = keras.tree.map_structure(
        lambda leaf: None if leaf is None else leaf[:half], training.data
    )
    for _ in range(2):
        model.train_on_batch(*batch)


def low_precision(model: keras.Model) -> bool:
    """Return whether a layer computes in 16 bits."""
    layers = (model, *model.layers)
    return any(str(layer.compute_dtype).endswith("float16") for layer in layers)


def distances(one: Any, other: Any) -> dict[str, float]:
    """Return how far each array differs, relative to the largest value in it.

    `one` and `other` are a history and predictions, which may be nested.
    """
    (history, outputs), (found, other_outputs) = one, other
    assert list(history) == list(found), f"logs {', '.join(found)}"
    first = {**history, **leaves(outputs)}
    second = {**found, **leaves(other_outputs)}
    return {place: distance(first[place], second[place]) for place in first}


def leaves(outputs: Any) -> dict[str, np.ndarray]:
    """Return the arrays of predictions, each with a name."""
    flat = keras.tree.flatten(outputs)
    return {f"output {number}": np.asarray(leaf) for number, leaf in enumerate(flat)}


def distance(one: Any, other: Any) -> float:
    """Return the largest difference, relative to the largest value; NaN equals NaN."""
    first, second = np.asarray(one, np.float64), np.asarray(other, np.float64)
    if first.shape != second.shape or (np.isnan(first) != np.isnan(second)).any():
        return np.inf
    scale = np.nanmax(np.abs(first), initial=1e-6)
    return float(np.nanmax(np.abs(first - second), initial=0.0) / scale)


CHECKS: tuple[Callable[[Training], str | None], ...] = (
    training_changes_weights,
    same_seed_gives_same_run,
    metrics_are_reset,
    validation_leaves_training_alone,
    checkpoint_holds_every_optimizer,
    save_and_load_round_trip,
    resume_is_exact,
    no_tracer_leaks,
    steps_are_traced_once_a_shape,
    nan_is_reported,
    callbacks_can_stop,
    modes_agree,
    buffers_are_safe,
)
