"""Features that tell the target: what is known only afterwards, or a copy of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import StatisticsError, correlation

from kscaffold.tables.dialect import MISSING
from kscaffold.tables.kinds import CATEGORY, NUMBER, YES_NO
from kscaffold.tables.profile import HEAD
from kscaffold.tables.target import Column

_LEAST_ROWS = 20
_SAME = 0.999_999


def leaks(columns: Sequence[Column]) -> Iterator[str]:
    """Yield a suspicion for each feature that tells the target in all rows from the start."""
    target = next(column for column in columns if column.role == "target")
    cells = target.profile.sample[:HEAD]
    for column in columns:
        if column.role == "feature" and column.kind.kind in (NUMBER, CATEGORY, YES_NO):
            other = column.profile.sample[:HEAD]
            pairs = [
                pair
                for pair in zip(other, cells, strict=True)
                if pair[0] not in MISSING and pair[1] not in MISSING
            ]
            if len(pairs) >= _LEAST_ROWS and _tells(column, target, pairs):
                yield (
                    f"column {column.name!r} tells the target in every row:"
                    " if it is known only afterwards, --drop it"
                )


def _tells(column: Column, target: Column, pairs: list[tuple[str, str]]) -> bool:
    if target.kind.kind == NUMBER:
        if column.kind.kind != NUMBER:
            return False
        feature, learned = (each.profile.reader.value for each in (column, target))
        numbers = [(feature(one), learned(other)) for one, other in pairs]
        found = [(x, y) for x, y in numbers if x is not None and y is not None]
        try:
            return abs(correlation([x for x, _ in found], [y for _, y in found])) > _SAME
        except StatisticsError:
            return False
    distinct = {*pairs}
    features = {feature for feature, _ in distinct}
    # Each value goes with one class, and comes again and again.
    return len(distinct) == len(features) and len(features) * 5 <= len(pairs)
