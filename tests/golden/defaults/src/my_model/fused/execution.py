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
        chunk = next(iterator)
        if not isinstance(chunk, list):  # of `train_on_batch()` and its like
            self.prepare(state, lambda: chunk)
            return self.call(self.single, state, chunk)
        outputs: list[Any] = []
        for batches in chunk:
            count = number_of_rows(batches)
            self.prepare(state, functools.partial(batch_of, batches, 0))
            if not self.loops:
                batches = jax.tree.map(np.asarray, batches)  # no copy on a CPU
            if count > 1 and self.loops:
                parts = [(self.several, batches)]
            else:
                parts = [(self.single, batch_of(batches, n)) for n in range(count)]
            for program, part in parts:
                output, state = self.call(program, state, part)
                outputs.append(output)
        result = outputs[-1]
        if self.concatenate and len(outputs) > 1:
            result = jax.tree.map(lambda *a: jnp.concatenate(a), *outputs)
        # The next rows are gathered in the meantime, but not those of a whole epoch.
        jax.block_until_ready(self.last_result)
        self.last_result = result
        return result, state

    def call(self, program: Step, state: Any, batch: Any) -> tuple[Any, Any]:
        """Run a program, which takes the old state's memory, and keep the new state."""
        results: list[Any] = []
        try:
            # In one go: Ctrl-C may come between a call and the assignment after it.
            results.extend(map(program, [state], [batch]))
        finally:
            if results:
                self.on_new_state(results[0][1])
        return results[0]

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
        self.several = jax.jit(several, compiler_options=loop_options(), **options)
        # XLA makes convolutions in a loop slow on a CPU.
        slow = jax.default_backend() == "cpu" and "conv_general" in str(traced.jaxpr)
        self.loops = same and not slow
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
    join = (lambda a: a.reshape(-1, *a.shape[2:])) if concatenate else (lambda a: a[-1])
    return jax.tree.map(join, outputs), jax.tree.unflatten(structure, values)


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
