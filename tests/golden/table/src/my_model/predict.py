"""Predictions for new rows, as a CSV table."""

import csv
from pathlib import Path
from typing import Any

import jax
import numpy as np
import tyro

from .data import Array
from .evaluate import load_model
from .runs.files import atomic_write, read_json
from .runs.finding import find_run
from .table.reading import read_inputs
from .table.schema import Schema


def predict(
    rows: tyro.conf.Positional[Path],
    output: Path = Path("predictions.csv"),
    run_dir: Path | None = None,
) -> None:
    """Predict new rows with a trained model.

    Args:
        rows: A table with the columns of the features, in any order.
        output: CSV file to write.
        run_dir: Directory of the run (None: the latest).
    """
    run = find_run(run_dir)
    schema = read_json(run.schema, Schema)
    x = read_rows(rows, schema)
    columns = prediction_columns(load_model(run).predict(x, verbose=0), schema)
    with (
        atomic_write(output) as path,
        path.open("w", newline="", encoding="utf-8") as file,
    ):
        csv.writer(file).writerows([columns, *zip(*columns.values())])
    print(f"{len(next(iter(columns.values())))} predictions: {output}")


def read_rows(path: Path, schema: Schema) -> dict[str, Array]:
    """Read the columns of the features, in any order; raises `UserError`."""
    return read_inputs(path, schema)


def prediction_columns(y_pred: Any, schema: Schema) -> dict[str, list[Any]]:
    """Return the columns to write, by name; `y_pred` is `(rows, 1)`."""
    if not isinstance(y_pred, np.ndarray):
        return output_columns(y_pred)
    return {"prediction": schema.unscaled(y_pred[:, 0]).tolist()}


def output_columns(y_pred: Any) -> dict[str, list[Any]]:
    """Return a column for each number in a row of several outputs."""
    return {
        f"prediction{jax.tree_util.keystr(path)}[{number}]": column.tolist()
        for path, array in jax.tree_util.tree_leaves_with_path(y_pred)
        for number, column in enumerate(array.reshape(len(array), -1).T)
    }
