"""Compare training through `fit()`: stock Keras, a generated project's fused steps, pure JAX.

python bench/training.py [ROUNDS]

Writes docs/performance.md and its pictures. Each round trains every way once, in turn, in this one
process and on the same rows in the same order; what counts is the ratio of two neighbours.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"
sys.path.insert(0, str(Path(__file__).parents[1]))

import jax
import jax.numpy as jnp
import keras
import numpy as np
from matplotlib.figure import Figure
from measure import Spread
from models import BATCH, RATE, SUBJECTS, Subject, ThroughFit, build, convnet
from processes import first_epochs, memory, starts
from rivals import install_nightly, install_training

from tests.projects import generate

ROUNDS = 9
RIVAL_ROUNDS = 7
ALIKE = 0.25  # losses of other ways to train may differ so much: they draw other weights
RIVALS = {
    "torch": "PyTorch loop",
    "lightning": "Lightning",
    "keras-torch": "Keras on torch",
    "flax": "flax and optax",
}
# A process held to one processor, where no work of one thread hides behind another's.
ONE_PROCESSOR = """
import json, os, sys
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
sys.path[:0] = sys.argv[2:]
import training
from bench_model.trainer import CustomModel

subject = training.SUBJECTS["tiny MLP"]
times = training.compare(subject, {"fused": CustomModel}, int(sys.argv[1]))
print(json.dumps([times[way].wall for way in ("stock", "fused", "pure JAX")]))
"""
FAST_CPU = Path(__file__).parents[1] / "examples/templates/fast-cpu"
VENVS = Path(__file__).parents[1] / ".venvs"
MEMORY_STEPS = 32  # 8 MiB of rows, as `auto` takes
DOCS = Path(__file__).parents[1] / "docs"


class PureJax:
    """Trains with a hand-written loop: an epoch in one scan, Adam by hand, no metrics."""

    def __init__(self, subject: Subject, *, scans: bool) -> None:
        self.subject = subject
        model = build(subject, keras.Model)
        self.state = (
            [v.value for v in model.trainable_variables],
            [v.value for v in model.non_trainable_variables],
            [jnp.zeros_like(v.value) for v in model.trainable_variables],
            [jnp.zeros_like(v.value) for v in model.trainable_variables],
            jnp.zeros((), "int32"),
        )

        def loss_of(weights: Any, others: Any, x: Any, y: Any) -> Any:
            y_pred, others = model.stateless_call(weights, others, x, training=True)
            return jnp.mean((y_pred - y) ** 2), others

        def step(state: Any, batch: Any) -> Any:
            weights, others, first, second, count = state
            (loss, others), gradients = jax.value_and_grad(loss_of, has_aux=True)(
                weights, others, *batch
            )
            count += 1
            rate = RATE * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
            first = [0.9 * m + 0.1 * g for m, g in zip(first, gradients, strict=True)]
            second = [0.999 * v + 0.001 * g * g for v, g in zip(second, gradients, strict=True)]
            weights = [
                w - rate * m / (jnp.sqrt(v) + 1e-7)
                for w, m, v in zip(weights, first, second, strict=True)
            ]
            return (weights, others, first, second, count), loss

        self.step = jax.jit(step, donate_argnums=0)
        self.epoch = jax.jit(lambda state, rows: jax.lax.scan(step, state, rows), donate_argnums=0)
        self.scans = scans

    def train(self, x: Any, y: Any) -> float:
        """Train for a round; returns the last epoch's loss."""
        losses: Any = 0.0
        for _ in range(self.subject.epochs):
            order = np.random.permutation(len(x)).reshape(-1, BATCH)
            rows = np.take(x, order, axis=0), np.take(y, order, axis=0)
            if self.scans:
                self.state, losses = self.epoch(self.state, rows)
            else:
                steps = []
                for batch in zip(*rows, strict=True):
                    self.state, loss = self.step(self.state, batch)
                    steps.append(loss)
                losses = jnp.stack(steps)
        return float(losses.mean())


@dataclass
class Times:
    """Seconds of wall clock and of the processors, a round each."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, work: Callable[[], Any]) -> Any:
        """Time some work."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)
        return result


def ratio(slow: list[float], fast: list[float]) -> str:
    """Return the median of the rounds' ratios, and the quartiles."""
    ratios = [a / b for a, b in zip(slow, fast, strict=True)]
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return f"{statistics.median(ratios):.2f} ({low:.2f} to {high:.2f})"


def compare(subject: Subject, classes: dict[str, Any], rounds: int) -> dict[str, Times]:
    """Train a model in every way, in turn; returns the times of each.

    Args:
        subject: the model and its rows.
        classes: the classes of generated projects, which choose the steps per execution.
        rounds: how often each way is measured.
    """
    random = np.random.default_rng(0)
    x = random.normal(size=(subject.steps * BATCH, *subject.shape)).astype("float32")
    y = random.normal(size=(len(x), 1)).astype("float32")
    ways: dict[str, Any] = {
        "stock": ThroughFit(subject, keras.Model, 1),
        "stock, 50 steps": ThroughFit(subject, keras.Model, 50),
        **{way: ThroughFit(subject, each, "auto") for way, each in classes.items()},
        "pure JAX": PureJax(subject, scans=subject.layers is not convnet),
    }
    times = {name: Times() for name in ways}
    for round_number in range(rounds + 1):
        losses = []
        for name, way in ways.items():
            keras.utils.set_random_seed(round_number)
            losses.append(times[name].add(partial(way.train, x, y)))
        if max(losses) - min(losses) > 0.05:
            raise SystemExit(f"the losses do not agree: {dict(zip(ways, losses, strict=True))}")
    for job in ("evaluate", "predict"):
        for name in ("stock", *classes):
            times[f"{job}, {name}"] = Times()
        for _ in range(rounds + 1):
            for name in ("stock", *classes):
                work = getattr(ways[name], job)
                times[f"{job}, {name}"].add(partial(work, x, y))
    for each in times.values():
        # The first round compiles.
        del each.wall[0], each.cpu[0]
    return times


def overlay_table(results: dict[str, dict[str, Times]]) -> str:
    """Return a table of the time of the default project over that with the overlay."""
    rows = ["| model | fit() | evaluate() | predict() | overlay / pure JAX |"]
    rows.append("| --- | --: | --: | --: | --: |")
    for name, times in results.items():
        wall = {way: each.wall for way, each in times.items()}
        cells = [
            ratio(wall[f"{job}fused"], wall[f"{job}overlay"])
            for job in ("", "evaluate, ", "predict, ")
        ]
        cells.append(ratio(wall["overlay"], wall["pure JAX"]))
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def nightly_costs(project: Path, rounds: int) -> str:
    """Return a table of the time of Keras nightly's own fusing over that of fused steps."""
    python = install_nightly(VENVS / "keras-nightly", version("jax"))
    command = [str(python), str(Path(__file__).with_name("nightly_training.py")), str(rounds)]
    environment = {**os.environ, "PYTHONPATH": str(project / "src")}
    result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    name, found = json.loads(result.stdout.splitlines()[-1])
    rows = [f"| keras {name} | one step / fused | 50 / fused | an epoch / fused |"]
    rows.append("| --- | --: | --: | --: |")
    for model, times in found.items():
        fused = times.pop("fused")
        cells = [ratio(seconds, fused) for seconds in times.values()]
        rows.append(f"| {model} | {' | '.join(cells)} |")
    return "\n".join(rows)


def page(
    results: dict[str, dict[str, Times]],
    nightly: str,
    rivals: dict[str, dict[str, list[float]]],
    one_processor: str,
    processes: str,
    rounds: int,
) -> str:
    """Return the page with the tables."""
    rows = [
        "| model | stock / fused | stock, 50 steps / fused | fused / pure JAX | evaluate"
        " | predict |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for clock in ("wall", "cpu"):
        rows.append(f"| **{'wall clock' if clock == 'wall' else 'processor time'}** | | | | | |")
        for name, times in results.items():
            seconds = {way: getattr(each, clock) for way, each in times.items()}
            cells = [
                ratio(seconds["stock"], seconds["fused"]),
                ratio(seconds["stock, 50 steps"], seconds["fused"]),
                ratio(seconds["fused"], seconds["pure JAX"]),
                ratio(seconds["evaluate, stock"], seconds["evaluate, fused"]),
                ratio(seconds["predict, stock"], seconds["predict, fused"]),
            ]
            rows.append(f"| {name} | {' | '.join(cells)} |")
    return f"""# Performance

Written by `make bench-training`: keras {version("keras")}, jax {version("jax")}, the CPU with
{os.cpu_count()} cores. Every way trains the same model on the same rows in the same order, in turn
and in one process, {rounds} rounds; the figures are ratios of neighbouring rounds, the median with
the quartiles. In the first two columns, and for `evaluate()` and `predict()` (stock / fused), more
is better; beside the hand-written loop, which has no metrics and no callbacks, less is better.

{chr(10).join(rows)}

- stock: `keras.Model` with `fit()`, one step per execution, and with `steps_per_execution=50`.
- fused: the class of a generated project, with `steps_per_execution="auto"`, without any overlay.
- pure JAX: an epoch in one `lax.scan` with Adam by hand; the convnet in a loop over a compiled
  step, since XLA makes convolutions in a loop slow on a CPU. For the same reason the fused class
  does not fuse it there, and says so.
{one_processor}
![Time of a step, by way of training](performance.png)

Other ways to train such models, their time of a step over that of the fused class, less than 1
where they are faster. Each trains in a process of its own, in turn, {RIVAL_ROUNDS} rounds, with no
metric but the loss; the losses agree to {ALIKE}:

{rival_table(rivals)}

![Time of a step of other ways, over that of the fused class](performance-rivals.png)

## Beside Keras nightly's own fusing

Keras 3.16 runs `steps_per_execution` in a `lax.scan` by itself. Its time of a step with one, with
50 and with an epoch's steps per execution, over that of the fused class, in one process on that
version; above 1 the fused class is faster:

{nightly}

## The overlay fast-cpu

`examples/templates/fast-cpu` rewrites what XLA makes slow code of on a CPU: the gradients of max
pooling and of dense layers over sequences, and attention. It also sets an option of XLA, so that a
loop does not copy the weights in each step. Take it for convnets with max pooling, for transformers
and for large dense layers that are trained on a CPU. On a GPU or TPU it does nothing, and it adds
250 lines to your project, most of which look into JAX's traced programs (`jax.extend.core`). The
time of the default project over that of one with the overlay; above 1 the overlay is faster. The
hand-written loop takes XLA's own operations and options:

{overlay_table(results)}

## Whole runs

{processes}
"""


def process_costs(project: Path, folder: Path, rounds: int) -> str:
    """Return what whole processes cost, in words."""
    warm, importing = starts(project, folder, rounds)
    over = memory(project, folder, MEMORY_STEPS, rounds)
    first = first_epochs(project, folder, rounds)
    rows = "\n".join(
        f"| {way} | {cache} | {shown(whole)} | {shown(compiling)} |"
        for (way, cache), (whole, compiling) in first.items()
    )
    return f"""The way to the end of the first epoch, once Keras is imported (the middle MLP, 100
steps): processor time over that of stock training whose cache of compiled programs is empty.

| way | cache | to the end of the first epoch | of it compiling, or reading the cache |
| --- | --- | --: | --: |
{rows}

A run of ten epochs (`python -m bench_model train --epochs 10`) whose programs are
in the cache takes {shown(warm)} of the processor time of the first run; importing Keras alone takes
{shown(importing)} of it. With 512 MiB of rows, fused training peaks {over.median:.0f} MiB above
stock training. {rounds} pairs of processes each."""


def on_one_processor(project: Path, rounds: int) -> str:
    """Return what the tiny MLP costs where there is one processor, in words."""
    if not hasattr(os, "sched_setaffinity"):
        return ""
    folders = [str(Path(__file__).parent), str(project / "src")]
    command = [sys.executable, "-c", ONE_PROCESSOR, str(rounds), *folders]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    stock, fused, pure = json.loads(result.stdout.splitlines()[-1])
    return f"""
Keras waits for the metrics after each epoch, where the hand-written loop draws the next order while
the last steps still run. Held to one processor, where neither can do two things at a time, the tiny
MLP takes {ratio(fused, pure)} of pure JAX's wall clock, and stock {ratio(stock, fused)} of fused.
"""


def rival_costs(project: Path, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return other ways' times over those of fused steps, in paired processes, by way and model."""
    rivals = install_training(VENVS / "rivals-training")
    times: dict[str, list[dict[str, float]]] = {way: [] for way in ("fused", *RIVALS)}
    losses: dict[str, float] = {}
    for _ in range(rounds):
        for way, each in times.items():
            python = sys.executable if way == "fused" else rivals
            command = [str(python), str(Path(__file__).with_name("rival_training.py")), way, "2"]
            backend = "torch" if way == "keras-torch" else "jax"
            environment = {
                **os.environ,
                "KERAS_BACKEND": backend,
                "PYTHONPATH": str(project / "src"),
            }
            result = subprocess.run(command, env=environment, capture_output=True, text=True)
            if result.returncode != 0:
                raise SystemExit(f"{' '.join(command)} failed:\n{result.stderr}")
            found = json.loads(result.stdout.splitlines()[-1])
            for name, (_, loss) in found.items():
                expected = losses.setdefault(name, loss)
                if abs(loss - expected) > ALIKE:
                    raise SystemExit(f"{way}, {name}: the loss is {loss}, not about {expected}")
            each.append({name: seconds for name, (seconds, _) in found.items()})
    return {
        way: {
            name: [
                other[name] / fused[name]
                for other, fused in zip(times[way], times["fused"], strict=True)
            ]
            for name in SUBJECTS
        }
        for way in RIVALS
    }


def rival_table(rivals: dict[str, dict[str, list[float]]]) -> str:
    """Return a table of other ways' times over those of fused steps."""
    rows = [f"| model | {' | '.join(RIVALS.values())} |", f"| --- |{' --: |' * len(RIVALS)}"]
    for name in SUBJECTS:
        cells = [shown(Spread.of(rivals[way][name])) for way in RIVALS]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def shown(spread: Spread) -> str:
    """Return a ratio's median and quartiles, in words."""
    return f"{spread.median:.2f} ({spread.lower:.2f} to {spread.upper:.2f})"


def draw(results: dict[str, dict[str, Times]], path: Path) -> None:
    """Draw the time of a step relative to stock's, as a picture."""
    ways = ("stock", "stock, 50 steps", "fused", "pure JAX")
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    for number, way in enumerate(ways):
        heights = [
            statistics.median(times[way].wall) / statistics.median(times["stock"].wall)
            for times in results.values()
        ]
        places = [place + 0.2 * (number - 1.5) for place in range(len(results))]
        bars = axes.bar(places, heights, width=0.19, label=way)
        axes.bar_label(bars, fmt="%.2f", fontsize=7)
    axes.set(ylabel="time of a step / stock's", title="Training through fit(): less is better")
    axes.set_xticks(range(len(results)), list(results), fontsize=8)
    axes.set_ylim(0, 1.1)
    figure.legend(loc="outside lower center", ncols=len(ways), frameon=False)
    axes.grid(axis="y", alpha=0.3)
    figure.savefig(path, dpi=120)


def draw_rivals(rivals: dict[str, dict[str, list[float]]], path: Path) -> None:
    """Draw the time of a step of other ways over that of fused steps, as a picture."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    for number, way in enumerate(RIVALS):
        heights = [statistics.median(rivals[way][name]) for name in SUBJECTS]
        places = [place + 0.2 * (number - 1.5) for place in range(len(SUBJECTS))]
        # From 1 up where the other way is slower, from 1 down where it is faster.
        bars = axes.bar(
            places, [height - 1 for height in heights], width=0.19, bottom=1, label=RIVALS[way]
        )
        axes.bar_label(bars, [f"{height:.3g}" for height in heights], fontsize=7)
    axes.axhline(1, color="black", linewidth=1)
    axes.set(
        yscale="log",
        ylabel="time of a step / fused",
        title="Other ways to train: above 1 they take longer than a generated project",
    )
    axes.set_xticks(range(len(SUBJECTS)), list(SUBJECTS), fontsize=8)
    figure.legend(loc="outside lower center", ncols=len(RIVALS), frameon=False)
    axes.grid(axis="y", alpha=0.3)
    figure.savefig(path, dpi=120)


def main() -> None:
    """Measure, and write the page."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        project = generate(Path(folder, "bench"), {"package": "bench_model"})
        overlay = generate(
            Path(folder, "fast"), {"package": "bench_fast"}, "--template", str(FAST_CPU)
        )
        sys.path[:0] = [str(project / "src"), str(overlay / "src")]
        import bench_fast.trainer
        import bench_model.trainer

        classes = {
            "fused": bench_model.trainer.CustomModel,
            "overlay": bench_fast.trainer.CustomModel,
        }
        rivals = rival_costs(project, RIVAL_ROUNDS)
        results = {}
        for name, subject in SUBJECTS.items():
            results[name] = compare(subject, classes, rounds)
            best = {way: min(times.wall) for way, times in results[name].items()}
            print(name, {way: f"{best['stock'] / seconds:.2f}" for way, seconds in best.items()})
        nightly = nightly_costs(project, rounds)
        one = on_one_processor(project, rounds)
        costs = process_costs(project, Path(folder), rounds)
    (DOCS / "performance.md").write_text(
        page(results, nightly, rivals, one, costs, rounds), encoding="utf-8"
    )
    draw(results, DOCS / "performance.png")
    draw_rivals(rivals, DOCS / "performance-rivals.png")


if __name__ == "__main__":
    main()
