"""What a data-parallel step costs on many accelerators: a model, not a measurement.

A step computes its rows, and then adds up the gradients of all devices with a ring all-reduce.
Here nothing overlaps, which makes a real step faster, and starting programs and reading data take
no time, which they do. Sizes are bytes, times are seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

GRADIENT_BYTES = 4  # float32, under every dtype policy of Keras: the variables are float32


@dataclass(frozen=True)
class Cluster:
    """Hosts with several accelerators each.

    Attributes:
        flops: operations per second that one device reaches in training.
        inside: bytes per second and direction between the devices of a host.
        card: bytes per second and direction of a network card; each device has one.
        latency: what an all-reduce takes, however little it moves.
        per_host: devices in a host.
    """

    flops: float
    inside: float
    card: float
    latency: float
    per_host: int = 8


@dataclass(frozen=True)
class Workload:
    """A model and its batches.

    Attributes:
        parameters: number of trainable weights.
        tokens: how often a row uses each of them: tokens of a text, or 1.
        rows: rows of a global batch.
    """

    name: str
    parameters: int
    tokens: int
    rows: int


def ring_bytes(devices: int, size: float) -> float:
    """Return the bytes that each device of a ring sends, to add up `size` bytes on all of them.

    Each sends a part to its neighbour 2(N-1) times; a part is 1/N of the bytes.
    """
    return 2 * (devices - 1) / devices * size


def all_reduce_seconds(devices: int, size: float, cluster: Cluster) -> float:
    """Return the time of an all-reduce: of its slowest connection, and the latency.

    Rings cross from host to host through all network cards of a host at once.
    """
    if devices == 1:
        return 0.0
    hosts = math.ceil(devices / cluster.per_host)
    cards = min(devices, cluster.per_host)
    inside = ring_bytes(devices, size) / cluster.inside
    between = ring_bytes(hosts, size) / (cards * cluster.card)
    return max(inside, between) + cluster.latency


def compute_seconds(rows: float, workload: Workload, cluster: Cluster) -> float:
    """Return the time to compute rows on one device.

    Forward and backward take 6 operations for each weight and token.
    """
    return 6 * workload.parameters * workload.tokens * rows / cluster.flops


def communication_seconds(devices: int, workload: Workload, cluster: Cluster) -> float:
    """Return the time to add up the gradients of a step."""
    return all_reduce_seconds(devices, GRADIENT_BYTES * workload.parameters, cluster)


def strong_speedup(devices: int, workload: Workload, cluster: Cluster) -> float:
    """Return how many times faster than one device the same global batch is."""
    computing = compute_seconds(workload.rows / devices, workload, cluster)
    step = computing + communication_seconds(devices, workload, cluster)
    return compute_seconds(workload.rows, workload, cluster) / step


def weak_efficiency(devices: int, rows: float, workload: Workload, cluster: Cluster) -> float:
    """Return the fraction of a step that computes, with so many rows on each device."""
    computing = compute_seconds(rows, workload, cluster)
    return computing / (computing + communication_seconds(devices, workload, cluster))


def balance_rows(devices: int, workload: Workload, cluster: Cluster) -> int:
    """Return the least rows on each device with which a step computes as long as it sends."""
    sending = communication_seconds(devices, workload, cluster)
    return max(1, math.ceil(sending / compute_seconds(1, workload, cluster)))


def strong_limit(workload: Workload, cluster: Cluster) -> tuple[int, str]:
    """Return the most devices, a power of two, that the global batch keeps busy; and why."""
    devices = 1
    while True:
        following = 2 * devices
        share = workload.rows / following
        sending = communication_seconds(following, workload, cluster)
        if share < 1:
            return devices, "less than one row on each device"
        if sending > compute_seconds(share, workload, cluster):
            return devices, "communication exceeds compute"
        devices = following
