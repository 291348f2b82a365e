"""The data: where they come from, how they are split, and how they reach `fit()`."""

import math
import sys
from typing import Any, NamedTuple

import jax
import keras
import numpy as np
import numpy.typing as npt

from .config import Config
from .errors import UserError
from .table.files import in_project
from .table.reading import Table, read_table
from .table.scaling import decide_scale
from .table.schema import Schema, read_schema
from .table.splitting import split_rows

Array = npt.NDArray[Any]


class Split(NamedTuple):
    """A part of the data, in the form that Keras takes as `validation_data`."""

    x: dict[str, Array]  # see `Table.inputs`
    y: Array  # (rows,), float32
    sample_weight: Array  # (rows,), float32

    @property
    def num_rows(self) -> int:
        """The number of rows."""
        return len(jax.tree.leaves(self.x)[0])


class Data(NamedTuple):
    """The three parts of the data, and their names."""

    train: Split
    validation: Split
    test: Split
    schema: Schema


def load_data(config: Config) -> Data:
    """Read the table and split its rows; raises `UserError`."""
    schema = read_schema(in_project(config.columns))
    return split(read_table(in_project(config.data_path), schema), schema, config)


def split(table: Table, schema: Schema, config: Config) -> Data:
    """Split the rows; raises `UserError` if none are left to train on."""
    fractions = config.validation_fraction, config.test_fraction
    rows = split_rows(table, schema, *fractions, config.seed)
    count = len(rows[0])
    if not count:
        raise UserError(f"{config.data_path}: too few rows to train on")
    table, schema = decide_scale(table, schema, rows[0])
    if count < config.batch_size:
        print(
            f"{count} rows to train on, fewer than a batch: one batch takes all",
            file=sys.stderr,
        )

    def part(rows: Array) -> Split:
        x = {name: array[rows] for name, array in table.inputs.items()}
        y = table.target[rows].astype(np.float32)
        weights = row_weights(y, config) * table.weight[rows].astype(np.float32)
        return Split(x, y, weights)

    train, validation, test = map(part, rows)
    return Data(train, validation, test, schema)


def row_weights(y: Array, config: Config) -> Array:
    """Return a weight for each row: 1, until you have a reason for another."""
    return np.ones(len(y), np.float32)


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
