"""Arrays, fed to `fit()` in chunks of many batches instead of batch by batch."""

from __future__ import annotations

import collections
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

named_tuple: Any = collections.namedtuple  # of as many fields as a set of data has


class Chunk(tuple[Any, ...]):
    """The rows of some batches, one batch after the other; the last may be short.

    It is a named tuple too, as Keras hands it on as the batch that it looks like, and
    rebuilds it around other arrays: what its type says is sure to arrive.
    """

    batch_size = 0


@functools.cache
def chunk_type(parts: int, batch_size: int) -> Any:
    """Return the type of chunks of x, of x and y, or with weights too."""
    rows = named_tuple("Rows", ("x", "y", "sample_weight")[:parts])
    return type("Chunk", (Chunk, rows), {"batch_size": batch_size})


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
        given = [part for part in data if part is not None]
        self.data = jax.tree.map(as_floatx, given)
        self.rows = number_of_rows(data)
        self.batch_size = batch_size
        self.chunk_rows = batches * batch_size
        self.shuffle = shuffle
        self.built = built
        if on_device:
            self.data = jax.device_put(self.data)
        self.order: Any = None
        self.chunk_type = chunk_type(len(given), batch_size)

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
        start = index * self.chunk_rows
        stop = start + (self.chunk_rows if self.built else self.batch_size)
        parts = jax.tree.map(lambda array: self.rows_of(array, start, stop), self.data)
        if self.built:
            return self.chunk_type(*parts)
        return keras.utils.pack_x_y_sample_weight(*parts)

    def rows_of(self, array: Any, start: int, stop: int) -> Any:
        """Return the rows of an array between two places of the epoch."""
        if self.order is None:
            return array[start:stop]
        rows = self.order[start:stop]
        if isinstance(array, np.ndarray):
            return np.take(array, rows, axis=0, mode="clip", out=space_for(array, rows))
        return jnp.take(array, rows, axis=0, mode="clip")


def space_for(array: Any, rows: Any) -> Any:
    """Make room for some rows, where JAX on a CPU need not copy it: at 64 bytes."""
    shape = (len(rows), *array.shape[1:])
    size = math.prod(shape) * array.itemsize
    space = np.empty(size + 64, np.uint8)
    start = -space.ctypes.data % 64
    return space[start : start + size].view(array.dtype).reshape(shape)


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
        and not any(isinstance(array, np.ma.MaskedArray) for array in arrays)
        and all(array.ndim and array.dtype.kind in "biuf" for array in arrays)
        and all(array.dtype.isnative for array in arrays)
        and len({len(array) for array in arrays}) == 1
    )


def number_of_rows(data: Any) -> int:
    """Return the length of the arrays' first axis, 0 if there is no array."""
    return next((array.shape[0] for array in jax.tree.leaves(data)), 0)
