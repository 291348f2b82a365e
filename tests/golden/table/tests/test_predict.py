"""A trained run predicts from the command line."""

import csv
from pathlib import Path

import numpy as np
import pytest

from my_model.__main__ import main
from my_model.config import Config
from my_model.data import Data
from my_model.errors import UserError
from my_model.evaluate import load_model
from my_model.predict import prediction_columns
from my_model.runs.files import RunDir
from my_model.table.reading import read_inputs


def predict(run: RunDir, rows: Path) -> list[dict[str, str]]:
    """Predict with the command line and read what it wrote."""
    output = rows.with_name("predictions.csv")
    main(["predict", str(rows), "--output", str(output), "--run-dir", str(run.path)])
    with output.open(newline="") as file:
        return list(csv.DictReader(file))


def test_columns_come_in_any_order(
    config: Config, run: RunDir, data: Data, tmp_path: Path
) -> None:
    """The predictions are those of the model, whatever else the table holds."""
    table = data.schema.table
    with config.data_path.open(newline="", encoding=table.encoding) as file:
        lines = list(csv.reader(file, delimiter=table.separator))
    with (tmp_path / "rows.csv").open("w", newline="", encoding=table.encoding) as file:
        file.write("#\n" * table.skip_lines)
        writer = csv.writer(file, delimiter=table.separator)
        for number, line in enumerate(lines[table.skip_lines :]):
            writer.writerow([f"more {number}", *reversed(line)])
    predicted = predict(run, tmp_path / "rows.csv")
    x = read_inputs(config.data_path, data.schema)
    expected = load_model(run).predict(x, verbose=0)
    values = [float(line["prediction"]) for line in predicted]
    np.testing.assert_allclose(
        values, data.schema.unscaled(expected[:, 0]), rtol=1e-5, atol=1e-6
    )


def test_several_outputs_are_written(data: Data) -> None:
    """Each number of each output is a column."""
    outputs = {"mean": np.zeros((3, 2)), "scale": np.ones(3)}
    columns = prediction_columns(outputs, data.schema)
    assert [len(column) for column in columns.values()] == [3, 3, 3]
    assert len({name.partition("'")[2] for name in columns}) == 3


def test_missing_column_is_named(run: RunDir, data: Data, tmp_path: Path) -> None:
    """The message names the file and the column."""
    table = data.schema.table
    text = "#\n" * table.skip_lines + "nothing\n1\n"
    (tmp_path / "rows.csv").write_text(text, table.encoding)
    with pytest.raises(UserError, match=r"rows\.csv: no column"):
        predict(run, tmp_path / "rows.csv")


def test_damaged_files_are_named(config: Config, run: RunDir) -> None:
    """A damaged schema or model is an error that names the file."""
    schema = run.schema.read_text()
    run.schema.write_text(schema.replace('"target"', '"trget"'))
    with pytest.raises(UserError, match=r"schema\.json"):
        predict(run, config.data_path)
    run.schema.write_text(schema)
    content = bytearray(run.model.read_bytes())
    content[len(content) // 2] ^= 255
    run.model.write_bytes(content)
    with pytest.raises(UserError, match=r"model\.keras cannot be loaded"):
        predict(run, config.data_path)
