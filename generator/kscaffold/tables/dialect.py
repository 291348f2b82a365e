"""How a table is written: separator, comment lines in front, decimal and thousands marks."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

# Where two would do, the one that is rarer in cells.
SEPARATORS = ("\t", ";", "|", ",")
NAMES = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma"}
COMMENT = "#"
# Of the cells that are not missing, this share must be of a kind; the others count as missing.
MOSTLY = 0.9
# Cells that stand for nothing, by their whole text.
MISSING = (
    *("", "?", "-", ".", "NA", "N/A", "n/a", "#N/A", "<NA>"),
    *("NaN", "nan", "NULL", "null", "None"),
)


@dataclass(frozen=True)
class Dialect:
    """How a table is written.

    Attributes:
        separator: between cells.
        comments: the number of comment lines in front.
        decimal: "." or ",".
        thousands: "", ",", ".", a space of some kind, or an apostrophe.
    """

    separator: str = ","
    comments: int = 0
    decimal: str = "."
    thousands: str = ""


def comment_lines(lines: Iterable[str]) -> int:
    """Return how many lines in front are comments, blank, or Excel's "sep=;".

    A header such as "#id,name" is one that has as many cells as the rows below it.
    """
    count = 0
    for line in lines:
        is_first = not count and _SEPARATOR_LINE.fullmatch(line.strip())
        if not line.startswith(COMMENT) and line.strip() and not is_first:
            break
        count += 1
    return count


def find_separator(lines: Sequence[str]) -> str:
    """Return the separator with which the most rows have as many cells as the header."""
    best, most = ",", 0.0
    for separator in SEPARATORS:
        rows = _rows(lines, separator)
        if not rows or len(rows[0]) < 2:
            continue
        alike = sum(len(row) in (len(rows[0]), len(rows[0]) + 1) for row in rows) / len(rows)
        if alike > most:
            best, most = separator, alike
    return best


def _rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    rows: list[list[str]] = []
    with suppress(csv.Error):  # a quote that is never closed: the rows before it tell enough
        rows.extend(row for row in csv.reader(lines, delimiter=separator) if row)
    # The last line may have been cut off in the middle of a quoted cell.
    return rows[:-1] if len(rows) > 2 else rows


# The separator that a spreadsheet writes down for itself.
_SEPARATOR_LINE = re.compile(r'"?sep=.?"?', re.IGNORECASE)
_SPACED = re.compile(
    r"[+-]?[1-9]\d{0,2}([ '\u2019\u00a0\u202f])\d{3}(?:\1\d{3})*(?:[.,]\d+)?", re.ASCII
)
_POINT = re.compile(r"[+-]?\d*\.\d+", re.ASCII)
_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)
_GROUPS = {
    mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}({re.escape(mark)}\d{{3}})+", re.ASCII) for mark in ",."
}
_BOTH = {
    ",": re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+\.\d+", re.ASCII),
    ".": re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+,\d+", re.ASCII),
}

# What stands beside a number: a currency, a percent sign, a unit such as km/h.
_CURRENCY = r"[A-Z]{0,3}[$€£¥₹]|(?:USD|EUR|GBP|CHF|JPY|INR)\b"
_BESIDE = re.compile(
    rf"\(?[+-]?(?P<before>{_CURRENCY})?\s?[+-]?\d[\d.,'\s]*?\s?"
    rf"(?P<after>{_CURRENCY}|%|\+|°|°?[^\W\d_]{{1,8}}(?:/[^\W\d_]{{1,4}}[²³]?)?)?\)?"
)


def symbol_of(cell: str) -> str | None:
    """Return what stands beside a cell's number, "" if nothing does; None: it has no number."""
    found = _BESIDE.fullmatch(cell)
    return (found["before"] or found["after"] or "") if found else None


def find_symbol(cells: Collection[str]) -> str:
    """Return what stands beside the number in nearly all of some distinct cells; "": nothing."""
    seen: Counter[str] = Counter()
    for count, cell in enumerate(sorted(cells)):
        seen[symbol_of(cell) or ""] += 1
        if seen[""] > 10 and seen[""] > count / 2:
            return ""
    symbol, count = seen.most_common(1)[0] if seen else ("", 0)
    return symbol if count >= MOSTLY * len(cells) else ""


def find_marks(cells: Iterable[str]) -> tuple[str, str]:
    """Return the decimal and the thousands mark, from distinct cells of all columns."""
    seen: Counter[str] = Counter()
    spaces: Counter[str] = Counter()
    for cell in cells:
        if spaced := _SPACED.fullmatch(cell):
            spaces[spaced[1]] += 1
            cell = cell.replace(spaced[1], "")
        for mark in ",.":
            seen[f"both {mark}"] += bool(_BOTH[mark].fullmatch(cell))
            seen[f"groups {mark}"] += bool(_GROUPS[mark].fullmatch(cell))
        seen["comma"] += bool(_COMMA.fullmatch(cell) and not _GROUPS[","].fullmatch(cell))
        seen["point"] += bool(_POINT.fullmatch(cell) and not _GROUPS["."].fullmatch(cell))
    decimal, other = (",", ".") if seen["comma"] > seen["point"] else (".", ",")
    for space, count in spaces.most_common(1):
        # A few cells such as "555 123" may be something else.
        if count > seen["both ,"] + seen["both ."] + seen[f"groups {other}"]:
            return decimal, space
    if seen["comma"] > seen["point"] or seen["both ."] > seen["both ,"]:
        # 1.234 alone is a number with a point nearly everywhere.
        return ",", "." if seen["both ."] or (seen["groups ."] and not seen["point"]) else ""
    return ".", "," if seen["groups ,"] or seen["both ,"] else ""
