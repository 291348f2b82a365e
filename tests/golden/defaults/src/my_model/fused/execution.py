"""An execution: some steps in one compiled program, on the batches of a chunk."""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .chunks import number_of_rows

Step = Callable[[Any, Any], tuple[Any, Any]]  # state, batch -> outputs, new state


@dataclasses.dataclass(eq=False)
class FusedFunction:
    """Runs the steps of a chunk from an iterator, or one step on a batch."""

    step: Step
    on_new_state: Callable[[Any], None]
    concatenate: bool  # the outputs of all steps, or else return the last
    loops: bool = True  # False where a loop is slower, or not possible
    num_values: int = -1  # in the state that it was compiled for
    last_result: Any = None

    def __call__(self, state: Any, iterator: Iterator[Any]) -> tuple[Any, Any]:
        """Return the outputs and the new state; raises StopIteration at the end."""
        self.on_new_state(state)
        outputs: list[Any] = []
        for program, batches in self.parts(state, next(iterator)):
            results: list[Any] = []
            try:
                # In one go: Ctrl-C may come between a call and the assignment after it.
                results.extend(map(program, [state], [batches]))
            finally:
                if results:
                    self.on_new_state(results[0][1])
            output, state = results[0]
            outputs.append(output)
        result = outputs[-1]
        if self.concatenate and len(outputs) > 1:
            result = jax.tree.map(lambda *a: jnp.concatenate(a), *outputs)
        # The next rows are gathered in the meantime, but not those of a whole epoch.
        jax.block_until_ready(self.last_result)
        self.last_result = result
        return result, state

    def parts(self, state: Any, chunk: Any) -> Iterator[tuple[Step, Any]]:
        """Yield the programs to run, each with its batch or its stack of batches."""
        if not isinstance(chunk, list):  # a batch of `train_on_batch()` and its like
            self.prepare(state, lambda: chunk)
            yield self.single, chunk
            return
        self.prepare(state, lambda: batch_of(chunk[0], 0))
        if not self.loops:
            chunk = jax.tree.map(np.asarray, chunk)  # no copy on a CPU
        for batches in chunk:
            count = number_of_rows(batches)
            if count > 1 and self.loops:
                yield self.several, batches
            else:
                yield from ((self.single, batch_of(batches, n)) for n in range(count))

    def prepare(self, state: Any, batch: Callable[[], Any]) -> None:
        """Compile the step, unless that is done, as it is best on this device."""
        num_values = len(jax.tree.leaves(state))
        if num_values == self.num_values:
            return
        # A new function each time: of an old one, JAX keeps the trace with the old loss.
        step = jax.jit(functools.partial(self.step))
        traced: Any = step.trace(state, batch())
        # Not so where metrics make their variables in the first step.
        same = len(jax.tree.leaves(traced.out_info[1])) == num_values
        options: dict[str, Any] = {"donate_argnums": 0}
        self.single = jax.jit(step, **options)
        several = functools.partial(run_several, step, self.concatenate)
        self.several = jax.jit(several, **options)
        # XLA makes convolutions in a loop slow on a CPU.
        slow = jax.default_backend() == "cpu" and "conv_general" in str(traced.jaxpr)
        self.loops = same and not slow
        self.num_values = num_values


def run_several(
    step: Step, concatenate: bool, state: Any, batches: Any
) -> tuple[Any, Any]:
    """Run a step on each of some stacked batches; to be compiled."""
    output, _ = jax.eval_shape(step, state, batch_of(batches, 0))

    def body(carry: Any, batch: Any) -> tuple[Any, Any]:
        # Kept apart, or XLA compiles both together, and may round in another way.
        batch = jax.lax.optimization_barrier(batch)
        values, structure = jax.tree.flatten(carry)
        new = jax.tree.leaves(step(carry[1], batch))
        # A loop keeps its types, where a step may widen those of some variables.
        new = [jnp.asarray(a, b.dtype) for a, b in zip(new, values, strict=True)]
        carry = jax.tree.unflatten(structure, new)
        return carry, carry[0] if concatenate else None

    # The last output is carried: XLA on a CPU makes slow code of a stack of all.
    carry = jax.tree.map(jnp.zeros_like, output), state
    (output, state), outputs = jax.lax.scan(body, carry, batches)
    if concatenate:
        output = jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), outputs)
    return output, state


def batch_of(batches: Any, number: int) -> Any:
    """Return one of some stacked batches."""
    return jax.tree.map(lambda array: array[number], batches)
