"""Which rows of a table train, validate and test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FRACTIONS = (0.2, 0.15)  # to validate and to test with


def split(project: Any, role: str, cells: Any, seed: int = 0) -> list[np.ndarray]:
    """Return the cells of each part, split by a role of their column."""
    column, target = project.schema.Column("number"), np.arange(len(cells)) / 2
    schema = project.schema.Schema(
        project.schema.Format(target="y", **{role: "role"}),
        {"x": column, "role": column, "y": column},
    )
    ones = np.ones(len(cells))
    arrays = {"order": ones, "group": ones, {"time": "order"}.get(role, role): np.array(cells)}
    table = project.reading.Table({"numbers": ones[:, None]}, target, ones, **arrays)
    parts = project.splitting.split_rows(table, schema, *FRACTIONS, seed)
    assert sorted(np.concatenate(parts)) == [*range(len(cells))]
    return [np.array(cells)[rows] for rows in parts]


@settings(max_examples=100, deadline=None, suppress_health_check=[*HealthCheck])
@given(cells=st.lists(st.integers(0, 9), min_size=5, max_size=60), seed=st.integers(0, 99))
def test_a_group_stays_in_one_part(cells: list[int], seed: int, project: Any) -> None:
    """Some group trains; others test and validate, if there are any."""
    groups = [{*part.tolist()} for part in split(project, "group", cells, seed)]
    assert sum(map(len, groups)) == len({*cells})
    train, validation, test = groups
    assert train
    assert bool(test) == (len({*cells}) > 1)
    assert not (validation and not test)


def test_three_groups_are_one_for_each_part(project: Any) -> None:
    """The largest one trains."""
    for seed in range(6):
        parts = split(project, "group", [0] * 90 + [1] * 7 + [2] * 3, seed)
        sizes = [len(part) for part in parts]
        assert sizes[0] == 90
        assert sorted(sizes) == [3, 7, 90]


def test_many_groups_follow_the_fractions(project: Any) -> None:
    """No part but that to train on is larger than its share, which groups may not fill."""
    train, validation, test = split(project, "group", np.arange(1000) // 5)
    assert (len(train), len(validation), len(test)) == (650, 200, 150)
    sizes = np.random.default_rng(0).integers(1, 20, 100)
    parts = split(project, "group", np.repeat(np.arange(100), sizes))
    for part, share in zip(parts[1:], FRACTIONS, strict=True):
        assert 0.8 * share < len(part) / sizes.sum() <= share + 0.001


def test_the_latest_rows_test(project: Any) -> None:
    """And the earliest train."""
    times = np.random.default_rng(0).permutation(200)
    train, validation, test = split(project, "time", times)
    assert train.max() < validation.min()
    assert validation.max() < test.min()


def test_time_and_group_are_not_both_followed(project: Any) -> None:
    """The file of columns says so when it is read."""
    columns = {name: {"kind": "number"} for name in "xy"}
    table = {"target": "y", "time": "x", "group": "x"}
    with pytest.raises(ValueError, match="by time or by group, not by both"):
        project.schema.TypeAdapter(project.schema.Schema).validate_python(
            {"table": table, "columns": columns}
        )
