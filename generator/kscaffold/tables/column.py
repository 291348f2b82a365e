"""A column, with all that is decided about it."""

from __future__ import annotations

from dataclasses import dataclass

from kscaffold.tables.kinds import Kind
from kscaffold.tables.target import Scale


@dataclass(frozen=True)
class Column:
    """A column, as the project will read it.

    Attributes:
        name: of the column.
        kind: what it is.
        scale: of a number.
        role: "feature", "target", "weight", "time", "group", or "" of one that is left out.
        missing: how many of its cells are missing.
        distinct: how many distinct cells there are; of many, at least.
    """

    name: str
    kind: Kind
    scale: Scale
    role: str
    missing: int
    distinct: int
