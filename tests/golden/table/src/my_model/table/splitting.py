"""Which rows train, which validate, which test."""

from __future__ import annotations

import numpy as np

from .reading import Table
from .schema import Array, Schema


def split_rows(
    table: Table, schema: Schema, validation: float, test: float, seed: int
) -> tuple[Array, Array, Array]:
    """Return the numbers of the rows to train, validate and test with.

    By time, the earliest rows train and the latest test; a group stays in one part, and
    each part has one if there are enough; otherwise each part has its share of every class.
    """
    rows = len(table.target)
    generator = np.random.default_rng(seed)
    order = generator.permutation(rows)
    ends = [round(rows * test), round(rows * test) + round(rows * validation)]
    if schema.table.time:
        order = order[np.argsort(-table.order[order], kind="stable")]
    elif schema.table.group:
        _, group = np.unique(table.group, return_inverse=True)
        groups = generator.permutation(group.max() + 1)[group]
        order = np.argsort(groups, kind="stable")
        ends = group_ends(groups[order], ends)
    elif schema.labels:
        order = order[np.argsort(places(table.target[order], generator), kind="stable")]
    test_rows, validation_rows, train_rows = np.split(order, ends)
    return train_rows, validation_rows, test_rows


def group_ends(groups: Array, ends: list[int]) -> list[int]:
    """Return the ends of parts, each moved to the nearest start of a group.

    A part that should have rows gets a group, as long as one is left to train on.
    """
    starts = np.flatnonzero(np.diff(groups)) + 1
    wanted = np.diff([0, *ends]) > 0
    moved = [0]
    for part, end in enumerate(ends):
        later = starts[starts > moved[-1]]
        # A start for each part that follows.
        later = later[: max(1, len(later) - wanted[part + 1 :].sum())]
        is_wanted = wanted[part] and len(later)
        nearest = later[np.argmin(np.abs(later - end))] if is_wanted else moved[-1]
        moved.append(int(nearest))
    return moved[1:]


def places(classes: Array, generator: np.random.Generator) -> Array:
    """Return where each row stands among those of its class, from 0 to 1."""
    _, row_class, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    by_class = np.argsort(row_class, kind="stable")
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    found = np.empty(len(classes))
    found[by_class] = np.arange(len(classes)) - starts
    return (found + generator.random(len(classes))) / sizes[row_class]
