"""Data for `fit()` in chunks: all batches of an execution at once.

Keras still reads the data, in its own order. It would read them batch by batch, in
Python; here, arrays are read by as many rows as an execution takes.
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

# All that is needed of Keras without being documented. Where a name is missing, steps
# are left to Keras, and `describe_execution()` says so.
ATTRIBUTES = ("_flatten_layers", "_get_jax_state", "_jax_state_synced")
try:
    from keras.src.trainers.data_adapters import get_data_adapter
    from keras.src.trainers.data_adapters.array_slicing import train_validation_split
    from keras.src.trainers.data_adapters.data_adapter import DataAdapter
except ImportError:
    DataAdapter, get_data_adapter, train_validation_split = object, None, None


def missing_in_keras(model: keras.Model) -> list[str]:
    """Return the names that this version of Keras does not have."""
    missing = [] if get_data_adapter else ["keras.src.trainers.data_adapters"]
    return missing + [name for name in ATTRIBUTES if not hasattr(model, name)]


class Chunk(NamedTuple):
    """The batches of an execution: those of one size are stacked."""

    stacks: tuple[Any, ...]


class Chunks(DataAdapter):
    """Data in chunks, as Keras takes it in the place of `x`, `y` and `sample_weight`."""

    def __init__(
        self,
        data: tuple[Any, Any, Any],
        steps: int,  # per execution
        on_device: bool,
        batch_size: int | None,
        steps_per_epoch: int | None,
        *,
        built: bool = False,  # or Keras asks for a batch first, to build the model
        **options: Any,  # shuffle and class_weight
    ) -> None:
        self.data, self.steps, self.on_device = data, steps, on_device
        self.given, self.options = (batch_size, steps_per_epoch), options
        self.built = built
        by_rows = options.get("shuffle") != "batch"
        self.size = batch_size_of(data, batch_size, steps_per_epoch) if by_rows else 0

    @functools.cached_property
    def adapter(self) -> Any:
        """Keras' own adapter: of batches, or of all rows of an execution."""
        if not self.size:
            return get_data_adapter(*self.data, *self.given, **self.options)
        # The order does not depend on the batch size: it is drawn for all rows at once.
        data = keras.tree.map_structure(
            lambda array: as_rows(array, self.on_device), self.data
        )
        return get_data_adapter(*data, self.size * self.steps, **self.options)

    @property
    def num_batches(self) -> int | None:
        """Number of steps in an epoch, if it is known."""
        if not self.size:
            return self.adapter.num_batches
        return math.ceil(number_of_rows(self.data) / self.size)

    def get_jax_iterator(self, super_batch: int | None = None) -> Iterator[Any]:
        """Return chunks, or batches to build the model with."""
        items = self.adapter.get_jax_iterator()
        if not self.built:
            end = self.size or None
            return (jax.tree.map(lambda a: a[:end], item) for item in items)
        if self.size:
            return (Chunk(split(item, self.size)) for item in items)
        return stacked(items, self.steps)

    def on_epoch_begin(self) -> None:
        """Pass it on."""
        self.adapter.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Pass it on; the first call comes when the model is built."""
        self.built = True
        self.adapter.on_epoch_end()


def split(rows: Any, size: int) -> tuple[Any, ...]:
    """Return rows as a stack of whole batches and a stack of the partial one."""
    whole, rest = divmod(number_of_rows(rows), size)
    end, stacks = whole * size, []
    if whole:
        shape = (whole, size)
        stacks.append(
            jax.tree.map(lambda a: a[:end].reshape(*shape, *a.shape[1:]), rows)
        )
    if rest:
        stacks.append(jax.tree.map(lambda a: a[None, end:], rows))
    return tuple(stacks)


def stacked(batches: Iterator[Any], steps: int) -> Iterator[Chunk]:
    """Yield chunks of so many batches."""
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


class Rows(np.ndarray):
    """An array from which Keras takes rows, faster than `array[rows]` is."""

    on_device: Any = None

    def __getitem__(self, rows: Any) -> Any:
        """Return a plain array of some rows."""
        array = self.view(np.ndarray) if self.on_device is None else self.on_device
        if not isinstance(rows, np.ndarray):
            return array[rows]
        on = np if self.on_device is None else jnp
        return on.take(array, rows, axis=0, mode="clip")


def as_rows(array: Any, on_device: bool) -> Any:
    """Return a plain array as `Rows`, and anything else as it is."""
    if type(array) is not np.ndarray or not array.dtype.isnative:
        return array
    if array.dtype.kind == "f":  # as Keras does
        array = array.astype(keras.config.floatx(), copy=False)
    rows = array.view(Rows)
    if on_device:
        rows.on_device = jnp.asarray(array)
    return rows


def batch_size_of(
    data: Any, batch_size: int | None, steps_per_epoch: int | None
) -> int:
    """Return the batch size that Keras takes for arrays; 0 for any other data."""
    arrays = [leaf for leaf in keras.tree.flatten(data) if leaf is not None]
    are_arrays = (hasattr(a, "__array__") and getattr(a, "shape", ()) for a in arrays)
    if not arrays or not all(are_arrays):
        return 0
    most = keras.config.max_steps_per_epoch()
    steps = min(steps_per_epoch or most, most) if most else steps_per_epoch
    rows = number_of_rows(data)
    return batch_size or (max(1, math.ceil(rows / steps)) if steps else 32)


def number_of_rows(data: Any) -> int:
    """Return the length of the arrays' first axis, 0 if there is no array."""
    return next((int(array.shape[0]) for array in jax.tree.leaves(data)), 0)
