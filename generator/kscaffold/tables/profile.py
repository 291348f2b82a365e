"""What the cells of a column are, counted while the table is read."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from kscaffold.tables.cells import FLOAT32_MAX, Numbers
from kscaffold.tables.dialect import MISSING

# Distinct cells that are kept; a column with more is one of numbers, or of no use.
MOST_DISTINCT = 20_000
# Rows from the start that are kept whole, to compare columns; and each how manieth one later.
HEAD, STRIDE = 5_000, 20
_PLAIN = frozenset("0123456789+-.eE")


class Profile:
    """What is known of a column.

    Attributes:
        name: of the column.
        is_unnamed: whether the header has no name for it, as for an index that was written along.
        rows: the number of cells.
        missing: how many stand for nothing.
        counts: how often each distinct cell comes, of the first ones.
        is_open: whether there are more distinct cells than are kept.
        numbers: how many cells are numbers.
        odd: cells that are no number, each with its first line.
        minimum: the smallest number.
        maximum: the largest one.
        is_whole: whether all numbers are whole.
        sample: cells, without the spaces around: of the first rows all, of others some.
    """

    def __init__(self, name: str, numbers: Numbers, *, is_unnamed: bool = False) -> None:
        self.name = name
        self.is_unnamed = is_unnamed
        self.reader = numbers
        self.rows = self.missing = self.numbers = 0
        self.counts: Counter[str] = Counter()
        self.is_open = False
        self.odd: dict[str, int] = {}
        self.minimum, self.maximum = math.inf, -math.inf
        self.is_whole = True
        self.sample: list[str] = []

    @property
    def filled(self) -> int:
        """The number of cells that stand for something."""
        return self.rows - self.missing

    @property
    def first_odd(self) -> tuple[str, int]:
        """The first cell that is no number, and its line."""
        return min(self.odd.items(), key=lambda item: item[1])

    @property
    def distinct(self) -> int:
        """How many different cells there are, of the first ones; all missing ones are alike."""
        return len(self.counts) + bool(self.missing)

    def update(self, column: Sequence[str], lines: Sequence[int]) -> None:
        """Count some cells."""
        cells = [*map(str.strip, column)]
        self.sample += cells if len(self.sample) < HEAD else cells[::STRIDE]
        counts = Counter(cells)
        self.rows += len(cells)
        self.missing += sum(counts.pop(cell, 0) for cell in MISSING)
        self._count_numbers(counts, cells, lines)
        if not self.is_open:
            self.counts.update(counts)
            self.is_open = len(self.counts) > MOST_DISTINCT

    def values(self) -> list[float]:
        """Return the numbers of the sample."""
        return [value for cell in self.sample if (value := self.reader.value(cell)) is not None]

    def _count_numbers(
        self, counts: Counter[str], cells: Sequence[str], lines: Sequence[int]
    ) -> None:
        values = self._plain_values(counts)
        if values is None:
            values = []
            for cell, count in counts.items():
                value = self.reader.value(cell)
                if value is None:
                    if cell not in self.odd and len(self.odd) < 1_000:
                        self.odd[cell] = lines[cells.index(cell)]
                else:
                    values.append(value)
                    self.numbers += count
        else:
            self.numbers += counts.total()
        if values:
            self.minimum = min(self.minimum, min(values))
            self.maximum = max(self.maximum, max(values))
            self.is_whole = self.is_whole and all(map(float.is_integer, values))

    def _plain_values(self, counts: Counter[str]) -> list[float] | None:
        """Return the numbers if all distinct cells are plain ones; many at once are fast."""
        if self.reader.decimal != "." or not _PLAIN.issuperset("".join(counts)):
            return None
        try:
            values = [*map(float, counts)]
        except ValueError:
            return None
        return values if max(map(abs, values), default=0.0) <= FLOAT32_MAX else None
