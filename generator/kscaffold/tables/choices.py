"""What a person says about a table, where it is not left to its cells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kscaffold.errors import TableError
from kscaffold.hints import near

# What a column may be, beside a feature.
ROLES = ("target", "weight", "time", "group")
_LISTS = ("drop", "keep", "category", "number")


@dataclass(frozen=True)
class Choices:
    """What is said about the columns; "" and (): nothing.

    Attributes:
        target: the column to predict; by default the last one.
        drop: columns to leave out.
        keep: columns to use, whatever they look like.
        category: columns whose cells are names, also if they are numbers.
        number: columns whose cells are numbers; others count as missing.
        weight: the column of sample weights.
        time: the column by which rows are split into earlier and later ones.
        group: the column whose equal rows stay together in a split.
    """

    target: str = ""
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    number: tuple[str, ...] = ()
    weight: str = ""
    time: str = ""
    group: str = ""

    def check(self, path: object, header: Iterable[str]) -> None:
        """Refuse what names no column, or one in two ways; raises `TableError`."""
        known = [*header]
        roles = {about: name for about in ROLES if (name := getattr(self, about))}
        listed = ((about, name) for about in _LISTS for name in getattr(self, about))
        for about, name in (*roles.items(), *listed):
            if name not in known:
                hint = near(name, known) or f"it has {', '.join(known[:10])}"
                raise TableError(f"{path} has no column {name!r}", about=about, hint=hint)
        for one, other in (("drop", "keep"), ("category", "number")):
            for name in {*getattr(self, one)} & {*getattr(self, other)}:
                raise TableError(f"{name!r} is given to --{other}, too", about=one)
        if self.time and self.group:
            reason = "rows are split by time or by group, not by both"
            raise TableError(reason, about="group", hint="leave one out")
        seen: dict[str, str] = {}
        for about, name in roles.items():
            if name in seen:
                raise TableError(f"{name!r} is the {seen[name]} already", about=about)
            if name in self.drop:
                raise TableError(f"{name!r} is the {about}", about="drop")
            seen[name] = about
