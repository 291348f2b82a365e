"""An execution: some steps in one compiled program, on the batches of a chunk."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .chunks import Chunk
from .rows import number_of_rows

Step = Callable[[Any, Any], tuple[Any, Any]]  # state, batch -> outputs, new state

MAX_PENDING = 2  # chunks that the device still works on


class FusedFunction:
    """Runs the steps of a chunk from an iterator, or one step on a batch."""

    def __init__(
        self,
        step: Step,
        on_new_state: Callable[[Any], None],
        concatenate: bool = False,  # the outputs of all steps, or else return the last
    ) -> None:
        self.step = step
        self.on_new_state = on_new_state
        self.concatenate = concatenate
        self.one_by_one = False  # True where a loop would be slower
        self.loops = False
        self.num_values = -1  # in the state that it was compiled for
        self.pending: deque[Any] = deque()

    def __call__(self, state: Any, iterator: Iterator[Any]) -> tuple[Any, Any]:
        """Return the outputs and the new state; raises StopIteration at the end."""
        self.on_new_state(state)
        item = next(iterator)
        if not isinstance(item, Chunk):  # of `train_on_batch()` and its like
            self.prepare(state, item)
            return self.call(self.single, state, item)
        outputs: list[Any] = []
        for batches in item.stacks:
            some, state = self.run(state, batches)
            outputs += some
        result = outputs[-1]
        if self.concatenate and len(outputs) > 1:
            result = jax.tree.map(lambda *a: jnp.concatenate(a), *outputs)
        # The next rows are gathered in the meantime, but not those of a whole epoch.
        self.pending.append(result)
        if len(self.pending) > MAX_PENDING:
            jax.block_until_ready(self.pending.popleft())
        return result, state

    def run(self, state: Any, batches: Any) -> tuple[list[Any], Any]:
        """Run a step on each of some batches of one size, stacked."""
        count, outputs = number_of_rows(batches), []
        self.prepare(state, batch_of(batches, 0))
        if count > 1 and self.loops:
            output, state = self.call(self.several, state, batches)
            return [output], state
        if self.one_by_one:
            batches = jax.tree.map(np.asarray, batches)  # no copy on a CPU
        for number in range(count):
            output, state = self.call(self.single, state, batch_of(batches, number))
            outputs.append(output)
        return outputs, state

    def call(self, program: Step, state: Any, *others: Any) -> tuple[Any, Any]:
        """Run a program, which takes the old state's memory, and keep the new state."""
        results: list[Any] = []
        try:
            # In one go: Ctrl-C may come between a call and the assignment after it.
            results.extend(map(program, (state,), *zip(others)))
        finally:
            if results:
                self.on_new_state(results[0][1])
        return results[0]

    def prepare(self, state: Any, batch: Any) -> None:
        """Compile the step, unless that is done, as it is best on this device."""
        num_values = len(jax.tree.leaves(state))
        if num_values == self.num_values:
            return
        # As another function each time: JAX takes a method for the one that it has traced
        # before, though the model may have been compiled with another loss since.
        step = jax.jit(functools.partial(self.step))
        traced: Any = step.trace(state, batch)
        self.single = jax.jit(step, donate_argnums=0)
        self.several = jax.jit(
            functools.partial(run_several, step, self.concatenate),
            donate_argnums=0,
            compiler_options=loop_options(),
        )
        # XLA makes convolutions in a loop slow on a CPU.
        on_cpu = jax.default_backend() == "cpu"
        self.one_by_one = on_cpu and "conv_general_dilated" in str(traced.jaxpr)
        # Some metrics make their variables in the first step.
        same = len(jax.tree.leaves(traced.out_info[1])) == num_values
        self.loops = same and not self.one_by_one
        self.num_values = num_values


def run_several(
    step: Step, concatenate: bool, state: Any, batches: Any
) -> tuple[Any, Any]:
    """Run a step on each of some stacked batches; to be compiled."""
    structure = jax.tree.structure(state)

    def body(values: list[Any], batch: Any) -> tuple[list[Any], Any]:
        # Kept apart, or XLA compiles both together, and may round in another way.
        batch = jax.lax.optimization_barrier(batch)
        output, state = step(jax.tree.unflatten(structure, values), batch)
        # A loop keeps its types, where a step may widen those of some variables.
        new = zip(jax.tree.leaves(state), values, strict=True)
        return [jnp.asarray(value, old.dtype) for value, old in new], output

    values, outputs = jax.lax.scan(body, jax.tree.leaves(state), batches)
    if concatenate:
        outputs = jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), outputs)
    else:
        outputs = jax.tree.map(lambda a: a[-1], outputs)
    return outputs, jax.tree.unflatten(structure, values)


def batch_of(batches: Any, number: int) -> Any:
    """Return one of some stacked batches."""
    return jax.tree.map(lambda array: array[number], batches)


@functools.cache
def loop_options() -> dict[str, bool] | None:
    """Return the compiler options for a loop, or None where XLA knows none of them."""
    if jax.default_backend() != "cpu":
        return None
    # Otherwise it copies the weights in every step, where it could write over them.
    options = {"xla_cpu_copy_insertion_use_region_analysis": True}
    try:
        jax.jit(lambda: 0, compiler_options=options)()
    except RuntimeError:
        return None
    return options
