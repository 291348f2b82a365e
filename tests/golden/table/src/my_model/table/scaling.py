"""The scale on which a target is trained: decided from the training rows alone."""

from __future__ import annotations

import dataclasses
import sys
from typing import Literal

import numpy as np

from .reading import Table
from .schema import Array, Column, Schema

LEAST_VALUES = 10  # fewer different ones have no tail
LONG_TAIL = 2.0  # skewness


def decide_scale(table: Table, schema: Schema, rows: Array) -> tuple[Table, Schema]:
    """Return the table with a target that is trained well, and the schema that says how.

    Args:
        table: With a target in its own units where its transform is "auto".
        schema: Of the table.
        rows: Those to train on.
    """
    if schema.target.transform != "auto":
        return table, schema
    found = find_scale(table.target[rows], least=float(table.target.min()))
    name = schema.table.target
    if found != Column("number"):
        print(f"target {name!r} is trained as {formula(found)}", file=sys.stderr)
    table = dataclasses.replace(table, target=found.scaled(table.target))
    return table, dataclasses.replace(schema, columns={**schema.columns, name: found})


def find_scale(values: Array, least: float) -> Column:
    """Return the scale for training targets.

    A long tail takes a logarithm, if all targets have one, down to the `least`. Others are
    brought near one, in float64, where float32 could not tell them apart.
    """
    transform: Literal["log", "log1p"] = "log" if least > 0 else "log1p"
    if least >= 0 and len(np.unique(values)) >= LEAST_VALUES:
        before = skewness(values)
        after = skewness(np.log(values) if transform == "log" else np.log1p(values))
        if before > LONG_TAIL and abs(after) < before / 2:
            return Column("number", transform=transform)
    center, spread = float(values.mean()), float(values.std() or np.ptp(values) / 2)
    if not spread:
        return Column("number", offset=center)
    digits = round(np.log10(spread))
    unit = 1.0 if 0.05 < spread < 200 else 10.0**digits
    is_far = abs(center) > 1000 * spread
    return Column("number", offset=round(center, -digits) if is_far else 0.0, unit=unit)


def skewness(values: Array) -> float:
    """Return the third moment, in units of the standard deviation."""
    spread = values.std()
    return float(np.mean(((values - values.mean()) / spread) ** 3)) if spread else 0.0


def formula(scale: Column) -> str:
    """Return how a scale is computed from a value x."""
    if scale.transform:
        return f"{scale.transform}(x)"
    shifted = f"(x - {scale.offset:.15g})" if scale.offset else "x"
    return shifted if scale.unit == 1 else f"{shifted} / {scale.unit:g}"
