"""Arrays, fed to `fit()` in chunks of many batches instead of batch by batch."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np


class Rows(NamedTuple):
    """What `keras.utils.unpack_x_y_sample_weight` gives."""

    x: Any
    y: Any
    sample_weight: Any


class Chunk(Rows):
    """The rows of some batches, one batch after the other; the last may be short.

    Keras hands it on as the batch that it looks like, and rebuilds it around other
    arrays, such as those on the device: what its type says is sure to arrive.
    """

    batch_size = 0


class ArrayChunks(keras.utils.PyDataset):
    """Arrays as a data set of chunks, in the order in which `fit()` would take them.

    Keras counts `num_batches` steps, and asks for an item once for several of them;
    past the end there are empty chunks.
    """

    def __init__(
        self,
        data: Any,  # (x, y, sample_weight): nested arrays with the rows first
        batch_size: int,
        batches: int,  # in a chunk
        shuffle: bool = False,
        built: bool = False,
        on_device: bool = False,
    ) -> None:
        super().__init__()
        self.data = jax.tree.map(as_floatx, data)
        self.rows = number_of_rows(data)
        self.batch_size = batch_size
        self.chunk_rows = batches * batch_size
        self.shuffle = shuffle
        self.built = built
        self.numpy = jnp if on_device else np
        if on_device:
            self.data = jax.device_put(self.data)
        self.order: Any = None
        self.chunk_type = type("Chunk", (Chunk,), {"batch_size": batch_size})

    @property
    def num_batches(self) -> int:
        """Number of steps in an epoch."""
        return math.ceil(self.rows / self.batch_size)

    def on_epoch_end(self) -> None:
        """Keras calls this first when it has built the model."""
        self.built = True

    def __getitem__(self, index: int) -> Any:
        """Return a chunk; to build the model by, just a batch."""
        if index == 0 and self.shuffle:
            # The very numbers that Keras draws for arrays, and when it draws them.
            self.order = np.random.permutation(self.rows)
        if not self.built:
            first = self.take(0, self.batch_size)
            return keras.utils.pack_x_y_sample_weight(*first)
        start = index * self.chunk_rows
        return self.chunk_type(*self.take(start, start + self.chunk_rows))

    def take(self, start: int, stop: int) -> Any:
        """Gather the rows between two places of the epoch."""
        if self.order is None:
            return jax.tree.map(lambda array: array[start:stop], self.data)
        rows = self.order[start:stop]
        return jax.tree.map(
            lambda array: self.numpy.take(array, rows, axis=0, mode="clip"), self.data
        )


def as_floatx(array: Any) -> Any:
    """Return the array in the floating-point type in which Keras takes it."""
    floatx = keras.config.floatx()
    other = array.dtype.kind == "f" and array.dtype != floatx
    return array.astype(floatx) if other else array


def are_arrays(data: Any) -> bool:
    """Tell whether `data` are plain arrays of as many rows each, and nothing else."""
    arrays = [leaf for leaf in keras.tree.flatten(data) if leaf is not None]
    return (
        bool(arrays)
        and all(isinstance(array, np.ndarray) for array in arrays)
        and all(array.ndim and array.dtype.kind in "biuf" for array in arrays)
        and len({len(array) for array in arrays}) == 1
    )


def number_of_rows(data: Any) -> int:
    """Return the length of the arrays' first axis, 0 if there is no array."""
    return next((array.shape[0] for array in jax.tree.leaves(data)), 0)
