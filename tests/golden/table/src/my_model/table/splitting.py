"""Which rows train, which validate, which test."""

from __future__ import annotations

import numpy as np

from .reading import Table
from .schema import Array, Schema


def split_rows(
    table: Table, schema: Schema, validation: float, test: float, seed: int
) -> tuple[Array, Array, Array]:
    """Return the numbers of the rows to train, validate and test with.

    By time, the earliest rows train and the latest test; a group stays in one part; and
    otherwise each part has its share of every class.
    """
    rows = len(table.target)
    generator = np.random.default_rng(seed)
    order = generator.permutation(rows)
    groups = order
    if schema.table.time:
        order = order[np.argsort(-table.order[order], kind="stable")]
    elif schema.table.group:
        _, group = np.unique(table.group, return_inverse=True)
        groups = generator.permutation(group.max() + 1)[group]
        order = np.argsort(groups, kind="stable")
        groups = groups[order]
    elif schema.labels:
        order = order[np.argsort(places(table.target[order], generator), kind="stable")]
    ends = [round(rows * test), round(rows * test) + round(rows * validation)]
    if schema.table.group and not schema.table.time:
        ends = [
            int(np.searchsorted(groups, groups[min(end, rows - 1)])) for end in ends
        ]
    test_rows, validation_rows, train_rows = np.split(order, ends)
    return train_rows, validation_rows, test_rows


def places(classes: Array, generator: np.random.Generator) -> Array:
    """Return where each row stands among those of its class, from 0 to 1."""
    _, row_class, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    by_class = np.argsort(row_class, kind="stable")
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    found = np.empty(len(classes))
    found[by_class] = np.arange(len(classes)) - starts
    return (found + generator.random(len(classes))) / sizes[row_class]
