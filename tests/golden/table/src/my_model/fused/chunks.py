"""Data in chunks: all batches of an execution at once.

Keras reads batch by batch, in Python. Here it reads the rows of many batches in one go,
in the same order. A chunk is a list: batches of one size are stacked in one item.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from .keras_names import DataAdapter, EpochIterator


class Chunks(DataAdapter):
    """Data in chunks, as Keras takes it in the place of `x`, `y` and `sample_weight`."""

    num_batches: Any = None  # in an epoch, if it is known
    batch_size: Any = None  # if any number of rows can be read

    def __init__(
        self,
        data: Any,  # x, y and weights
        *size: int | None,  # rows in a batch and steps in an epoch
        built: bool = False,  # or Keras asks for a batch first, to build the model
        **options: Any,  # shuffle and class_weight
    ) -> None:
        self.steps = 1  # per execution
        self.data = data
        self.options = options
        self.built = built
        self.adapter = EpochIterator(*data, *size, **options).data_adapter
        self.num_batches = self.adapter.num_batches
        leaves = [leaf for leaf in keras.tree.flatten(data) if leaf is not None]
        dense = all(hasattr(leaf, "nbytes") for leaf in leaves)
        self.are_arrays = dense and options.get("shuffle") != "batch"
        if self.are_arrays:
            self.batch_size = self.adapter.batch_size
        elif hasattr(data[0], "rows") and not any(options.values()):
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
            items = (data_set.rows(start, start + length) for start in starts)
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
    end, stacks = whole * size, []
    if whole:
        new = (whole, size)
        stacks.append(jax.tree.map(lambda a: a[:end].reshape(*new, *a.shape[1:]), rows))
    if rest:
        stacks.append(jax.tree.map(lambda a: a[None, end:], rows))
    return stacks


def stacked(batches: Iterator[Any], steps: int) -> Iterator[list[Any]]:
    """Yield chunks of `steps` batches."""
    while some := list(itertools.islice(batches, steps)):
        groups = (group for _, group in itertools.groupby(some, shapes_of))
        yield [jax.tree.map(stack, *group) for group in groups]


def shapes_of(batch: Any) -> Any:
    """Return a key; batches with the same key can be stacked."""
    leaves, structure = jax.tree.flatten(batch)
    return structure, [(leaf.shape, leaf.dtype) for leaf in leaves]


def stack(*arrays: Any) -> Any:
    """Stack arrays where they are: on the host or on the device."""
    on_host = all(isinstance(array, np.ndarray) for array in arrays)
    return (np if on_host else jnp).stack(arrays)


def number_of_rows(data: Any) -> int:
    """Return the length of the arrays' first axis, 0 if there is no array."""
    return next((int(array.shape[0]) for array in jax.tree.leaves(data)), 0)
