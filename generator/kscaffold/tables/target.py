"""A column with all that is decided about it: the task of a target, the scale of a number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean, pstdev

from kscaffold.errors import TableError
from kscaffold.tables.kinds import CATEGORY, CONSTANT, DATE, EMPTY, NUMBER, YES_NO, Kind, in_order
from kscaffold.tables.profile import Profile

CLASSIFICATION, REGRESSION = "classification", "regression"
# More distinct whole numbers than this are amounts, not classes.
_CLASSES = 20
# A softmax over more texts than this is no classification.
_MOST_CLASSES = 1_000


@dataclass(frozen=True)
class Scale:
    """How float32 holds a number: as (x - offset) / unit. "auto" leaves that to training."""

    offset: float = 0.0
    unit: float = 1.0
    transform: str = ""


@dataclass(frozen=True)
class Column:
    """A column, as the project will read it.

    Attributes:
        profile: what its cells are.
        kind: what it is.
        scale: of a number.
        role: "feature", "target", "weight", "time", "group", or "" of one that is left out.
    """

    profile: Profile
    kind: Kind
    scale: Scale
    role: str

    @property
    def name(self) -> str:
        """The name in the header."""
        return self.profile.name


def find_task(profile: Profile, kind: Kind) -> tuple[str, str]:
    """Return the task that a target makes, and why.

    Text is a class; so are whole numbers, when there are few and they come again and again.
    """
    if kind.kind == NUMBER or (profile.numbers and profile.numbers == profile.filled):
        distinct = len(profile.counts)
        few = not profile.is_open and distinct <= _CLASSES and 2 * distinct <= profile.filled
        if profile.is_whole and few and profile.numbers == profile.filled:
            return CLASSIFICATION, f"{distinct} whole numbers that come again and again"
        return REGRESSION, "numbers"
    return CLASSIFICATION, f"{len(profile.counts)} different texts"


def check_target(path: object, profile: Profile, kind: Kind, task: str) -> Kind:
    """Return the target's kind for a task; raises `TableError` if nothing can be learned."""
    place = f"{path}: target {profile.name!r}"
    other = "name another one with --target"
    if kind.kind in (CONSTANT, EMPTY):
        raise TableError(f"{place}: {kind.why}", about="target", hint=other)
    if task == REGRESSION:
        if profile.numbers * 2 < profile.filled:
            cell, line = profile.first_odd
            reason = f"{place}, line {line}: {cell[:40]!r} is not a number"
            raise TableError(reason, about="target", hint="--task classification learns classes")
        if profile.minimum == profile.maximum:
            raise TableError(f"{place}: always the same number", about="target", hint=other)
        return Kind(NUMBER)
    distinct = len(profile.counts)
    if distinct == 1:
        (cell,) = profile.counts
        reason = f"{place} has only one value: {cell[:40]!r}"
        raise TableError(reason, about="target", hint=other)
    if profile.is_open or distinct * 2 > profile.filled + 1:
        what = "is a date" if kind.kind == DATE else "has another value in nearly every row"
        raise TableError(f"{place} {what}, so there are no classes", about="target", hint=other)
    if distinct > _MOST_CLASSES:
        reason = f"{place} has {distinct} classes, more than {_MOST_CLASSES}"
        raise TableError(reason, about="target", hint=other)
    values = in_order(profile.counts)
    return Kind(YES_NO if kind.kind == YES_NO else CATEGORY, values=values)


def feature_scale(profile: Profile) -> Scale:
    """Return what float32 needs to tell a feature's numbers apart."""
    values = profile.values()
    spread = pstdev(values) or profile.maximum - profile.minimum
    center = fmean(values)
    offset = _rounded(center, spread) if spread and abs(center) > 10_000 * spread else 0.0
    extreme = spread and not 1e-30 < spread < 1e30
    return Scale(offset, 10.0 ** round(math.log10(spread)) if extreme else 1.0)


def _rounded(center: float, spread: float) -> float:
    return round(center, -math.floor(math.log10(spread)))
