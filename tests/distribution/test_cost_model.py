"""The model of many accelerators gives what one computes by hand."""

import pytest
from cost_model import (
    Cluster,
    Workload,
    all_reduce_seconds,
    balance_rows,
    communication_seconds,
    compute_seconds,
    ring_bytes,
    strong_limit,
    strong_speedup,
    weak_efficiency,
)

# Round numbers: a row of `SMALL` takes 6 seconds, and its 400 bytes of gradients 4 on 2 devices.
CLUSTER = Cluster(flops=100, inside=100, card=25, latency=0.25, per_host=4)
SMALL = Workload("small", parameters=100, tokens=1, rows=16)


@pytest.mark.parametrize(("devices", "expected"), [(1, 0), (2, 100), (4, 150), (1000, 199.8)])
def test_ring_bytes(devices: int, expected: float) -> None:
    """A device sends 2(N-1)/N of the bytes: nothing alone, and never more than twice."""
    assert ring_bytes(devices, 100) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        (1, 0),
        (2, 1 * 400 / 100 + 0.25),
        (4, 1.5 * 400 / 100 + 0.25),
        # Two hosts: 1.75 of the bytes inside at 100, 1 between them through four cards of 25.
        (8, 1.75 * 400 / 100 + 0.25),
    ],
)
def test_all_reduce_inside(devices: int, expected: float) -> None:
    """The time is that of the bytes inside a host, as long as the cards keep up."""
    assert all_reduce_seconds(devices, 400, CLUSTER) == pytest.approx(expected)
    assert communication_seconds(devices, SMALL, CLUSTER) == pytest.approx(expected)


def test_all_reduce_between_hosts() -> None:
    """Slow cards set the time: four of 5 bytes a second, two hosts that send 400 bytes each."""
    slow = Cluster(flops=100, inside=100, card=5, latency=0.25, per_host=4)
    assert all_reduce_seconds(8, 400, slow) == pytest.approx(400 / 20 + 0.25)


def test_compute() -> None:
    """A row takes 6 operations for each weight and token."""
    assert compute_seconds(2, SMALL, CLUSTER) == pytest.approx(12)
    text = Workload("text", parameters=100, tokens=10, rows=1)
    assert compute_seconds(1, text, CLUSTER) == pytest.approx(60)


def test_scaling() -> None:
    """Two devices compute 8 rows each, 48 seconds, and add up in 4.25."""
    assert strong_speedup(1, SMALL, CLUSTER) == 1
    assert strong_speedup(2, SMALL, CLUSTER) == pytest.approx(96 / 52.25)
    assert weak_efficiency(2, 1, SMALL, CLUSTER) == pytest.approx(6 / 10.25)
    assert weak_efficiency(1, 1, SMALL, CLUSTER) == 1


def test_balance_rows() -> None:
    """A device needs rows for as long as the gradients take: 2 of them for 7.25 seconds."""
    assert balance_rows(2, SMALL, CLUSTER) == 1
    assert balance_rows(8, SMALL, CLUSTER) == 2
    assert balance_rows(1, SMALL, CLUSTER) == 1


def test_strong_limit() -> None:
    """A batch is no longer divided where sending takes longer, or where rows are missing."""
    # 8 devices: 2 rows, 12 seconds, against 7.25; 16: 1 row, 6 seconds, against 7.75.
    assert strong_limit(SMALL, CLUSTER) == (8, "communication exceeds compute")
    text = Workload("text", parameters=100, tokens=10, rows=16)
    assert strong_limit(text, CLUSTER) == (16, "less than one row on each device")
