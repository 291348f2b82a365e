"""Which rows train, which validate, which test."""

from __future__ import annotations

import numpy as np

from .reading import Table
from .schema import Array, Schema

TRAIN = 2


def split_rows(
    table: Table, schema: Schema, validation: float, test: float, seed: int
) -> tuple[Array, Array, Array]:
    """Return the numbers of the rows to train, validate and test with.

    By time, the earliest rows train and the latest test; a group stays in one part;
    otherwise each part has its share of every class.
    """
    rows = len(table.target)
    generator = np.random.default_rng(seed)
    order = generator.permutation(rows)
    goals = round(rows * test), round(rows * validation)
    if schema.table.group:
        _, group, sizes = np.unique(
            table.group, return_inverse=True, return_counts=True
        )
        parts = deal_groups(sizes, goals, generator)[group[order]]
        return order[parts == TRAIN], order[parts == 1], order[parts == 0]
    if schema.table.time:
        order = order[np.argsort(-table.order[order], kind="stable")]
    elif schema.labels:
        order = order[np.argsort(places(table.target[order], generator), kind="stable")]
    test_rows, validation_rows, train_rows = np.split(order, np.cumsum(goals))
    return train_rows, validation_rows, test_rows


def deal_groups(
    sizes: Array, goals: tuple[int, int], generator: np.random.Generator
) -> Array:
    """Return the part of each group: 0 tests, 1 validates, `TRAIN` trains.

    No part gets more rows than its goal, unless each group is larger than that: then it
    gets the smallest, as long as another one is left to train on.
    """
    parts = np.full(len(sizes), TRAIN)
    rows = [0, 0]
    for group in generator.permutation(len(sizes)):
        fitting = [n for n in (0, 1) if rows[n] + sizes[group] <= goals[n]]
        if fitting:
            part = min(fitting, key=lambda n: rows[n] > 0)  # an empty one first
            parts[group] = part
            rows[part] += sizes[group]
    for part in (0, 1):
        training = np.flatnonzero(parts == TRAIN)
        if goals[part] and not rows[part] and len(training) > 1:
            parts[training[np.argmin(sizes[training])]] = part
    return parts


def places(classes: Array, generator: np.random.Generator) -> Array:
    """Return where each row stands among those of its class, from 0 to 1."""
    _, row_class, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    by_class = np.argsort(row_class, kind="stable")
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    found = np.empty(len(classes))
    found[by_class] = np.arange(len(classes)) - starts
    return (found + generator.random(len(classes))) / sizes[row_class]
