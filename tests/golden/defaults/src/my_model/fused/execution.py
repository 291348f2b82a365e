"""An execution: some steps in one compiled program, on the batches of a chunk."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .chunks import Chunk, number_of_rows

Step = Callable[[Any, Any], tuple[Any, Any]]  # state, batch -> outputs, new state

CHUNKS_UNDER_WAY = 2


class FusedFunction:
    """Runs the steps of a chunk from an iterator, or one step on a batch."""

    def __init__(
        self,
        step: Step,
        keep: Callable[[Any], None],  # called with each new state
        joins: bool = False,  # the outputs of all steps, or else returns the last ones
    ) -> None:
        self.step, self.keep, self.joins = step, keep, joins
        self.one_by_one = False  # since that is faster
        self.loops = False
        self.values = -1  # how many there were in the state
        self.capacity = 1
        self.under_way: deque[Any] = deque()

    def __call__(self, state: Any, iterator: Iterator[Any]) -> tuple[Any, Any]:
        """Return the outputs and the new state; raises StopIteration at the end."""
        item = next(iterator)
        if not isinstance(item, Chunk):  # of `train_on_batch()` and its like
            self.prepare(state, item)
            return self.call(self.single, state, item)
        outputs: list[Any] = []
        for batches in item.stacks:
            some, state = self.run(state, batches)
            outputs += some
        result = outputs[-1]
        if self.joins and len(outputs) > 1:
            result = jax.tree.map(lambda *a: jnp.concatenate(a), *outputs)
        # The next rows are gathered in the meantime, but not those of a whole epoch.
        self.under_way.append(result)
        if len(self.under_way) > CHUNKS_UNDER_WAY:
            jax.block_until_ready(self.under_way.popleft())
        return result, state

    def run(self, state: Any, batches: Any) -> tuple[list[Any], Any]:
        """Run a step on each of some batches of one size, stacked."""
        count, outputs = number_of_rows(batches), []
        self.prepare(state, batch_of(batches, 0))
        if count == 1 or not self.loops:
            if self.one_by_one:
                batches = jax.tree.map(np.asarray, batches)  # no copy on a CPU
            for number in range(count):
                output, state = self.call(self.single, state, batch_of(batches, number))
                outputs.append(output)
            return outputs, state
        # One program for every count: batches are filled up to the largest so far.
        self.capacity = max(self.capacity, count)
        filled = jax.tree.map(lambda a: fill_up(a, self.capacity), batches)
        output, state = self.call(self.several, state, filled, count)
        if self.joins and count < self.capacity:
            output = jax.tree.map(
                lambda a: a[: len(a) * count // self.capacity], output
            )
        return [output], state

    def call(self, program: Step, state: Any, *others: Any) -> tuple[Any, Any]:
        """Run a program, which takes the old state's memory, and keep the new state."""
        results: list[Any] = []
        try:
            # In one go: Ctrl-C may come between a call and the assignment after it.
            results.extend(map(program, (state,), *zip(others)))
        finally:
            if results:
                self.keep(results[0][1])
        return results[0]

    def prepare(self, state: Any, batch: Any) -> None:
        """Compile the step, unless that is done, as it is best on this device."""
        values = len(jax.tree.leaves(state))
        if values == self.values:
            return
        # As another function each time: JAX takes a method for the one that it has traced
        # before, though the model may have been compiled with another loss since.
        step = jax.jit(functools.partial(self.step))
        traced: Any = step.trace(state, batch)
        self.single = jax.jit(step, donate_argnums=0)
        self.several = jax.jit(
            functools.partial(run_several, step, self.joins), donate_argnums=0
        )
        # XLA makes convolutions in a loop slow on a CPU.
        on_cpu = jax.default_backend() == "cpu"
        self.one_by_one = on_cpu and "conv_general_dilated" in str(traced.jaxpr)
        # Some metrics make their variables in the first step.
        keeps = len(jax.tree.leaves(traced.out_info[1])) == values
        self.loops = keeps and not self.one_by_one
        self.values = values


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


def batch_of(batches: Any, number: Any) -> Any:
    """Return one of some stacked batches."""
    return jax.tree.map(lambda array: array[number], batches)


def fill_up(array: Any, count: int) -> Any:
    """Append zeros until there are `count` rows."""
    if len(array) == count:
        return array
    on = np if isinstance(array, np.ndarray) else jnp
    rest = on.zeros((count - len(array), *array.shape[1:]), array.dtype)
    return on.concatenate([array, rest])
