"""Data for `fit()` in chunks: all batches of an execution at once.

Keras would read them batch by batch, in Python. Here many rows are read in one go, in
the order in which Keras would read them.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np

from .keras_names import DataAdapter, get_data_adapter
from .rows import ArrayRows, are_arrays, number_of_rows


class Chunk(NamedTuple):
    """The batches of an execution: those of one size are stacked."""

    stacks: tuple[Any, ...]


class Chunks(DataAdapter):
    """Data in chunks, as Keras takes it in the place of `x`, `y` and `sample_weight`."""

    def __init__(
        self,
        data: Any,  # x, y and weights
        batch_size: int | None,
        steps_per_epoch: int | None,
        *,
        built: bool = False,  # or Keras asks for a batch first, to build the model
        **options: Any,  # shuffle and class_weight
    ) -> None:
        self.steps = 1  # per execution
        self.data = data
        self.size = batch_size, steps_per_epoch
        self.options = options
        self.built = built
        plain = not options.get("class_weight")
        by_batches = options.get("shuffle") == "batch"
        self.are_arrays = plain and not by_batches and are_arrays(data)
        is_data_set = isinstance(data[0], keras.utils.PyDataset)
        of_rows = is_data_set and plain and hasattr(data[0], "rows")
        self.by_rows = self.are_arrays or (of_rows and not options.get("shuffle"))

    @functools.cached_property
    def source(self) -> Any:
        """What the data come from. Creating it consumes a generator's first batch."""
        if self.are_arrays:
            batch_size, steps = self.size
            most = min(
                steps or math.inf, keras.config.max_steps_per_epoch() or math.inf
            )
            batch_size = batch_size or math.ceil(number_of_rows(self.data) / most) or 32
            return ArrayRows(self.data, batch_size, bool(self.options.get("shuffle")))
        if self.by_rows:
            return self.data[0]
        return get_data_adapter(*self.data, *self.size, **self.options)

    @property
    def num_batches(self) -> int | None:
        """Number of steps in an epoch, if it is known."""
        return self.source.num_batches

    def get_jax_iterator(self, super_batch: int | None = None) -> Iterator[Any]:
        """Return chunks, or batches to build the model with."""
        if not self.by_rows:
            batches = iter(self.source.get_jax_iterator())
            return stacked(batches, self.steps) if self.built else batches
        size = self.source.batch_size
        length = size * self.steps if self.built else size
        starts = range(0, self.source.num_rows, length)
        rows = (self.source.rows(start, start + length) for start in starts)
        return (Chunk(split(each, size)) for each in rows) if self.built else rows

    def on_epoch_begin(self) -> None:
        """Forward it to the source."""
        self.source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Forward it to the source; the first call comes when the model is built."""
        self.built = True
        self.source.on_epoch_end()


def split(rows: Any, size: int) -> tuple[Any, ...]:
    """Return rows as a stack of whole batches and a stack of the partial one."""
    whole, rest = divmod(number_of_rows(rows), size)
    end, stacks = whole * size, []
    if whole:
        new = (whole, size)
        stacks.append(jax.tree.map(lambda a: a[:end].reshape(*new, *a.shape[1:]), rows))
    if rest:
        stacks.append(jax.tree.map(lambda a: a[None, end:], rows))
    return tuple(stacks)


def stacked(batches: Iterator[Any], steps: int) -> Iterator[Chunk]:
    """Yield chunks of `steps` batches."""
    while some := list(itertools.islice(batches, steps)):
        groups = (group for _, group in itertools.groupby(some, shapes_of))
        yield Chunk(tuple(jax.tree.map(stack, *group) for group in groups))


def shapes_of(batch: Any) -> Any:
    """Return a key; batches with the same key can be stacked."""
    leaves, structure = jax.tree.flatten(batch)
    return structure, [(leaf.shape, leaf.dtype) for leaf in leaves]


def stack(*arrays: Any) -> Any:
    """Stack arrays where they are: on the host or on the device."""
    on_host = all(isinstance(array, np.ndarray) for array in arrays)
    return (np if on_host else jnp).stack(arrays)
