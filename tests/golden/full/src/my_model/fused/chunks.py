"""Data in chunks: the batches of an execution at once, and the steps per execution.

Keras reads batch by batch, in Python. Here it reads the rows of many batches in one go,
in the same order. A chunk is a list: batches of one size are stacked in one item.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from .keras_internals import DataAdapter, EpochIterator

CHUNK_BYTES = 8 * 2**20  # a few chunks are in memory at a time
# Ctrl-C and the progress bar wait for the end of an execution. A small model may run
# more steps: up to CHUNK_WORK, which is steps times weights.
CHUNK_STEPS = 256
CHUNK_WORK = CHUNK_STEPS * 100_000
UNKNOWN_STEPS = 8  # if the size of a batch is unknown


class Chunks(DataAdapter):
    """Data in chunks, as Keras takes it in the place of `x`, `y` and `sample_weight`."""

    # They take the place of properties of `DataAdapter`.
    num_batches: Any = None  # in an epoch, if it is known
    batch_size: Any = None  # if any number of rows can be read

    def __init__(
        self,
        data: Any,  # x, y and weights
        batch_size: int | None,
        num_batches: int | None,  # in an epoch, if it is limited
        built: bool = False,  # or Keras asks for a batch first, to build the model
        **options: Any,  # shuffle and class_weight
    ) -> None:
        self.steps = 1  # per execution
        self.data = data
        self.options = options
        self.built = built
        iterator = EpochIterator(*data, batch_size, num_batches, **options)
        self.adapter = iterator.data_adapter
        self.num_batches = self.adapter.num_batches
        leaves = [leaf for leaf in keras.tree.flatten(data) if leaf is not None]
        dense = all(hasattr(leaf, "nbytes") for leaf in leaves)
        self.are_arrays = dense and options.get("shuffle") != "batch"
        if self.are_arrays:
            self.batch_size = self.adapter.batch_size
        elif hasattr(data[0], "rows_between") and not any(options.values()):
            self.batch_size = data[0].batch_size

    def set_steps(self, steps: int) -> None:
        """Set how many steps are in an execution."""
        self.steps = steps
        if self.are_arrays:
            # Keras draws the order of all rows at once, so that it stays the same.
            size = self.batch_size * steps
            self.adapter = EpochIterator(*self.data, size, **self.options).data_adapter

    def get_jax_iterator(self, super_batch: int | None = None) -> Iterator[Any]:
        """Return chunks, or batches to build the model with."""
        items, size = iter(self.adapter.get_jax_iterator()), self.batch_size
        if not self.built or self.steps == 1:
            return (jax.tree.map(lambda a: a[:size], item) for item in items)
        if size is None:
            return stacked(items, self.steps)
        if not self.are_arrays:
            length, data_set = size * self.steps, self.data[0]
            starts = range(0, data_set.num_rows, length)
            items = (data_set.rows_between(n, n + length) for n in starts)
        return (split(rows, size) for rows in items)

    def on_epoch_begin(self) -> None:
        """Forward it to Keras' adapter."""
        self.adapter.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Forward it; the first call comes when the model is built."""
        self.built = True
        self.adapter.on_epoch_end()


def split(rows: Any, size: int) -> list[Any]:
    """Return rows as a stack of whole batches and a stack of the partial one."""
    whole, rest = divmod(number_of_rows(rows), size)
    end, new = whole * size, (whole, size)
    stacks = [jax.tree.map(lambda a: a[:end].reshape(*new, *a.shape[1:]), rows)]
    partial = [jax.tree.map(lambda a: a[None, end:], rows)] if rest else []
    return stacks + partial if whole else partial


def stacked(batches: Iterator[Any], steps: int) -> Iterator[list[Any]]:
    """Yield chunks of `steps` batches, stacked on the host or on the device."""

    def stack(*arrays: Any) -> Any:
        return (np if isinstance(arrays[0], np.ndarray) else jnp).stack(arrays)

    def shapes(batch: Any) -> Any:
        return jax.tree.flatten(jax.tree.map(jax.typeof, batch))

    while chunk := list(itertools.islice(batches, steps)):
        groups = (group for _, group in itertools.groupby(chunk, shapes))
        yield [jax.tree.map(stack, *group) for group in groups]


def number_of_rows(data: Any) -> int:
    """Return the length of the arrays' first axis."""
    return len(jax.tree.leaves(data)[0])


def choose_steps(
    model: keras.Model, chunks: Chunks, rows: int, callbacks: Any, *limits: int | None
) -> int:
    """Return K: an epoch if it is not too long, and 1 if a callback works by batches.

    K divides all `limits` on the number of steps, so that no limit is exceeded. `rows`
    are those of the largest batch.
    """
    flat = keras.tree.flatten(getattr(callbacks, "callbacks", callbacks))
    if any(map(works_by_batches, flat)):
        return 1
    steps = UNKNOWN_STEPS
    if chunks.batch_size and chunks.num_batches:
        data = chunks.data if chunks.are_arrays else chunks.data[0].rows_between(0, 1)
        row_bytes = sum(a.nbytes for a in jax.tree.leaves(data)) / number_of_rows(data)
        fitting = int(CHUNK_BYTES / max(1, row_bytes * rows))
        # The number of weights is unknown before the model is built.
        work = CHUNK_WORK // max(1, model.count_params()) if model.built else 0
        steps = max(1, min(chunks.num_batches, fitting, max(CHUNK_STEPS, work)))
    divisible = math.gcd(*(limit or 0 for limit in limits))
    return next(k for k in range(steps, 0, -1) if divisible % k == 0)


def works_by_batches(callback: Any) -> bool:
    """Return whether a callback does anything before or after a batch."""
    # Keras' own callbacks that save do nothing in these hooks if they save by epochs.
    by_epochs = getattr(callback, "save_freq", None) == "epoch"
    for hook, default in vars(keras.callbacks.Callback).items():
        method = getattr(callback, hook, default)
        changed = "batch" in hook and getattr(method, "__func__", method) is not default
        if changed and not (by_epochs and method.__module__.startswith("keras.")):
            return True
    return False
