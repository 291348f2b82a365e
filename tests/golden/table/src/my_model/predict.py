"""Predictions for new rows, from a CSV table or a NumPy file, as a CSV table."""

from __future__ import annotations

import csv
import math
import zipfile
from pathlib import Path

import numpy as np

from .data import Array, Schema
from .runs import Run, RunError, replacing
from .table import DataError, read_table


def predict(run: Run, rows: Path, output: Path) -> None:
    """Write predictions for `rows` to `output`; raises `DataError`, `RunError`."""
    schema = run.load_schema()
    model = run.load_model()
    shape = model.input_shape[1:]
    if math.prod(shape) != len(schema.features):
        raise RunError(f"{run.schema} names other features than {run.model} takes")
    x = read_rows(rows, schema)
    x = x.reshape(len(x), *shape)
    y_pred = model.predict(x, verbose=0)
    with (
        replacing(output) as path,
        path.open("w", newline="", encoding="utf-8") as file,
    ):
        csv.writer(file).writerows(predictions(y_pred, schema))
    print(f"{len(y_pred)} predictions: {output}")


def read_rows(path: Path, schema: Schema) -> Array:
    """Read the features: CSV columns of their names, or the array `x` of an `.npz`."""
    if path.suffix != ".npz":
        return read_table(path).numbers(schema.features)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            x = np.asarray(arrays["x"], np.float32)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: no array x of numbers in it: {error}") from None
    if x.ndim == 0 or x.size != len(x) * len(schema.features):
        raise DataError(
            f"{path}: x has the shape {x.shape}, not (rows, {len(schema.features)})"
        )
    if not len(x):
        raise DataError(f"{path}: x has no rows")
    if not np.isfinite(x).all():
        row = int(np.argwhere(~np.isfinite(x))[0][0])
        raise DataError(f"{path}: x has a number that is not finite, in row {row}")
    return x


def predictions(y_pred: Array, schema: Schema) -> list[list[object]]:
    """Return the lines to write, the header first; `y_pred` is `(rows, classes)`."""
    lines: list[list[object]] = [
        ["prediction", *(f"probability_{label}" for label in schema.labels)]
    ]
    for row in y_pred:
        lines.append([schema.labels[row.argmax()], *row.tolist()])
    return lines
