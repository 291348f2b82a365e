"""Arrays, fed to `fit()` in chunks of many batches instead of batch by batch."""

from __future__ import annotations

import collections
import math
from typing import Any, NamedTuple

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


class Ahead(NamedTuple):
    """A chunk of the next epoch, if NumPy's random state is found as it was."""

    before: Any
    after: Any
    chunk: Any


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
        self.gather: Any = gather_on_device if on_device else gather
        if on_device:
            self.data = jax.device_put(self.data)
        self.order: Any = None
        self.ahead: Ahead | None = None
        rows_type = named_tuple("Rows", ("x", "y", "sample_weight")[: len(given)])
        of_size = {"batch_size": batch_size}
        self.chunk_type: Any = type("Chunk", (Chunk, rows_type), of_size)

    @property
    def num_batches(self) -> int:
        """Number of steps in an epoch."""
        return math.ceil(self.rows / self.batch_size)

    def on_epoch_end(self) -> None:
        """Gather the next epoch, if it is a chunk: the last one is still trained on."""
        # Keras calls this first when it has built the model.
        if self.built and self.shuffle and self.rows <= self.chunk_rows:
            self.ahead = self.ahead or self.draw_ahead()
        self.built = True

    def draw_ahead(self) -> Ahead:
        """Shuffle, and let nobody notice."""
        before = np.random.get_state(legacy=False)
        chunk = self.chunk_of(np.random.permutation(self.rows))
        after = np.random.get_state(legacy=False)
        np.random.set_state(before)
        return Ahead(before, after, chunk)

    def __getitem__(self, index: int) -> Any:
        """Return a chunk; to build the model by, just a batch."""
        if index == 0 and self.shuffle:
            ahead, self.ahead = self.ahead, None
            if ahead and same_state(ahead.before, np.random.get_state(legacy=False)):
                np.random.set_state(ahead.after)
                return ahead.chunk
            # The very numbers that Keras draws for arrays, and when it draws them.
            self.order = np.random.permutation(self.rows)
        start = index * self.chunk_rows
        stop = start + (self.chunk_rows if self.built else self.batch_size)
        rows = slice(start, stop) if self.order is None else self.order[start:stop]
        chunk = self.chunk_of(rows)
        return chunk if self.built else keras.utils.pack_x_y_sample_weight(*chunk)

    def chunk_of(self, rows: Any) -> Any:
        """Return some rows, by a slice or by their numbers."""
        return self.chunk_type(
            *jax.tree.map(lambda array: self.gather(array, rows), self.data)
        )


def gather(array: Any, rows: Any) -> Any:
    """Return some rows of an array on the host, by a slice or by their numbers."""
    if isinstance(rows, slice):
        return array[rows]
    # JAX on a CPU copies what does not begin at a multiple of 64 bytes.
    shape = (len(rows), *array.shape[1:])
    size = math.prod(shape) * array.itemsize
    space = np.empty(size + 64, np.uint8)
    start = -space.ctypes.data % 64
    gathered = space[start : start + size].view(array.dtype).reshape(shape)
    return np.take(array, rows, axis=0, mode="clip", out=gathered)


def gather_on_device(array: Any, rows: Any) -> Any:
    """Return some rows of an array on a device, by a slice or by their numbers."""
    if isinstance(rows, slice):
        return array[rows]
    return jnp.take(array, rows, axis=0, mode="clip")


def same_state(one: Any, other: Any) -> bool:
    """Tell whether two random states of NumPy are the same."""
    return bool(jax.tree.all(jax.tree.map(np.array_equal, one, other)))


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
