"""The table is read with care: what cannot be learned from is named."""

import dataclasses
from pathlib import Path

import pytest

from my_model.__main__ import main
from my_model.config import Config
from my_model.data import load_data, load_schema, load_table
from my_model.runs import RunError
from my_model.table import DataError
from my_model.train import train


def table(config: Config, path: Path, header: str, *rows: str) -> Config:
    """Write a table, and return the knobs to learn its column `y`."""
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return dataclasses.replace(config, data_path=path, target="y", batch_size=1)


def test_target_is_no_feature(config: Config) -> None:
    """Every column but the target is a feature, in the table's order."""
    schema = load_schema(config)
    assert config.target not in schema.features
    assert load_data(config).train.x.shape[1] == len(schema.features)


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        ("x,yy", ["1,1", "2,2"], "no column 'y'; did you mean 'yy'"),
        ("x,y", ["1,1", "2,1"], "column 'y' has only one value: '1'"),
        ("y", ["1", "2"], "'y' is the only column"),
        ("x,y", ["1,1", "two,2"], "column 'x', row 3: 'two' is not a number"),
        ("x,y", ["1,1", ",2"], "column 'x', row 3: '' is not a number"),
        ("x,y", ["1,a", "2,"], "column 'y', row 3: no label"),
    ],
)
def test_what_cannot_be_learned_is_named(
    config: Config, tmp_path: Path, header: str, rows: list[str], message: str
) -> None:
    """The error names the file, and the column and row where there is one."""
    knobs = table(config, tmp_path / "table.csv", header, *rows)
    with pytest.raises(DataError, match=message) as error:
        load_data(knobs)
    assert "table.csv" in str(error.value)


def test_run_is_evaluated_on_its_own_table(config: Config, tmp_path: Path) -> None:
    """With columns in another order it is another table, and refused."""
    path = tmp_path / "table.csv"
    rows = [(n, n * n % 7, n % 2) for n in range(20)]
    knobs = table(config, path, "a,b,y", *(f"{a},{b},{y}" for a, b, y in rows))
    run = train(dataclasses.replace(knobs, epochs=1), tmp_path / "run")
    table(config, path, "b,a,y", *(f"{b},{a},{y}" for a, b, y in rows))
    load_data.cache_clear()
    load_table.cache_clear()
    with pytest.raises(RunError, match="other data"):
        main(["evaluate", "--run-dir", str(run.folder)])


def test_too_few_rows_are_named(config: Config, tmp_path: Path) -> None:
    """A table with fewer rows than a batch is an error that names the file."""
    knobs = table(config, tmp_path / "table.csv", "x,y", "1,1", "2,2", "3,2")
    with pytest.raises(DataError, match=r"table\.csv: .* fewer than a batch"):
        load_data(dataclasses.replace(knobs, batch_size=10))
