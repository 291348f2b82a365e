"""The data: where they come from, how they are split, and how they reach `fit()`."""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import keras
import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

from .config import Config
from .errors import UserError

Array = npt.NDArray[Any]


class Split(NamedTuple):
    """A part of the data, in the form that Keras takes as `validation_data`."""

    x: Array  # (rows, height, width, 1), float32
    y: Array  # (rows,), int32
    sample_weight: Array  # (rows,), float32

    @property
    def num_rows(self) -> int:
        """The number of rows."""
        return len(jax.tree.leaves(self.x)[0])


@dataclasses.dataclass(frozen=True)
class Schema:
    """What it takes to give a saved model new rows and to name its outputs."""

    features: tuple[str, ...]
    """The columns, in the order in which the model takes them."""
    labels: tuple[str, ...]
    """The classes, in the order of the model's outputs (none in a regression)."""
    shape: tuple[int, ...]
    """The shape of a row."""


class Data(NamedTuple):
    """The three parts of the data, and their names."""

    train: Split
    validation: Split
    test: Split
    schema: Schema


def load_data(config: Config) -> Data:
    """Load the data and split them by the seed; raises `UserError`."""
    dataset = load_digits()
    x = dataset.images[..., np.newaxis].astype(np.float32)
    y = dataset.target.astype(np.int32)
    features, labels = dataset.feature_names, dataset.target_names
    schema = Schema(tuple(map(str, features)), tuple(map(str, labels)), x.shape[1:])
    return split(x, y, schema, config)


def split(x: Array, y: Array, schema: Schema, config: Config) -> Data:
    """Shuffle and split the rows; raises `UserError` if too few are left to train on."""
    order = np.random.default_rng(config.seed).permutation(len(x))
    test_rows = round(len(x) * config.test_fraction)
    validation_rows = round(len(x) * config.validation_fraction)
    test, validation, train = np.split(order, [test_rows, test_rows + validation_rows])
    if len(train) < config.batch_size:
        raise UserError(
            f"{len(train)} of {len(x)} rows are left to train on, fewer than a batch:"
            f" give more rows, or --batch-size {max(len(train), 1)} or less"
        )

    def part(rows: Array) -> Split:
        return Split(x[rows], y[rows], row_weights(y[rows], config))

    return Data(part(train), part(validation), part(test), schema)


def row_weights(y: Array, config: Config) -> Array:
    """Return a weight for each row, 1 on average."""
    if not config.balance:
        return np.ones(len(y), np.float32)
    y = y.argmax(axis=-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(-1)
    _, group, sizes = np.unique(y, return_inverse=True, return_counts=True)
    return (len(y) / (len(sizes) * sizes))[group].astype(np.float32)


def statistics(array: Array) -> tuple[Array, Array]:
    """Return mean and variance of each column in float64, to scale it by."""
    array = array.astype(np.float64)
    constant = np.ptp(array, axis=0) == 0  # a new value must not be divided by 0
    return array.mean(axis=0), np.where(constant, 1.0, array.var(axis=0))


class Batches(keras.utils.PyDataset):
    """The training rows in batches, in another order each epoch.

    The order follows from the seed and the epoch alone, so that a resumed run sees the
    rows in the same order as one that was never stopped.
    """

    def __init__(self, part: Split, config: Config, epoch: int = 0) -> None:
        super().__init__()
        # Cast once, where Keras would cast each batch.
        self.part: Any = jax.tree.map(as_floatx, part)
        if config.data_on == "device":
            self.part = jax.device_put(self.part)
        self.num_rows = part.num_rows
        self.batch_size = config.batch_size
        self.seed = config.seed
        self.start(epoch)

    def start(self, epoch: int) -> None:
        """Draw the order of an epoch."""
        self.epoch = epoch
        generator = np.random.default_rng([self.seed, epoch])
        self.order = generator.permutation(self.num_rows)

    def __len__(self) -> int:
        """Return the number of batches; the last one may be smaller."""
        return math.ceil(self.num_rows / self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Return a batch: x, y and, if there are any, weights."""
        return self.rows_between(index * self.batch_size, (index + 1) * self.batch_size)

    def rows_between(self, start: int, stop: int) -> tuple[Any, ...]:
        """Return consecutive rows of the epoch; fused steps take many batches at once."""
        return self.take(self.order[start:stop])

    def take(self, rows: Array) -> tuple[Any, ...]:
        """Return the rows of these numbers."""
        return tuple(jax.tree.map(lambda array: array.take(rows, axis=0), [*self.part]))

    def on_epoch_end(self) -> None:
        """Go on with the next epoch."""
        self.start(self.epoch + 1)


def as_floatx(array: Array) -> Array:
    """Return the array in the floating-point type that Keras computes in."""
    return array.astype(keras.config.floatx()) if array.dtype.kind == "f" else array
