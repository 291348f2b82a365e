"""The table is read with care: what cannot be learned from is named."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from my_model.config import Config
from my_model.data import Data, load_data
from my_model.errors import UserError
from my_model.evaluate import evaluate, load_model
from my_model.table import read_table
from my_model.train import train


def table(config: Config, path: Path, header: str, *rows: str) -> Config:
    """Write a table, and return the configuration to learn its column `y`."""
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return dataclasses.replace(config, data_path=path, target="y", batch_size=1)


def test_target_is_no_feature(config: Config, data: Data) -> None:
    """Every column but the target is a feature, in the table's order."""
    assert config.target not in data.schema.features
    assert data.train.x.shape[1] == len(data.schema.features)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "at least one row"),
        ("a,b\n1,2\n3\n", "line 3 has 1 cells, the header 2"),
        ("a,a\n1,2\n", "two columns are called 'a'"),
        ("a,b\n1,2\n3,x\n", "column 'b', line 3: 'x' is not a number"),
        ("a,b\n1,nan\n", "column 'b', line 2: 'nan' is not a finite number"),
        ("a,b\n1,1e39\n", "column 'b', line 2: '1e39' is not a finite number"),
        ("a,c\n1,2\n", "no column 'b'"),
        ('a,b\n1,"2\n', "not a readable CSV file"),
    ],
)
def test_bad_tables_are_named_by_place(tmp_path: Path, text: str, message: str) -> None:
    """The error names the file, and the column and row where there is one."""
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as error:
        read_table(path).numbers(["a", "b"])
    assert str(path) in str(error.value)


def test_missing_table_is_named(tmp_path: Path) -> None:
    """A path that leads nowhere is named."""
    with pytest.raises(UserError, match=r"nowhere\.csv: no such file"):
        read_table(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        ("x,yy", ["1,1", "2,2"], "no column 'y'; did you mean 'yy'"),
        ("x,y", ["1,1", "2,1"], "column 'y' has only one value: '1'"),
        ("y", ["1", "2"], "'y' is the only column"),
        ("x,y", ["1,1", "two,2"], "column 'x', line 3: 'two' is not a number"),
        ("x,y", ["1,1", ",2"], "column 'x', line 3: '' is not a number"),
        ("x,y", ["1,a", "2,"], "column 'y', line 3: no label"),
    ],
)
def test_what_cannot_be_learned_is_named(
    config: Config, tmp_path: Path, header: str, rows: list[str], message: str
) -> None:
    """The error names the file, and the column and row where there is one."""
    changed = table(config, tmp_path / "table.csv", header, *rows)
    with pytest.raises(UserError, match=message) as error:
        load_data(changed)
    assert str(error.value).count("table.csv") == 1


def test_run_is_evaluated_on_its_own_table(config: Config, tmp_path: Path) -> None:
    """With columns in another order it is another table, and refused."""
    path = tmp_path / "table.csv"
    rows = [(n, n * n % 7, n % 2) for n in range(20)]
    changed = table(config, path, "a,b,y", *(f"{a},{b},{y}" for a, b, y in rows))
    run = train(dataclasses.replace(changed, epochs=1), tmp_path / "run")
    table(config, path, "b,a,y", *(f"{b},{a},{y}" for a, b, y in rows))
    with pytest.raises(UserError, match="data changed"):
        evaluate(run.path)


def test_rare_value_predicts_sanely(config: Config, tmp_path: Path) -> None:
    """A column that is constant in the training rows does not blow up a new value."""
    path = tmp_path / "table.csv"
    rows = [f"{n / 10},{int(n == 199)},{n % 2}" for n in range(200)]
    changed = table(config, path, "x,rare,y", *rows)
    for seed in range(50):  # until the rare row is a test row
        config = dataclasses.replace(changed, seed=seed, epochs=1, batch_size=8)
        data = load_data(config)
        if data.test.x[:, 1].any():
            break
    run = train(config, tmp_path / "run")
    y_pred = load_model(run).predict(data.test.x, verbose=0)
    assert np.abs(y_pred).max() < 10


def test_too_few_rows_are_named(config: Config, tmp_path: Path) -> None:
    """A table with fewer rows than a batch is an error that names the file."""
    changed = table(config, tmp_path / "table.csv", "x,y", "1,1", "2,2", "3,2")
    with pytest.raises(UserError, match=r"table\.csv: .* fewer than a batch"):
        load_data(dataclasses.replace(changed, batch_size=10))
