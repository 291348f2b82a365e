"""Tables made of what columns.toml says, for the tests."""

import csv
import datetime
import math
from pathlib import Path

import numpy as np

from my_model.table.schema import Column, Schema

EPOCH = datetime.datetime(2000, 1, 1)


def write_table(path: Path, schema: Schema, rows: int, seed: int = 0) -> None:
    """Write a CSV table whose target follows from the first feature."""
    columns = made_columns(schema, rows, seed)
    with path.open("w", newline="", encoding=schema.table.encoding) as file:
        file.write("#\n" * schema.table.skip_lines)
        writer = csv.writer(file, delimiter=schema.table.separator)
        if schema.table.header:
            writer.writerow(columns)
        writer.writerows(zip(*columns.values()))


def made_columns(schema: Schema, rows: int, seed: int = 0) -> dict[str, list[str]]:
    """Return the cells of each column; some features have none or an unknown one."""
    generator = np.random.default_rng(seed)
    signals = {name: generator.normal(size=rows) for name in schema.columns}
    signals[schema.table.target] = signals[schema.features[0]]
    columns = {
        name: [cell(value, column, schema) for value in signals[name]]
        for name, column in schema.columns.items()
    }
    for name in schema.features[1:]:
        for row in generator.choice(rows, rows // 20, replace=False):
            columns[name][row] = "" if row % 2 else "never seen"
    if schema.table.group:
        columns[schema.table.group] = [f"{n % 24}" for n in range(rows)]
    if schema.table.weight:
        weights = [0.5 + n % 3 for n in range(rows)]
        columns[schema.table.weight] = [number(weight, schema) for weight in weights]
    return columns


def cell(value: float, column: Column, schema: Schema) -> str:
    """Return a cell for a number that is normally distributed."""
    share = (1 + math.erf(value / math.sqrt(2))) / 2  # from 0 to 1, each as likely
    if column.values:
        return column.values[int(share * len(column.values) * 0.999)]
    if column.kind == "date":
        day = EPOCH + datetime.timedelta(days=7000 * share)
        return day.strftime(column.format)
    if column.kind in ("number", "identifier"):
        return number(float(column.unscaled(np.array(value))), schema)
    return "some text"


def number(value: float, schema: Schema) -> str:
    """Return a number as the table writes it."""
    return repr(value).replace(".", schema.table.decimal)
