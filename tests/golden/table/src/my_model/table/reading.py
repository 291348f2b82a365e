"""Read a table as its columns.toml says, and report how many cells and rows do not fit."""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import UserError
from .cells import codes, date_numbers, days, numbers, yes_no
from .files import frames
from .schema import Array, Schema


@dataclasses.dataclass(frozen=True)
class Table:
    """Columns as arrays, with the rows first."""

    inputs: dict[str, Array]
    """numbers, (rows, numbers) float32, NaN where missing; categories, (rows, categories)
    int32, 0 where missing or unknown. One without columns is left out."""
    target: Array  # (rows,) float64, NaN where missing; of a class its number
    weight: Array  # (rows,) float64, 1 on average
    order: Array  # (rows,) float64, what the rows are split by if they have a time
    group: Array  # (rows,) of any type


def read_table(path: Path, schema: Schema) -> Table:
    """Read all columns in use; rows without a target or a weight are left out.

    Raises `UserError`.
    """
    roles = [
        getattr(schema.table, role) for role in ("target", "weight", "time", "group")
    ]
    odd: Counter[str] = Counter()
    whole: dict[str, Array] = {}
    wanted = {*schema.features, *filter(None, roles)}
    for frame in frames(path, schema, wanted, odd):
        arrays = {**inputs(frame, schema, odd), **role_arrays(frame, schema, odd)}
        usable = np.isfinite(arrays["target"]) & np.isfinite(arrays["weight"])
        if not usable.all():
            odd["left out"] += int(np.count_nonzero(~usable))
            arrays = {name: array[usable] for name, array in arrays.items()}
        extend(whole, arrays)
    report(path, odd, whole)
    weight = whole.pop("weight")
    others = {name: whole.pop(name) for name in ("target", "order", "group")}
    return Table(inputs=whole, weight=weight / weight.mean(), **others)


def read_inputs(path: Path, schema: Schema) -> dict[str, Array]:
    """Read the features alone, of every row; raises `UserError`."""
    odd: Counter[str] = Counter()
    whole: dict[str, Array] = {}
    for frame in frames(path, schema, {*schema.features}, odd):
        extend(whole, inputs(frame, schema, odd))
    report(path, odd, whole)
    return whole


def extend(whole: dict[str, Array], part: dict[str, Array]) -> None:
    """Append arrays in place, which takes less memory than to join them at the end."""
    for name, array in part.items():
        if name not in whole:
            whole[name] = array.copy()
            continue
        start = len(whole[name])
        shape = (start + len(array), *array.shape[1:])
        whole[name].resize(shape, refcheck=False)
        whole[name][start:] = array


def inputs(frame: pd.DataFrame, schema: Schema, odd: Counter[str]) -> dict[str, Array]:
    """Return what the model takes, by its names."""
    found: list[Array] = []
    for name in schema.of_kind("number"):
        values, count = numbers(frame[name], schema.columns[name], schema.table)
        odd[f"column {name!r}: cells that are no number and count as missing"] += count
        found.append(values)
    found += [yes_no(frame[n], schema.columns[n]) for n in schema.of_kind("yes/no")]
    for name in schema.of_kind("date"):
        day, count = days(frame[name], schema.columns[name], schema.table)
        odd[f"column {name!r}: cells that are no date and count as missing"] += count
        found += date_numbers(day, schema.columns[name])
    categories = [
        codes(frame[n], schema.columns[n]) for n in schema.of_kind("category")
    ]
    arrays = {}
    if found:
        arrays["numbers"] = np.stack(found, axis=1, dtype=np.float32)
    if categories:
        arrays["categories"] = np.stack(categories, axis=1)
    return arrays


def role_arrays(
    frame: pd.DataFrame, schema: Schema, odd: Counter[str]
) -> dict[str, Array]:
    """Return target, weight, order and group of the rows."""
    table, ones = schema.table, np.ones(len(frame))
    cells = frame[table.target]
    if schema.labels:
        target = codes(cells, schema.target) - 1.0
        target[target < 0] = np.nan
    else:
        target, count = numbers(cells, schema.target, table)
        odd[
            f"target {table.target!r}: cells that are no number and count as missing"
        ] += count
    weight = order = ones
    if table.weight:
        weight, _ = numbers(frame[table.weight], schema.columns[table.weight], table)
        weight = np.where(weight >= 0, weight, np.nan)
    if table.time and schema.columns[table.time].kind == "date":
        order, count = days(frame[table.time], schema.columns[table.time], table)
        odd[f"time {table.time!r}: cells that are no date"] += count
    elif table.time:
        order, count = numbers(frame[table.time], schema.columns[table.time], table)
        odd[f"time {table.time!r}: cells that are no number"] += count
    group = frame[table.group].astype(str).to_numpy() if table.group else ones
    return {"target": target, "weight": weight, "order": order, "group": group}


def report(path: Path, odd: Counter[str], whole: dict[str, Array]) -> None:
    """Say how many cells and rows did not fit; raises `UserError` if no row did."""
    if rows := odd.pop("left out", 0):
        print(
            f"{path}: {rows} rows without a target or a weight are left out",
            file=sys.stderr,
        )
    for what, count in (+odd).items():
        print(f"{path}: {what}: {count}", file=sys.stderr)
    if not any(map(len, whole.values())):
        raise UserError(f"{path}: no rows")
