"""An execution: some steps in one compiled program, on the batches that they take."""

from __future__ import annotations

import functools
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from .chunks import Chunk, number_of_rows
from .cpu import equations, has_slow_operations, loop_options, with_fast_operations

Step = Callable[[Any, Any], tuple[Any, Any]]  # state, batch -> outputs, new state

CHUNKS_UNDER_WAY = 2


class FusedFunction:
    """Runs an execution: as many steps as are wanted, on what an iterator gives."""

    def __init__(self, step: Step, steps: int, joins: bool = False) -> None:
        self.step = step
        self.steps = steps
        self.joins = joins  # the outputs of all steps, or else keeps the last ones
        self.one_by_one: bool | None = None  # not known before the first step
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
        if self.one_by_one is None:
            self.prepare(state, batch_of(batches, 0))
        count = number_of_rows(batches)
        if count > 1 and not self.one_by_one:
            # One program for every count: the batches are filled up to the most so far.
            self.capacity = max(self.capacity, count)
            filled = jax.tree.map(lambda a: fill_up(a, self.capacity), batches)
            outputs, state = self.several(state, filled, count)
            if self.joins and count < self.capacity:
                outputs = jax.tree.map(
                    lambda a: a[: len(a) * count // self.capacity], outputs
                )
            return [outputs], state
        outputs = []
        for number in range(count):
            output, state = self.single(state, batch_of(batches, number))
            outputs.append(output)
        return outputs, state

    def prepare(self, state: Any, batch: Any) -> None:
        """Choose how to run the step, by what there is in it."""
        # As another function each time: JAX takes a method for the one that it has traced
        # before, though the model may have been compiled with another loss since.
        step = jax.jit(functools.partial(self.step))
        program = step.trace(state, batch).jaxpr
        on_cpu = jax.default_backend() == "cpu"
        if on_cpu and has_slow_operations(program):
            step = jax.jit(with_fast_operations(step))
        self.single = jax.jit(step, donate_argnums=0)
        self.several = jax.jit(
            functools.partial(run_several, step, self.joins),
            donate_argnums=0,
            compiler_options=loop_options() if on_cpu else None,
        )
        self.one_by_one = on_cpu and has_convolution(program)


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


def has_convolution(program: Any) -> bool:
    """Tell whether a traced step has one; XLA makes loops of them slow on a CPU."""
    names = (equation.primitive.name for equation in equations(program))
    return "conv_general_dilated" in names
