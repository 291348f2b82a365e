"""Predictions for new rows, as a CSV table."""

import csv
import zipfile
from pathlib import Path
from typing import Any

import jax
import numpy as np
import tyro

from .data import Array, Schema
from .errors import UserError
from .evaluate import load_model
from .runs.files import atomic_write, read_json
from .runs.finding import find_run


def predict(
    rows: tyro.conf.Positional[Path],
    output: Path = Path("predictions.csv"),
    run_dir: Path | None = None,
) -> None:
    """Predict new rows with a trained model.

    Args:
        rows: A CSV table with a column for each feature, or an .npz file with an array x.
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


def read_rows(path: Path, schema: Schema) -> Array:
    """Read the features: CSV columns of their names, or the array `x` of an `.npz`."""
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                x = arrays["x"].astype(np.float64, casting="same_kind")
        else:
            x = read_columns(path, schema.features)
    except (OSError, TypeError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: no features could be read: {error}") from None
    width = len(schema.features)
    if x.ndim == 0 or not len(x) or x.size != len(x) * width:
        raise UserError(f"{path}: x has the shape {x.shape}, not (rows, {width})")
    usable = np.abs(x) <= np.finfo(np.float32).max
    if not usable.all():
        row = int(np.argwhere(~usable)[0][0])
        raise UserError(f"{path}: x[{row}] has a number that is not finite")
    return x.reshape(-1, *schema.shape)


def read_columns(path: Path, names: tuple[str, ...]) -> Array:
    """Read columns of a CSV file with a header line; raises errors of many kinds."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        header = [name.strip() for name in next(csv.reader(file), [])]
        if missing := [name for name in names if name not in header]:
            raise ValueError(f"no column {missing[0]!r}")
        columns = [header.index(name) for name in names]
        form: Any = {"delimiter": ",", "quotechar": '"', "comments": None}
        return np.loadtxt(file, usecols=columns, ndmin=2, **form)


def prediction_columns(y_pred: Any, schema: Schema) -> dict[str, list[Any]]:
    """Return the columns to write, by name; `y_pred` is `(rows, 1)`."""
    if not isinstance(y_pred, np.ndarray):
        return output_columns(y_pred)
    return {"prediction": y_pred[:, 0].tolist()}


def output_columns(y_pred: Any) -> dict[str, list[Any]]:
    """Return a column for each number in a row of several outputs."""
    return {
        f"prediction{jax.tree_util.keystr(path)}[{number}]": column.tolist()
        for path, array in jax.tree_util.tree_leaves_with_path(y_pred)
        for number, column in enumerate(array.reshape(len(array), -1).T)
    }
