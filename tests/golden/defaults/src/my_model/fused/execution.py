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

MODEL_VARIABLES = ("trainable_variables", "non_trainable_variables")
STATES = {  # what is in the state of a function, as Keras calls it
    "train": (*MODEL_VARIABLES, "optimizer_variables", "metrics_variables"),
    "test": (*MODEL_VARIABLES, "metrics_variables"),
    "predict": MODEL_VARIABLES,
}


@dataclasses.dataclass(eq=False)
class FusedFunction:
    """Runs the steps of a chunk from an iterator, or one step on a batch."""

    model: Any
    kind: str  # predict: returns the outputs of all steps, or else of the last one
    step: Step
    loops: bool = True  # False where a loop is slow, or not possible
    slow_in_loop: bool = False
    num_values: int = -1  # in the state that it was compiled for
    last_result: Any = None

    def __call__(self, state: Any, iterator: Iterator[Any]) -> tuple[Any, Any]:
        """Return the outputs and the new state; raises StopIteration at the end."""
        self.keep(state)
        chunk = next(iterator)
        outputs: list[Any] = []
        last = [(None, state)]  # an output, and the state after it
        try:
            for program, batches in self.programs(state, chunk):
                # In one go: Ctrl-C may come between a call and the assignment after it.
                last[:] = map(program, [last[0][1]], [batches])
                outputs.append(last[0][0])
            self.keep(last[0][1])
        except BaseException:
            self.keep(last[0][1])
            self.model.jax_state_sync()
            raise
        result = outputs[-1]
        if self.kind == "predict" and len(outputs) > 1:
            result = jax.tree.map(lambda *a: jnp.concatenate(a), *outputs)
        # At most one execution ahead: the next rows are gathered in the meantime, but
        # not those of a whole epoch.
        jax.block_until_ready(self.last_result)
        self.last_result = result
        return result, last[0][1]

    def keep(self, state: Any) -> None:
        """Put the state where Keras takes it from, to write it back to the variables."""
        # Not with setattr, after which Keras would track the arrays.
        self.model.__dict__["_jax_state"] = dict(zip(STATES[self.kind], state))

    def programs(self, state: Any, chunk: Any) -> Iterator[tuple[Step, Any]]:
        """Yield the programs to run, each with its batch or its stack of batches."""
        self.prepare(state, chunk)
        if not isinstance(chunk, list):  # a batch of `train_on_batch()` and its like
            yield self.single, chunk
            return
        if not self.loops:
            chunk = jax.tree.map(np.asarray, chunk)  # no copy on a CPU
        for batches in chunk:
            count = number_of_rows(batches)
            if count > 1 and self.loops:
                yield self.several, batches
            else:
                yield from ((self.single, batch_of(batches, n)) for n in range(count))

    def prepare(self, state: Any, chunk: Any) -> None:
        """Compile the step, unless that is done, as it is best on this device."""
        num_values = len(jax.tree.leaves(state))
        if num_values == self.num_values:
            return
        # A new function each time: JAX keeps traces by function, the old loss in them.
        step = jax.jit(functools.partial(self.step))
        batch = batch_of(chunk[0], 0) if isinstance(chunk, list) else chunk
        traced: Any = step.trace(state, batch)
        # False if metrics make their variables in this step.
        same = len(jax.tree.leaves(traced.out_info[1])) == num_values
        options: dict[str, Any] = {"donate_argnums": 0}
        self.single = jax.jit(step, **options)
        several = functools.partial(scan_steps, step, self.kind == "predict")
        self.several = jax.jit(several, **options)
        # XLA makes convolutions in a loop slow on a CPU.
        on_cpu = jax.default_backend() == "cpu"
        self.slow_in_loop = on_cpu and "conv_general" in str(traced.jaxpr)
        self.loops = same and not self.slow_in_loop
        self.num_values = num_values


def scan_steps(
    step: Step, concatenate: bool, state: Any, batches: Any
) -> tuple[Any, Any]:
    """Run a step on each of some stacked batches; to be compiled."""
    output, _ = jax.eval_shape(step, state, batch_of(batches, 0))

    def body(carry: Any, batch: Any) -> tuple[Any, Any]:
        # Without the barrier XLA joins the slice to the step, which may round otherwise.
        batch = jax.lax.optimization_barrier(batch)
        values, structure = jax.tree.flatten(carry)
        new = jax.tree.leaves(step(carry[1], batch))
        # The types of a loop are constant, but a step may widen those of variables.
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
