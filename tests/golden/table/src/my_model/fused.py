"""Step fusing: `compile(steps_per_execution=K)` runs K steps in one compiled program.

Keras on JAX calls a compiled step K times from Python instead, which takes longer than
a step of a small model. The steps themselves stay as they are written.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import keras

from .chunks import ArrayChunks, are_arrays, number_of_rows
from .execution import FusedFunction, Step

CHUNK_BYTES = 8 * 2**20  # a few chunks are in memory at a time
# Ctrl-C and the progress bar wait for the end of a chunk: so many steps, or more of a
# small model, as long as steps times weights are no more than this.
CHUNK_STEPS = 256
CHUNK_WORK = 256 * 100_000

documented_as: Any = functools.wraps  # of any type, since Keras declares none


class FusedModel(keras.Model):
    """A Keras model that fuses its steps; takes what `keras.Model` takes.

    It relies on how Keras calls `make_train_function()`, `make_test_function()` and
    `make_predict_function()`, which is documented nowhere: tried with 3.10 to 3.15.
    """

    data_on_device = False  # whether arrays stay on the device, gathered there

    def make_train_function(self, force: bool = False) -> None:
        """Set what runs an execution of `fit()`."""
        self.set_function("train", self.train_step, force)

    def make_test_function(self, force: bool = False) -> None:
        """Set what runs an execution of `evaluate()`."""
        self.set_function("test", self.test_step, force)

    def make_predict_function(self, force: bool = False) -> None:
        """Set what runs an execution of `predict()`."""

        def step(state: Any, batch: Any) -> tuple[Any, Any]:
            y_pred, non_trainable_variables = self.predict_step(state, batch)
            return y_pred, (state[0], non_trainable_variables)

        self.set_function("predict", step, force)

    def set_function(self, kind: str, step: Step, force: bool) -> None:
        """Set the function that fuses `step`, or else Keras' own."""
        current = getattr(self, f"{kind}_function")
        is_fused = isinstance(current, FusedFunction)
        if self.why_not_fused():
            make = getattr(super(), f"make_{kind}_function")
            make(force=force or is_fused)
        elif force or not is_fused or current.steps != self.steps_per_execution:
            function = FusedFunction(step, self.steps_per_execution, kind == "predict")
            setattr(self, f"{kind}_function", function)

    def why_not_fused(self) -> str | None:
        """Return why Keras' own functions are used, if they are."""
        if self.steps_per_execution == 1:
            return "one step an execution"
        settings: Any = jax.config
        if self.run_eagerly or not self.jit_compile or settings.jax_disable_jit:
            return "the steps are not compiled"
        if keras.distribution.distribution() is not None:
            return "the batches are distributed"
        if tuple(map(int, keras.__version__.split(".")[:2])) > (3, 15):
            return "this version of Keras has its own way"
        return None

    def reset_metrics(self) -> None:
        """Set the metrics back, at once if all are Keras' own, which begin with zeros."""
        if self.why_not_fused() or not all(map(is_of_keras, self.metrics)):
            super().reset_metrics()
            return
        variables = self.metrics_variables
        shapes = tuple((tuple(each.shape), each.dtype) for each in variables)
        for variable, value in zip(variables, zeros(shapes)):
            variable.assign(value)

    def describe_execution(self) -> str:
        """Say how `fit()` has run its steps."""
        reason = self.why_not_fused()
        if reason is None and self.train_function.one_by_one:
            reason = "convolutions are faster one by one on a CPU"
        if reason is None:
            return f"fused {self.steps_per_execution} steps an execution"
        return f"not fused: {reason}"

    @documented_as(keras.Model.fit)
    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Train as `keras.Model.fit()` does, in the same order."""
        given = by_name(keras.Model.fit, args, kwargs)
        size = given.get("batch_size")
        # Keras makes other arrays of these first.
        if given.get("class_weight") is None and not given.get("validation_split"):
            steps, shuffle = given.get("steps_per_epoch"), given.get("shuffle", True)
            if self.chunk(given, size, steps, shuffle):
                given["shuffle"] = False
        if given.get("validation_data") is not None:
            validation = keras.utils.unpack_x_y_sample_weight(given["validation_data"])
            data = dict(zip(("x", "y", "sample_weight"), validation))
            size = given.get("validation_batch_size") or size
            if self.chunk(data, size, given.get("validation_steps")):
                given["validation_data"] = data["x"]
        return super().fit(**given)

    @documented_as(keras.Model.evaluate)
    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Measure as `keras.Model.evaluate()` does."""
        given = by_name(keras.Model.evaluate, args, kwargs)
        self.chunk(given, given.get("batch_size"), given.get("steps"))
        return super().evaluate(**given)

    @documented_as(keras.Model.predict)
    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Predict as `keras.Model.predict()` does."""
        given = by_name(keras.Model.predict, args, kwargs)
        self.chunk(given, given.get("batch_size"), given.get("steps"), built=True)
        return super().predict(**given)

    def chunk(
        self,
        given: dict[str, Any],
        batch_size: int | None,
        steps: int | None,
        shuffle: bool | str = False,
        built: bool = False,
    ) -> bool:
        """Put chunks in the place of arrays, if steps are fused; tell whether it did."""
        x, y, sample_weight = map(given.get, ("x", "y", "sample_weight"))
        of_y = sample_weight is None or same_structure(y, sample_weight)
        arrays = x is not None and are_arrays((x, y, sample_weight))
        if self.why_not_fused() or shuffle == "batch" or not (arrays and of_y):
            return False
        rows = number_of_rows(x)
        most = keras.config.max_steps_per_epoch()
        steps = min(steps or most, most) if most else steps
        given |= {name: None for name in ("y", "sample_weight") if name in given}
        given["x"] = ArrayChunks(
            (x, y, sample_weight),
            batch_size or (math.ceil(rows / steps) if steps else 32),
            self.steps_per_execution,
            shuffle=bool(shuffle),
            built=built,
            on_device=self.data_on_device,
        )
        return True


class ReportExecution(keras.callbacks.Callback):
    """Print how the steps were run, when training has ended."""

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Print it."""
        print(f"training steps: {self.model.describe_execution()}")


def is_of_keras(metric: Any) -> bool:
    """Tell whether a metric, and those in it, are as Keras has written them."""
    own = type(metric).__module__.startswith("keras.")
    changed = "reset_state" in vars(metric)
    inner = getattr(metric, "metrics", ())
    return own and not changed and all(map(is_of_keras, inner))


@functools.partial(jax.jit, static_argnums=0)
def zeros(shapes: Any) -> Any:
    """Return arrays of zeros, by their shapes and dtypes."""
    return [jnp.zeros(*shape) for shape in shapes]


def same_structure(one: Any, other: Any) -> bool:
    """Tell whether both are nested in the same way."""
    structures: list[Any] = [jax.tree.structure(one), jax.tree.structure(other)]
    return bool(structures[0] == structures[1])


def by_name(
    method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a method under their names."""
    names = list(inspect.signature(method).parameters)[1:]
    return {**dict(zip(names, args)), **kwargs}


def choose_steps(
    wanted: int | Literal["auto"],
    model: keras.Model,
    data: Any,
    batch_size: int,
    callbacks: Iterable[keras.callbacks.Callback],
) -> int:
    """Return K: an epoch if it is not too long, and 1 if a callback works by batches."""
    if wanted != "auto":
        return wanted
    if any(map(works_by_batches, callbacks)):
        return 1
    rows = number_of_rows(data)
    bytes_of_row = sum(array.nbytes for array in jax.tree.leaves(data)) / max(rows, 1)
    fitting = int(CHUNK_BYTES / max(bytes_of_row * batch_size, 1))
    longest = max(CHUNK_STEPS, CHUNK_WORK // max(model.count_params(), 1))
    return max(1, min(math.ceil(rows / batch_size), fitting, longest))


def works_by_batches(callback: keras.callbacks.Callback) -> bool:
    """Tell whether a callback does anything at the begin or the end of a batch."""
    # Keras' own that save do nothing in these hooks if they save after epochs.
    by_epochs = getattr(callback, "save_freq", None) == "epoch"
    for hook in ("batch_begin", "batch_end", "train_batch_begin", "train_batch_end"):
        method = getattr(callback, f"on_{hook}")
        nothing = getattr(keras.callbacks.Callback, f"on_{hook}")
        if getattr(method, "__func__", method) is nothing:
            continue
        if not (by_epochs and method.__module__.startswith("keras.")):
            return True
    return False
