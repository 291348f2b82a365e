"""Step fusing: `compile(steps_per_execution=K)` runs K steps in one compiled program.

Keras on JAX calls a compiled step K times from Python instead, which takes longer than
a step of a small model. The steps themselves stay as they are written.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import jax
import jax.numpy as jnp
import keras
import numpy as np

from .chunks import ArrayChunks, Chunk, are_arrays, number_of_rows
from .cpu import loop_options, with_fast_operations

Step = Callable[[Any, Any], tuple[Any, Any]]  # state, batch -> outputs, new state

CHUNK_BYTES = 8 * 2**20  # a few chunks are in memory at a time
# Ctrl-C and the progress bar wait for the end of a chunk: so many steps, or more of a
# small model, as long as steps times weights are no more than this.
CHUNK_STEPS = 256
CHUNK_WORK = 256 * 100_000
CHUNKS_UNDER_WAY = 2

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
        if self.run_eagerly or not self.jit_compile:
            return "the steps are not compiled"
        if keras.distribution.distribution() is not None:
            return "the batches are distributed"
        if tuple(map(int, keras.__version__.split(".")[:2])) > (3, 15):
            return "this version of Keras has its own way"
        return None

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


class FusedFunction:
    """Runs an execution: as many steps as are wanted, on what an iterator gives."""

    def __init__(self, step: Step, steps: int, joins: bool = False) -> None:
        self.steps = steps
        self.joins = joins  # the outputs of all steps, or else keeps the last ones
        self.one_by_one: bool | None = None  # not known before the first step
        on_cpu = jax.default_backend() == "cpu"
        self.single = jax.jit(
            with_fast_operations(step) if on_cpu else step, donate_argnums=0
        )
        self.several = jax.jit(
            functools.partial(run_several, self.single, joins),
            donate_argnums=0,
            compiler_options=loop_options() if on_cpu else None,
        )
        self.capacity = 1
        self.under_way: deque[Any] = deque()

    def __call__(self, state: Any, iterator: Iterator[Any]) -> tuple[Any, Any]:
        """Return the outputs and the new state; raises StopIteration at the end."""
        outputs = []
        for batches in next_batches(iterator, self.steps):
            ended, state = self.run(state, batches)
            outputs += ended
        result = join(outputs) if self.joins else outputs[-1]
        # Gather the next rows in the meantime, but not those of a whole epoch.
        self.under_way.append(result)
        if len(self.under_way) > CHUNKS_UNDER_WAY:
            jax.block_until_ready(self.under_way.popleft())
        return result, state

    def run(self, state: Any, batches: Any) -> tuple[list[Any], Any]:
        """Run a step on each of some batches of one size, stacked."""
        count = number_of_rows(batches)
        if self.one_by_one is None:
            self.one_by_one = jax.default_backend() == "cpu" and has_convolution(
                self.single.trace(state, batch_of(batches, 0)).jaxpr
            )
        if count > 1 and not self.one_by_one:
            # One program for every count: the batches are filled up to the most so far.
            self.capacity = max(self.capacity, count)
            filled = jax.tree.map(lambda a: fill_up(a, self.capacity), batches)
            outputs, state = self.several(state, filled, count)
            if self.joins and count < self.capacity:
                rows = number_of_rows(outputs) // self.capacity * count
                outputs = jax.tree.map(lambda a: a[:rows], outputs)
            return [outputs], state
        outputs = []
        for number in range(count):
            output, state = self.single(state, batch_of(batches, number))
            outputs.append(output)
        return outputs, state


def run_several(
    step: Step, joins: bool, state: Any, batches: Any, count: Any
) -> tuple[Any, Any]:
    """Run a step on the first `count` batches; to be compiled."""

    def body(number: Any, carry: Any) -> Any:
        # Kept apart, or XLA compiles both together, and may round in another way.
        batch = jax.lax.optimization_barrier(batch_of(batches, number))
        output, state = step(carry[1], batch)
        if joins:
            output = jax.tree.map(
                lambda a, new: a.at[number].set(new), carry[0], output
            )
        # A loop keeps its types, where a step may widen those of some variables.
        leaves, structure = jax.tree.flatten(carry)
        new = zip(jax.tree.leaves((output, state)), leaves, strict=True)
        return jax.tree.unflatten(structure, [jnp.asarray(a, b.dtype) for a, b in new])

    shapes, _ = jax.eval_shape(step, state, batch_of(batches, 0))
    capacity = (number_of_rows(batches),) if joins else ()
    outputs = jax.tree.map(lambda a: jnp.zeros(capacity + a.shape, a.dtype), shapes)
    outputs, state = jax.lax.fori_loop(0, count, body, (outputs, state))
    if joins:
        outputs = jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), outputs)
    return outputs, state


def next_batches(iterator: Iterator[Any], steps: int) -> list[Any]:
    """Take the batches of an execution, stacked where they are of one size."""
    item = next(iterator)
    if not isinstance(item, Chunk):
        items = [item, *itertools.islice(iterator, steps - 1)]
        alike = (list(group) for _, group in itertools.groupby(items, shapes_of))
        return [jax.tree.map(lambda *a: stack(a), *group) for group in alike]
    size, rows = item.batch_size, number_of_rows(item)
    whole = rows // size
    if rows == 0:
        raise StopIteration
    data = keras.utils.pack_x_y_sample_weight(*item)
    stacks = []
    if whole:
        in_batches = (whole, size)
        stacks.append(
            jax.tree.map(
                lambda a: a[: whole * size].reshape(*in_batches, *a.shape[1:]), data
            )
        )
    if rows % size:
        stacks.append(jax.tree.map(lambda a: a[None, whole * size :], data))
    return stacks


def batch_of(batches: Any, number: Any) -> Any:
    """Return one of some stacked batches."""
    return jax.tree.map(lambda array: array[number], batches)


def shapes_of(batch: Any) -> Any:
    """Return what must be equal in batches to be stacked."""
    leaves, structure = jax.tree.flatten(batch)
    return structure, [(leaf.shape, leaf.dtype) for leaf in leaves]


def stack(arrays: tuple[Any, ...]) -> Any:
    """Stack arrays where they are: on the host or on a device."""
    on_host = all(isinstance(array, np.ndarray) for array in arrays)
    return (np if on_host else jnp).stack(arrays)


def fill_up(array: Any, count: int) -> Any:
    """Append zeros until there are `count` rows."""
    if len(array) == count:
        return array
    on = np if isinstance(array, np.ndarray) else jnp
    rest = on.zeros((count - len(array), *array.shape[1:]), array.dtype)
    return on.concatenate([array, rest])


def join(outputs: list[Any]) -> Any:
    """Put the rows of several outputs one after the other."""
    if len(outputs) == 1:
        return outputs[0]
    return jax.tree.map(lambda *arrays: jnp.concatenate(arrays), *outputs)


def has_convolution(jaxpr: Any) -> bool:
    """Tell whether a traced step has one; XLA makes loops of them slow on a CPU."""
    return "conv_general_dilated" in str(jaxpr)


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
    hooks = ("batch_begin", "batch_end", "train_batch_begin", "train_batch_end")
    return any(
        getattr(type(callback), f"on_{hook}")
        is not getattr(keras.callbacks.Callback, f"on_{hook}")
        for hook in hooks
    )
