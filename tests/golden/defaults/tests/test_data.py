"""The data are split without overlap, and what is wrong with them is named."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from my_model.config import Config
from my_model.data import balanced_weights, load_data, split
from my_model.table import DataError, read_table


def test_parts_do_not_overlap(config: Config) -> None:
    """Each row is in one part, and the parts are as large as the knobs say."""
    rows = np.arange(200)
    parts = split(rows, rows % 2, config)
    assert len(parts.test.x) == round(200 * config.test_fraction)
    assert len(parts.validation.x) == round(200 * config.validation_fraction)
    np.testing.assert_array_equal(np.sort(np.concatenate([p.x for p in parts])), rows)


def test_seed_decides_the_split(config: Config) -> None:
    """The same seed gives the same parts, another seed gives others."""
    again = load_data(dataclasses.replace(config, epochs=99))
    other = load_data(dataclasses.replace(config, seed=1))
    np.testing.assert_array_equal(load_data(config).test.x, again.test.x)
    assert not np.array_equal(load_data(config).test.x, other.test.x)


def test_too_few_rows_for_a_batch(config: Config) -> None:
    """Fewer rows than a batch is an error that says what to set."""
    with pytest.raises(DataError, match="--batch-size"):
        load_data(dataclasses.replace(config, batch_size=10**6))


def test_rare_targets_weigh_more() -> None:
    """Weights are 1 on average, and each kind of target weighs the same in total."""
    weights = balanced_weights(np.array([0, 0, 0, 5], np.float32))
    np.testing.assert_allclose(weights, [2 / 3, 2 / 3, 2 / 3, 2])
    assert load_data(Config(balance=False)).train.sample_weight.max() == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "at least one row"),
        ("a,b\n1,2\n3\n", "row 3 has 1 cells, the header 2"),
        ("a,a\n1,2\n", "two columns are called 'a'"),
        ("a,b\n1,2\n3,x\n", "column 'b', row 3: 'x' is not a number"),
        ("a,b\n1,nan\n", "column 'b', row 2: 'nan' is not a finite number"),
        ("a,c\n1,2\n", "no column 'b'"),
        ('a,b\n1,"2\n', "not a readable CSV file"),
    ],
)
def test_bad_tables_are_named_by_place(tmp_path: Path, text: str, message: str) -> None:
    """The error names the file, and the column and row where there is one."""
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as error:
        read_table(path).numbers(["a", "b"])
    assert str(path) in str(error.value)


def test_missing_table_is_named(tmp_path: Path) -> None:
    """A path that leads nowhere is named."""
    with pytest.raises(DataError, match=r"nowhere\.csv: no such file"):
        read_table(tmp_path / "nowhere.csv")
