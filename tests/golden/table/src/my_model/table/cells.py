"""What cells become: numbers, codes of categories, and numbers that tell a date."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from .schema import Array, Column, Format

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
FLOAT32_MAX = float(np.finfo(np.float32).max)
YEAR, WEEK, DAY = 365.25, 7.0, 1.0  # in days


def distinct(cells: pd.Series[Any]) -> tuple[list[str], Array]:
    """Return the different cells, without spaces around, and the number of each row's.

    The last one, "", is that of empty cells.
    """
    rows, texts = pd.factorize(cells)
    return [*(str(text).strip() for text in texts), ""], rows


def numbers(cells: pd.Series[Any], column: Column, table: Format) -> tuple[Array, int]:
    """Return a column's numbers in float64, NaN where it has none, and how many are odd.

    An odd cell is neither missing nor a number that float32 holds.
    """
    is_number = pd.api.types.is_numeric_dtype(cells) and cells.dtype != "bool"
    if is_number:
        values = cells.to_numpy(np.float64, na_value=np.nan)
        missing = np.isnan(values)
    else:
        texts, rows = distinct(cells)
        values = np.array([number(text, column, table) for text in texts])[rows]
        missing = np.array([text in table.missing or not text for text in texts])[rows]
    if not (usable := np.abs(values) <= FLOAT32_MAX).all():
        values = np.where(usable, values, np.nan)
    odd = int(np.count_nonzero(np.isnan(values) & ~missing))
    return column.scaled(values), odd


def number(text: str, column: Column, table: Format) -> float:
    """Return a cell's number, NaN if it is none."""
    if column.symbol:
        text = bare(text, column.symbol)
    if table.thousands:
        mark, point = re.escape(table.thousands), re.escape(table.decimal)
        groups = rf"[+-]?\d\d?\d?({mark}\d\d\d)+({point}\d*)?"
        if re.fullmatch(groups, text, re.ASCII):
            text = text.replace(table.thousands, "")
    if table.decimal == ",":
        text = "" if "." in text else text.replace(",", ".")
    return float(text) if NUMBER.fullmatch(text) else np.nan


def bare(text: str, symbol: str) -> str:
    """Return a cell without the symbol at its start or end; (5) is -5."""
    if text.startswith("(") and text.endswith(")"):
        text = f"-{text[1:-1].strip()}"
    if text.endswith(symbol):
        return text.removesuffix(symbol).strip()
    sign = text[:1] if text[:1] in ("+", "-") else ""
    return sign + text.removeprefix(sign).strip().removeprefix(symbol).strip()


def codes(cells: pd.Series[Any], column: Column) -> Array:
    """Return the number of each cell's value, from 1; 0 is any other, or none."""
    texts, rows = distinct(cells)
    known = {value: number for number, value in enumerate(column.values, start=1)}
    return np.array([known.get(text, 0) for text in texts], np.int32)[rows]


def yes_no(cells: pd.Series[Any], column: Column) -> Array:
    """Return 0 for no, 1 for yes, and NaN for any other cell."""
    return np.array([np.nan, 0.0, 1.0])[codes(cells, column)]


def days(cells: pd.Series[Any], column: Column, table: Format) -> tuple[Array, int]:
    """Return the days since 2000, NaN where a cell has another format, and how many have."""
    if pd.api.types.is_datetime64_any_dtype(cells):
        found, rows = pd.DatetimeIndex(cells), np.arange(len(cells))
        odd = np.zeros(len(cells), bool)
    else:
        texts, rows = distinct(cells)
        found = pd.to_datetime(
            pd.Index(texts), format=column.format, errors="coerce", utc=True
        )
        filled = [text not in table.missing and text != "" for text in texts]
        odd = found.isna() & np.array(filled)
    since = found - pd.Timestamp("2000-01-01", tz=found.tz)
    values = np.asarray(since / pd.Timedelta(days=1), np.float64)
    return values[rows], int(np.count_nonzero(odd[rows]))


def date_parts(form: str) -> tuple[float, ...]:
    """Return the periods, in days, that a date of a format tells the phase of."""
    periods = {YEAR: ("%m", "%b", "%B"), WEEK: ("%d",), DAY: ("%H", "%I")}
    return tuple(n for n, codes in periods.items() if any(c in form for c in codes))


def date_numbers(day: Array, column: Column) -> list[Array]:
    """Return what a date tells: years since 2000, and the seasons, as points on circles."""
    found = [day / YEAR] if "%Y" in column.format or "%y" in column.format else []
    for period in date_parts(column.format):
        angle = 2 * np.pi * day / period
        found += [np.sin(angle), np.cos(angle)]
    return found
