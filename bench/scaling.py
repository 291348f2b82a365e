"""Measure distributed projects on virtual devices, and compute what many accelerators cost.

python bench/scaling.py [ROUNDS]

Writes the tables of docs/scaling.md. Each way to train has processes of its own, which wait while
the others are timed. In a round a way follows the same model on one device; what counts is the
ratio of the two.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from collectives import Collective, total
from cost_model import (
    Cluster,
    Workload,
    balance_rows,
    communication_seconds,
    compute_seconds,
    strong_limit,
    strong_speedup,
    weak_efficiency,
)
from sharded_training import ANSWER, Job, Program

from tests.projects import generate

PAGE = Path(__file__).parents[1] / "docs" / "scaling.md"
ROUNDS = 7
NETWORKS = ((64, 64), (512, 512))
JOB = Job("", NETWORKS, batch=256, steps=32)
SECONDS = 0.3  # that are timed at once, about
EPOCHS = 20  # that are timed at once, at most
SCALARS = 64  # bytes of losses and metrics that a step may add up beside its gradients
SHOWN = 2000  # characters of what a process that failed printed last
PATIENCE = 60  # seconds that processes have to end

# 40% of an H100's 989e12 operations a second in bfloat16, NVLink of 450 GB/s and a network card of
# 400 Gbit/s for each GPU (InfiniBand NDR).
H100 = Cluster(flops=0.4 * 989e12, inside=450e9, card=50e9, latency=30e-6)
WORKLOADS = (
    Workload("MLP, 0.27M", 270_000, tokens=1, rows=4096),
    Workload("transformer, 100M", 100_000_000, tokens=2048, rows=512),
    Workload("transformer, 1B", 1_000_000_000, tokens=2048, rows=512),
)
COUNTS = (8, 64, 1024)


@dataclass(frozen=True)
class Way:
    """A way to train: the project's distribution, and how many processes and devices."""

    distribution: str
    processes: int
    devices: int

    @property
    def package(self) -> str:
        """The project's package."""
        return f"scaled_{self.distribution.replace('-', '_')}"


ONE = Way("data-parallel", 1, 1)
WAYS = (
    Way("none", 1, 1),
    *(Way("data-parallel", 1, devices) for devices in (2, 4, 8)),
    *(Way("data-parallel", 2, devices) for devices in (2, 4, 8)),
    *(Way("model-parallel", 1, devices) for devices in (1, 2, 4, 8)),
    *(Way("model-parallel", 2, devices) for devices in (2, 4, 8)),
)


class Team:
    """The processes of a way, which train together when they are asked."""

    def __init__(self, processes: list[Any], logs: list[Path]) -> None:
        self.processes = processes
        self.logs = logs
        self.programs = [
            Program(each["weights"], tuple(Collective(**c) for c in each["operations"]))
            for each in self.read()
        ]
        epoch_seconds = [JOB.steps * self.timed(network, 1) for network in range(len(NETWORKS))]
        self.epochs = [max(1, min(EPOCHS, round(SECONDS / each))) for each in epoch_seconds]

    def read(self) -> Any:
        """Return what process 0 answers next; raises `SystemExit` if it ended."""
        for line in self.processes[0].stdout:
            if line.startswith(ANSWER):
                return json.loads(line.removeprefix(ANSWER))
        raise SystemExit("\n".join(log.read_text(errors="replace")[-SHOWN:] for log in self.logs))

    def step_seconds(self, network: int) -> float:
        """Return the time of a step of a network."""
        return self.timed(network, self.epochs[network])

    def timed(self, network: int, epochs: int) -> float:
        """Return the time of a step of a network, in so many epochs."""
        for process in self.processes:
            process.stdin.write(f"{network} {epochs}\n")
            process.stdin.flush()
        seconds: float = self.read()
        return seconds


@contextlib.contextmanager
def team(way: Way, projects: Path) -> Iterator[Team]:
    """Start the processes of a way; they are ended afterwards."""
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "JAX_NUM_CPU_DEVICES": str(way.devices // way.processes),
        "PYTHONPATH": str(projects / way.distribution / "src"),
    }
    script = str(Path(__file__).with_name("sharded_training.py"))
    coordinator = f"127.0.0.1:{free_port()}" if way.processes > 1 else ""
    processes, logs = [], []
    try:
        for number in range(way.processes):
            logs.append(projects / f"{way.package}-{number}.log")
            job = replace(
                JOB,
                package=way.package,
                processes=way.processes,
                process=number,
                coordinator=coordinator,
            )
            with logs[-1].open("w") as log:
                process = subprocess.Popen(
                    [sys.executable, script, json.dumps(asdict(job))],
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=log if number else subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
            processes.append(process)
        yield Team(processes, logs)
        for process in processes:
            process.stdin.close()  # type: ignore[union-attr]
        for process in processes:
            process.wait(PATIENCE)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def measure(one: Team, other: Team, rounds: int) -> list[list[float]]:
    """Return the times of a step over those on one device, of each network."""
    ratios: list[list[float]] = [[] for _ in NETWORKS]
    for _ in range(rounds):
        for network, found in enumerate(ratios):
            single = one.step_seconds(network)
            found.append(other.step_seconds(network) / single)
    return ratios


def check(way: Way, program: Program) -> None:
    """Raise `SystemExit` if data-parallel steps do not add up their gradients, and only those."""
    if way.distribution != "data-parallel":
        return
    gradients = 4 * program.weights
    found = total(list(program.operations))
    kinds = {each.kind for each in program.operations}
    if kinds != {"all-reduce"} or not gradients < found <= gradients + SCALARS:
        raise SystemExit(f"{way}: {found} bytes of {kinds}, not {gradients} and a few scalars")


def measured(projects: Path, rounds: int) -> str:
    """Return the table of what is measured here."""
    names = [", ".join(map(str, units)) for units in NETWORKS]
    columns = " | ".join(f"{name}: time | bytes" for name in names)
    rows = [
        f"| distribution | processes | devices | {columns} | collectives |",
        f"| --- | --: | --: |{' --: | --: |' * len(names)} --- |",
    ]
    with team(ONE, projects) as one:
        for way in WAYS:
            with team(way, projects) as other:
                ratios = measure(one, other, rounds)
            cells = []
            for found, program in zip(ratios, other.programs, strict=True):
                check(way, program)
                cells += [spread(found), f"{total(list(program.operations)):,.0f}"]
            counts = Counter(each.kind for each in other.programs[-1].operations)
            kinds = ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "none"
            numbers = f"{way.distribution} | {way.processes} | {way.devices}"
            rows.append(f"| {numbers} | {' | '.join(cells)} | {kinds} |")
            print(rows[-1], flush=True)
    sizes = [
        f"{4 * program.weights:,} ({name})"
        for program, name in zip(one.programs, names, strict=True)
    ]
    return "\n".join(
        [*rows, "", f"Bytes of the gradients: {', '.join(sizes)}. {conditions(rounds)}"]
    )


def conditions(rounds: int) -> str:
    """Return under which conditions the table was measured, in words."""
    versions = f"keras {version('keras')}, jax {version('jax')}"
    load = f"a load average of {os.getloadavg()[1]:.0f} on {os.cpu_count()} cores"
    return f"{rounds} rounds, {versions}, {load}."


def spread(ratios: list[float]) -> str:
    """Return the median and the range of some ratios."""
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def computed() -> str:
    """Return the tables of the model."""
    return f"{strong_table()}\n\n{weak_table()}\n\n{limits_table()}"


def strong_table() -> str:
    """Return what a fixed global batch costs on more and more devices."""
    rows = [
        "| model | rows of a batch | devices | rows on each | compute, ms | all-reduce, ms"
        " | speed-up | limit |",
        "| --- | --: | --: | --: | --: | --: | --: | --- |",
    ]
    for workload in WORKLOADS:
        for devices in COUNTS:
            share = workload.rows / devices
            compute = compute_seconds(share, workload, H100)
            sending = communication_seconds(devices, workload, H100)
            costs = f"{compute * 1e3:.3g} | {sending * 1e3:.3g}"
            speedup = f"{strong_speedup(devices, workload, H100):.3g}"
            limit = "communication" if sending > compute else ""
            if share < 1:
                costs, speedup, limit = "- | -", "-", "less than one row"
            rows.append(
                f"| {workload.name} | {workload.rows:,} | {devices:,} | {share:g} | {costs}"
                f" | {speedup} | {limit} |"
            )
    return "\n".join(rows)


def weak_table() -> str:
    """Return the fraction of a step that computes, with fixed rows on each device."""
    rows = [
        f"| model | rows on each | {' | '.join(f'{n:,} devices' for n in COUNTS)} |",
        f"| --- | --: |{' --: |' * len(COUNTS)}",
    ]
    for workload in WORKLOADS:
        for share in (1, 8, 64):
            cells = [f"{weak_efficiency(n, share, workload, H100):.0%}" for n in COUNTS]
            rows.append(f"| {workload.name} | {share} | {' | '.join(cells)} |")
    return "\n".join(rows)


def limits_table() -> str:
    """Return how far a batch can be divided, and the rows that a device needs."""
    rows = [
        "| model | devices that its batch keeps busy | with more | rows that each of 1,024"
        " needs |",
        "| --- | --: | --- | --: |",
    ]
    for workload in WORKLOADS:
        devices, reason = strong_limit(workload, H100)
        needed = balance_rows(COUNTS[-1], workload, H100)
        rows.append(f"| {workload.name} | {devices:,} | {reason} | {needed:,} |")
    return "\n".join(rows)


def write(name: str, table: str) -> None:
    """Write a table between its markers in the page; raises `SystemExit` without them."""
    begin, end = f"<!-- {name}: written by `make bench-scaling` -->\n", f"<!-- end of {name} -->\n"
    page = PAGE.read_text(encoding="utf-8")
    if begin not in page or end not in page:
        raise SystemExit(f"{PAGE} has no marker {begin.strip()!r}")
    before, _, rest = page.partition(begin)
    after = rest.partition(end)[2]
    PAGE.write_text(f"{before}{begin}\n{table}\n\n{end}{after}", encoding="utf-8")


def main() -> None:
    """Measure, compute, and write the tables."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    write("model", computed())
    with tempfile.TemporaryDirectory() as folder:
        for name in ("none", "data-parallel", "model-parallel"):
            package = Way(name, 1, 1).package
            generate(Path(folder, name), {"package": package, "distribution": name})
        write("measured", measured(Path(folder), rounds))


if __name__ == "__main__":
    main()
