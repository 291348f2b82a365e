"""The data are split without overlap, and reach `fit()` in a known order."""

import dataclasses
from typing import Any

import jax
import numpy as np
import pytest

from my_model.config import Config
from my_model.data import (
    Batches,
    Data,
    load_data,
    statistics,
)
from my_model.runs.files import checksum
from my_model.table.reading import read_table
from my_model.table.splitting import split_rows


def test_parts_do_not_overlap(config: Config, data: Data) -> None:
    """Each row is in one part, and none is lost."""
    table = read_table(config.data_path, data.schema)
    parts = split_rows(table, data.schema, 0.2, 0.3, seed=0)
    rows = np.sort(np.concatenate(parts))
    np.testing.assert_array_equal(rows, np.arange(len(table.target)))


def test_seed_decides_the_split(config: Config, data: Data) -> None:
    """The same seed gives the same parts, another seed others unless time decides."""
    again = load_data(dataclasses.replace(config, epochs=99))
    other = load_data(dataclasses.replace(config, seed=1))
    by_time = bool(data.schema.table.time)
    assert checksum(data.test) == checksum(again.test)
    assert (checksum(data.test) == checksum(other.test)) == by_time


def test_few_rows_are_one_batch(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fewer rows than a batch are trained together, which is said."""
    few = dataclasses.replace(config, batch_size=10**6)
    assert len(Batches(load_data(few).train, few)) == 1
    assert "one batch takes all" in capsys.readouterr().err


def test_constant_column_is_harmless() -> None:
    """A column without variation is scaled by 1, and all statistics are in float64."""
    times = 1.7e9 + np.arange(100.0)
    mean, variance = statistics(np.stack([np.full(100, 0.1), times], axis=1))
    np.testing.assert_allclose(mean, [0.1, 1.7e9 + 49.5], rtol=1e-12)
    np.testing.assert_allclose(variance, [1.0, np.var(np.arange(100.0))], rtol=1e-6)


def epoch_of(batches: Batches) -> Any:
    """Return the targets of an epoch in their order, and go on to the next."""
    numbers = range(len(batches))
    targets = np.concatenate([np.asarray(batches[number][1]) for number in numbers])
    batches.on_epoch_end()
    return targets


@pytest.mark.parametrize("data_on", ["host", "device"])
def test_every_row_comes_once_an_epoch(
    config: Config, data: Data, data_on: Any
) -> None:
    """Every epoch has all rows, in an order of its own."""
    rows = np.arange(data.train.num_rows)
    numbered = data.train._replace(y=rows)
    batches = Batches(numbered, dataclasses.replace(config, data_on=data_on))
    on_device = isinstance(batches.part.y, jax.Array)
    assert on_device == (data_on == "device")
    first, second = epoch_of(batches), epoch_of(batches)
    np.testing.assert_array_equal(np.sort(first), rows)
    np.testing.assert_array_equal(np.sort(second), rows)
    assert not np.array_equal(first, second)


def test_order_follows_from_seed_and_epoch(config: Config, data: Data) -> None:
    """A run that goes on with an epoch has the rows in the order of that epoch."""
    batches = Batches(data.train, config)
    epoch_of(batches)
    second = epoch_of(batches)
    np.testing.assert_array_equal(
        epoch_of(Batches(data.train, config, epoch=1)), second
    )
    other = Batches(data.train, dataclasses.replace(config, seed=1), epoch=1)
    assert not np.array_equal(epoch_of(other), second)
