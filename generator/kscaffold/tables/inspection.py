"""Decide what is learned from a table, and say why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from kscaffold.errors import TableError
from kscaffold.tables.choices import ROLES, Choices
from kscaffold.tables.dialect import NAMES
from kscaffold.tables.kinds import (
    CATEGORY,
    DATE,
    EMPTY,
    IDENTIFIER,
    NUMBER,
    UNUSED,
    YES_NO,
    Kind,
    as_category,
)
from kscaffold.tables.leaks import leaks
from kscaffold.tables.look import Look, look_at
from kscaffold.tables.profile import Profile
from kscaffold.tables.target import (
    CLASSIFICATION,
    REGRESSION,
    Column,
    Scale,
    check_target,
    feature_scale,
    find_task,
)

LEAST_ROWS = 5


@dataclass(frozen=True)
class Inspection:
    """What is learned from a table.

    Attributes:
        look: the table, as it was read.
        choices: what was said about it.
        columns: all of them, in the table's order.
        task: "classification" or "regression".
        why: why it is that.
        classes: how many rows each class has; empty in a regression.
        notes: what should be said, a sentence each.
    """

    look: Look
    choices: Choices
    columns: tuple[Column, ...]
    task: str
    why: str
    classes: dict[str, int]
    notes: tuple[str, ...]

    @property
    def target(self) -> Column:
        """The column to predict."""
        return next(column for column in self.columns if column.role == "target")

    @property
    def rows(self) -> int:
        """The rows that have a target."""
        profile = self.target.profile
        return profile.numbers if self.task == REGRESSION else profile.filled


def last_column(look: Look) -> str:
    """Return the name of the last column that holds anything but dates."""
    names = [*look.kinds][::-1]
    return next((n for n in names if look.kinds[n].kind not in (EMPTY, DATE)), names[0])


def inspect_table(
    path: Path, choices: Choices | None = None, *, header: bool = True, task: str = ""
) -> Inspection:
    """Look at a table and decide what is learned from it.

    Args:
        path: of the table.
        choices: what a person says about its columns.
        header: whether the first line holds names.
        task: "classification" or "regression"; "": by the target's cells.

    Raises:
        TableError: the table cannot be read, or nothing can be learned from it.
    """
    return _decide(look_at(path, header=header), choices or Choices(), task)


@lru_cache(maxsize=1)  # a command asks for it again and again
def _decide(look: Look, choices: Choices, task: str) -> Inspection:
    choices = replace(choices, target=choices.target or last_column(look))
    choices.check(look.path, look.kinds)
    profile = look.profiles[choices.target]
    kind = _chosen_kind(profile, look.kinds[choices.target], choices)
    found, why = find_task(profile, kind)
    if kind.kind in (CATEGORY, NUMBER) and choices.target in (*choices.category, *choices.number):
        found = REGRESSION if choices.target in choices.number else CLASSIFICATION
    task, why = (task, "as you say") if task and task != found else (found, why)
    kind = check_target(look.path, profile, kind, task)
    columns = tuple(_columns(look, choices, kind, task))
    if not any(column.role == "feature" for column in columns):
        columns = tuple(map(_kept_if_number, columns))
    _check(look, columns, choices)
    classes = Counter({v: profile.counts[v] for v in kind.values}) if kind.values else Counter()
    made = Inspection(look, choices, columns, task, why, dict(classes.most_common()), ())
    return replace(made, notes=(*_notes(made), *leaks(columns)))


def _columns(look: Look, choices: Choices, target: Kind, task: str) -> Iterator[Column]:
    roles = {getattr(choices, role): role for role in ROLES}
    for name, profile in look.profiles.items():
        kind = _chosen_kind(profile, look.kinds[name], choices)
        role = roles.get(name, "" if kind.why else "feature")
        scale = Scale()
        if role == "target":
            kind = target
            scale = Scale(transform="auto") if task == REGRESSION else scale
        elif kind.kind == NUMBER and profile.numbers:
            scale = feature_scale(profile) if role in ("feature", "time") else scale
        yield Column(profile, kind, scale, role)


def _chosen_kind(profile: Profile, kind: Kind, choices: Choices) -> Kind:
    name = profile.name
    if name in choices.drop:
        return replace(kind, why="dropped by you")
    if name in choices.number:
        if not profile.numbers:
            raise TableError(f"column {name!r} holds no number", about="number")
        return Kind(NUMBER)
    if name in choices.category:
        if not profile.filled:
            raise TableError(f"column {name!r} holds nothing", about="category")
        return as_category(profile)
    if name in choices.keep and kind.kind in UNUSED:
        if not profile.filled:
            raise TableError(f"column {name!r} holds nothing", about="keep")
        is_number = profile.numbers * 2 > profile.filled
        return Kind(NUMBER) if is_number else as_category(profile)
    return kind


def _kept_if_number(column: Column) -> Column:
    """Return a column that numbers the rows as a feature: better than none at all."""
    is_number = column.kind.kind == IDENTIFIER and column.kind.why == "numbers the rows"
    if column.role or not is_number:
        return column
    return replace(column, kind=Kind(NUMBER), role="feature")


def _check(look: Look, columns: tuple[Column, ...], choices: Choices) -> None:
    """Refuse a table from which nothing can be learned; raises `TableError`."""
    target = look.profiles[choices.target]
    if target.filled < LEAST_ROWS:
        reason = f"{look.path} has {target.filled} rows with a target"
        raise TableError(reason, hint=f"at least {LEAST_ROWS} are needed")
    if not any(column.role == "feature" for column in columns):
        why = "; ".join(f"{c.name!r} {c.kind.why}" for c in columns if not c.role)
        why = why or "there is no other column"
        reason = f"{look.path} has no feature that says anything: {why}"
        raise TableError(reason, hint="--keep COLUMN uses one all the same")
    for column in columns:
        profile = column.profile
        if column.role == "weight":
            if profile.numbers < profile.filled or not profile.numbers:
                raise _role_error(look, profile, "weight", "is not a number")
            if profile.minimum < 0 or not profile.maximum:
                reason = f"{look.path}: the weights {column.name!r} must be positive"
                raise TableError(reason, about="weight")
        if column.role == "group" and profile.distinct == 1:
            reason = f"{look.path}: group {column.name!r} is the same in all rows"
            raise TableError(reason, about="group", hint="name another column")
        is_number = profile.numbers == profile.filled
        if column.role == "time" and column.kind.kind != DATE and not is_number:
            raise _role_error(look, profile, "time", "is neither a date nor a number")


def _role_error(look: Look, profile: Profile, about: str, reason: str) -> TableError:
    cell, line = profile.first_odd if profile.odd else ("", 2)
    place = f"{look.path}: column {profile.name!r}, line {line}"
    return TableError(f"{place}: {cell[:40]!r} {reason}", about=about)


def _notes(made: Inspection) -> Iterator[str]:
    """Yield what was noticed and is not what a person would expect."""
    look = made.look
    dialect = look.dialect
    if look.header_in_doubt:
        yield (
            "the first line holds numbers: if it is a row and no header, give --no-header;"
            " now it is not learned from"
        )
    if look.is_sample:
        yield f"looked at the first {look.rows} rows; what differs later counts as missing"
    if dialect.separator != ",":
        yield f"cells are separated by a {NAMES[dialect.separator]}"
    if look.encoding == "cp1252":
        yield "the text is no UTF-8, and read as Windows-1252: check names with accents"
    elif look.encoding == "utf-16":
        yield "the text is UTF-16"
    if dialect.comments:
        yield f"{counted(dialect.comments, 'line')} in front: a comment, or blank"
    if dialect.decimal == ",":
        yield "numbers have a decimal comma"
    if dialect.thousands:
        yield f"numbers have {dialect.thousands!r} between thousands"
    for column in made.columns:
        yield from _notes_of(column)
    if made.choices.group and look.profiles[made.choices.group].distinct == 2:
        yield f"{made.choices.group!r} has two groups: no row is left to validate with"
    if lost := look.rows - made.rows:
        yield f"{counted(lost, 'row')} without a target {'is' if lost == 1 else 'are'} left out"
    if made.rows < 100:
        yield f"{counted(made.rows, 'row')} are few: expect results that depend on the seed"


def counted(number: int, noun: str) -> str:
    """Return "1 row", "2 rows"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _notes_of(column: Column) -> Iterator[str]:
    name, kind, profile = column.name, column.kind, column.profile
    if kind.kind == NUMBER and column.role and profile.reader.symbol:
        yield f"column {name!r}: {profile.reader.symbol!r} beside the numbers is ignored"
    odd = profile.filled - profile.numbers
    if kind.kind == NUMBER and column.role and odd and profile.odd:
        cell, line = profile.first_odd
        yield (
            f"column {name!r}, line {line}: {cell[:40]!r} is no number;"
            f" {counted(odd, 'such cell')} count{'s' * (odd == 1)} as missing"
        )
    if kind.kind == CATEGORY and column.role == "feature" and kind.others:
        yield f"column {name!r}: {kind.others} rare values count as one"
    if kind.kind == YES_NO and column.role == "target" and len(kind.values) != 2:
        yield f"{name!r} has {len(kind.values)} classes"
