"""Which kind a column is of, by its cells."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kscaffold.tables.cells import find_date_format, parse_date
from kscaffold.tables.dialect import MOSTLY, symbol_of
from kscaffold.tables.profile import Profile

NUMBER, YES_NO, CATEGORY, DATE = "number", "yes/no", "category", "date"
IDENTIFIER, TEXT, CONSTANT, EMPTY = "identifier", "text", "constant", "empty"
# What a model can take, and what is left out.
USED = (NUMBER, YES_NO, CATEGORY, DATE)
UNUSED = (IDENTIFIER, TEXT, CONSTANT, EMPTY)
_WORDS = ({"yes", "no"}, {"true", "false"}, {"y", "n"}, {"t", "f"}, {"on", "off"})
MOST_VALUES = 1_000
# A value of a larger category has to come twice to be learned from.
_FEW_VALUES = 10
_FEW_ROWS = 20
# Whole numbers between these are days, such as 20240131, if nearly all of them are.
_FIRST_DAY, _LAST_DAY = 19_000_101, 21_001_231
_ID_NAME = re.compile(r"(.*[\W_])?(id|uuid|guid|index|rownames|row_?(id|number))|unnamed.*", re.I)


@dataclass(frozen=True)
class Kind:
    """What a column is.

    Attributes:
        kind: "number", "yes/no", "category", "date", or one that is left out.
        why: why it is left out; "": it is used.
        values: of a category, those that the model knows.
        format: of a date, as Python writes it.
        others: of a category, how many distinct values are not among `values`.
    """

    kind: str
    why: str = ""
    values: tuple[str, ...] = ()
    format: str = ""
    others: int = 0


def find_kind(profile: Profile) -> Kind:
    """Return what a column's cells are."""
    if not profile.filled:
        return Kind(EMPTY, "all cells are missing")
    if len(profile.counts) == 1:
        (cell,) = profile.counts
        if not profile.missing:
            return Kind(CONSTANT, f"always {cell[:40]!r}")
        return Kind(CATEGORY, values=(cell,))
    days = profile.is_whole and _FIRST_DAY <= profile.minimum <= profile.maximum <= _LAST_DAY
    if days and (form := _date_format(profile)):
        return Kind(DATE, format=form)
    if profile.numbers >= MOSTLY * profile.filled and not _other_unit(profile):
        why = _why_identifier(profile)
        return Kind(IDENTIFIER, why) if why else Kind(NUMBER)
    if not profile.is_open:
        words = {cell.casefold() for cell in profile.counts}
        if len(words) == len(profile.counts) and any(words == pair for pair in _WORDS):
            return Kind(YES_NO, values=in_order(profile.counts))
        if form := _date_format(profile):
            return Kind(DATE, format=form)
    return _of_text(profile)


def as_category(profile: Profile) -> Kind:
    """Return the category that the cells make, whatever they are."""
    distinct = len(profile.counts)
    least = 1 if distinct <= _FEW_VALUES else 2
    common = [v for v, n in profile.counts.most_common(MOST_VALUES) if n >= least]
    values = in_order(common or [v for v, _ in profile.counts.most_common(MOST_VALUES)])
    return Kind(CATEGORY, values=values, others=distinct - len(values))


def in_order(values: Iterable[str]) -> tuple[str, ...]:
    """Return values by size if all are numbers, else by the alphabet; no before yes."""
    texts = list(values)
    try:
        return tuple(sorted(texts, key=lambda text: (float(text), text)))
    except ValueError:
        return tuple(sorted(texts, key=lambda text: (text.casefold() in {"true", "on"}, text)))


def _why_identifier(profile: Profile) -> str:
    """Return why a number counts rows and says nothing; "": it says something."""
    if profile.missing or profile.filled < _FEW_ROWS or not profile.is_whole:
        return ""
    if not profile.is_open and len(profile.counts) < profile.rows:
        return ""
    values = profile.values()
    counted = profile.minimum in (0, 1) and profile.maximum - profile.minimum == profile.rows - 1
    if counted and values == sorted(values):
        return "numbers the rows"
    is_id = profile.is_unnamed or _ID_NAME.fullmatch(profile.name)
    named = is_id and len({*values}) == len(values)
    return "every row has another value" if named else ""


def _other_unit(profile: Profile) -> str:
    """Return a cell whose number means something else than those with the symbol; "": none.

    Such as 1.2B beside 340M, 1 year beside 2 years, or 0.05 beside 5%.
    """
    symbol = profile.reader.symbol
    if not symbol:
        return ""
    plain = [cell for cell in profile.counts if symbol == "%" and not symbol_of(cell)]
    is_share = any(profile.reader.value(cell) for cell in plain)  # 0 is 0%
    others = [*profile.odd, *(plain if is_share else ())]
    return next((cell for cell in others if symbol_of(cell) is not None), "")


def _date_format(profile: Profile) -> str:
    """Return the format of nearly all cells, months before days where both would do."""
    cells = [*profile.counts]
    # A few odd cells, such as "unknown", make no difference.
    for start in range(min(5, len(cells))):
        form = find_date_format(cells[start : start + 1])
        dates = [cell for cell in cells[:500] if form and parse_date(cell, form)]
        if len(dates) >= MOSTLY * min(len(cells), 500):
            return find_date_format(dates)
        # The first cell may fit several formats, such as 01/02/2024; the others decide.
        form = find_date_format(cells[start : start + 500])
        if form:
            return form
    return ""


def _of_text(profile: Profile) -> Kind:
    distinct, counted = len(profile.counts), profile.counts.total()
    repeats = distinct * 2 <= counted or (distinct <= _FEW_VALUES and distinct < counted)
    if repeats and not (profile.is_open and distinct * 5 > counted):
        return as_category(profile)
    lengths = sum(len(cell) for cell in profile.counts) / distinct
    words = sum(len(cell.split()) for cell in profile.counts) / distinct
    if lengths > 40 or words > 4:
        return Kind(TEXT, "is free text")
    if other := _other_unit(profile):
        return Kind(IDENTIFIER, f"its numbers have several units, such as {other[:20]!r}")
    return Kind(IDENTIFIER, "nearly every row has another value")
