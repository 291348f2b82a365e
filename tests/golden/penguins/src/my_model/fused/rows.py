"""Arrays, read by any number of rows."""

from __future__ import annotations

import math
from typing import Any

import jax
import keras
import numpy as np

from .keras_names import get_data_adapter


class ArrayRows:
    """Arrays as a data set that gives any number of rows, as `Batches` in `data.py`."""

    def __init__(self, data: Any, batch_size: int, shuffle: bool) -> None:
        self.data = data  # x, y and weights
        self.batch_size = batch_size
        self.num_rows = number_of_rows(data)
        self.num_batches = math.ceil(self.num_rows / batch_size)
        self.shuffle = shuffle
        self.order = np.arange(self.num_rows)
        # Keras' own adapter draws the order, of all rows as one batch.
        adapter = get_data_adapter(
            self.order, None, None, self.num_rows, shuffle=shuffle
        )
        self.orders = adapter.get_jax_iterator
        self.on_epoch_begin, self.on_epoch_end = (
            adapter.on_epoch_begin,
            adapter.on_epoch_end,
        )

    def rows(self, start: int, stop: int) -> Any:
        """Return rows of the epoch, which begins with the first row."""
        if start == 0 and self.shuffle:
            unpack = keras.utils.unpack_x_y_sample_weight
            self.order, _, _ = unpack(next(self.orders()))
        rows, floatx = self.order[start:stop], keras.config.floatx()

        def some(array: Any) -> Any:
            part = array.take(rows, axis=0) if self.shuffle else array[start:stop]
            return part.astype(floatx) if part.dtype.kind == "f" else part

        return keras.utils.pack_x_y_sample_weight(*jax.tree.map(some, self.data))


def are_arrays(data: Any) -> bool:
    """Return whether the data are plain arrays with the same number of rows."""
    arrays = [leaf for leaf in keras.tree.flatten(data) if leaf is not None]
    of_numbers = (
        (type(a) is np.ndarray or isinstance(a, jax.Array))
        and a.ndim
        and a.dtype.kind in "biuf"
        and a.dtype.isnative
        for a in arrays
    )
    structure: Any = jax.tree.structure
    alike = data[2] is None or structure(data[1]) == structure(data[2])
    return alike and all(of_numbers) and len({len(array) for array in arrays}) == 1


def number_of_rows(data: Any) -> int:
    """Return the length of the arrays' first axis, 0 if there is no array."""
    return next((int(array.shape[0]) for array in jax.tree.leaves(data)), 0)
