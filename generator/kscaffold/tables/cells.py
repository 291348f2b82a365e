"""What a cell says: strict numbers, and dates by their formats."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

FLOAT32_MAX = 3.4028234663852886e38
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

# In the order in which they are tried; where days and months could be either, months come first.
DATE_FORMATS = (
    *("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"),
    *("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S%z"),
    *("%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f"),
    *("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m"),
    *("%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M"),
    *("%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M"),
    *("%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p"),
    *("%d.%m.%Y", "%d.%m.%y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S"),
    *("%d-%m-%Y", "%Y%m%d", "%Y%m%dT%H%M%S"),
    *("%d-%b-%Y", "%d-%b-%y", "%b-%d-%Y", "%b-%y", "%d %b %Y", "%d %B %Y"),
    *("%b %d %Y", "%b %d, %Y", "%B %d, %Y", "%b %Y"),
    *("%H:%M:%S", "%H:%M", "%I:%M %p"),
)
_MAY_BE_DATE = re.compile(r"(?=.*\d)[\w:/., +-]{5,35}", re.ASCII)


def bare(cell: str, symbol: str) -> str:
    """Return a cell without the symbol at its start or end; (5) is -5."""
    if cell.startswith("(") and cell.endswith(")"):
        cell = f"-{cell[1:-1].strip()}"
    if cell.endswith(symbol):
        return cell.removesuffix(symbol).strip()
    sign = cell[:1] if cell[:1] in ("+", "-") else ""
    return sign + cell.removeprefix(sign).strip().removeprefix(symbol).strip()


class Numbers:
    """Reads numbers that are written with certain marks.

    Attributes:
        decimal: "." or ",".
        thousands: what stands between thousands.
        symbol: what may stand beside the number, such as "$" or "%".
    """

    def __init__(self, decimal: str = ".", thousands: str = "", symbol: str = "") -> None:
        self.decimal, self.thousands, self.symbol = decimal, thousands, symbol
        self._grouped = None
        if thousands:
            mark, point = re.escape(thousands), re.escape(decimal)
            groups = rf"[+-]?\d{{1,3}}({mark}\d{{3}})+({point}\d*)?"
            self._grouped = re.compile(groups, re.ASCII)

    def value(self, cell: str) -> float | None:
        """Return the number; None: it is none, or none that float32 holds."""
        if self.symbol:
            cell = bare(cell, self.symbol)
        if self._grouped and self._grouped.fullmatch(cell):
            cell = cell.replace(self.thousands, "")
        if self.decimal == ",":
            if "." in cell:
                return None
            cell = cell.replace(",", ".")
        if not _NUMBER.fullmatch(cell):
            return None
        number = float(cell)
        return number if abs(number) <= FLOAT32_MAX else None


def find_date_format(cells: Iterable[str]) -> str:
    """Return the format that all cells have; "": there is none."""
    formats = list(DATE_FORMATS)
    for cell in cells:
        if not _MAY_BE_DATE.fullmatch(cell):
            return ""
        formats = [form for form in formats if parse_date(cell, form) is not None]
        if not formats:
            return ""
    return formats[0]


def parse_date(cell: str, form: str) -> datetime | None:
    """Return a date; None: the cell has another format, or a year before 1678 or after 2261."""
    try:
        date = datetime.strptime(cell, form)
    except ValueError:
        return None
    # What nanoseconds in 64 bits can hold, which pandas and Parquet have.
    return date if 1678 <= date.year <= 2261 else None
