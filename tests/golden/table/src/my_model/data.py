"""The data: where they come from, and how they are split."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .config import Config
from .table import DataError, Table, read_table

Array = npt.NDArray[Any]


class Split(NamedTuple):
    """A part of the data, in the form that Keras takes as `validation_data`."""

    x: Array  # (rows, features), float32
    y: Array  # (rows,), int32
    sample_weight: Array  # (rows,), float32


class Data(NamedTuple):
    """The three parts of the data."""

    train: Split
    validation: Split
    test: Split


@dataclasses.dataclass(frozen=True)
class Schema:
    """What it takes to feed a saved model with new rows and to name what it says."""

    features: tuple[str, ...]
    """The columns, in the order in which the model takes them."""
    labels: tuple[str, ...]
    """The classes, in the order of the model's outputs; none in a regression."""


def load_schema(config: Config) -> Schema:
    """Return the names of the features and of the classes; raises `DataError`."""
    table = load_table(config.data_path, config.target)
    features = tuple(name for name in table.header if name != config.target)
    return Schema(features, labels=tuple(sorted(set(table.column(config.target)))))


@functools.cache
def load_data(config: Config) -> Data:
    """Read the table and split it by the seed; raises `DataError`."""
    table = load_table(config.data_path, config.target)
    schema = load_schema(config)
    number = {label: index for index, label in enumerate(schema.labels)}
    y = np.array([number[label] for label in table.column(config.target)], np.int32)
    x = table.numbers(schema.features)
    try:
        return split(x, y, config)
    except DataError as error:
        raise DataError(f"{config.data_path}: {error}") from None


@functools.cache
def load_table(path: Path, target: str) -> Table:
    """Read the table and check that something can be learned from it."""
    table = read_table(path)
    values = set(table.column(target))
    if len(values) < 2:
        raise DataError(
            f"{path}: column {target!r} has only one value: {min(values)!r}"
        )
    if len(table.header) < 2:
        raise DataError(
            f"{path}: {target!r} is the only column, so there is no feature;"
            " columns are separated by commas"
        )
    if "" in values:
        row = table.column(target).index("") + 2
        raise DataError(f"{path}: column {target!r}, row {row}: no label")
    return table


def split(x: Array, y: Array, config: Config) -> Data:
    """Deal the rows at random; raises `DataError` if too few are left to train on."""
    order = np.random.default_rng(config.seed).permutation(len(x))
    tested = round(len(x) * config.test_fraction)
    validated = round(len(x) * config.validation_fraction)
    test, validation, train = np.split(order, [tested, tested + validated])
    if len(train) < config.batch_size:
        raise DataError(
            f"{len(train)} of {len(x)} rows are left to train on, fewer than a batch:"
            f" give more rows, or --batch-size {max(len(train), 1)} or less"
        )
    return Data(
        *(make_split(x[rows], y[rows], config) for rows in (train, validation, test))
    )


def make_split(x: Array, y: Array, config: Config) -> Split:
    """Put the arrays of one part together."""
    weights = balanced_weights(y) if config.balance else np.ones(len(y), np.float32)
    return Split(x, y, weights)


def balanced_weights(y: Array) -> Array:
    """Return a weight for each row, 1 on average, and more where `y` is rare."""
    groups = y
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    return (len(y) / (len(sizes) * sizes))[group].astype(np.float32)
