"""The metrics of a run as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOG_RANGE = 100  # from this ratio of the largest to the smallest value on


def plot_history(history: list[dict[str, float]], path: Path, kept_epoch: int) -> None:
    """Draw each metric over the epochs, training and validation, as a PNG file.

    `kept_epoch` is the epoch whose model was saved, counted from 1.
    """
    # Imported here: it takes long, and most commands do not draw.
    from matplotlib.figure import Figure

    names = {name.removeprefix("val_") for epoch in history for name in epoch}
    ordered = sorted(names, key=lambda name: (name != "loss", name))
    if not ordered:
        return
    width = 4.5 * len(ordered)
    figure = Figure(figsize=(width, 3.6))
    # In inches: a layout that fits the text would draw everything twice.
    figure.subplots_adjust(0.8 / width, 0.15, 1 - 0.2 / width, 0.9, wspace=0.3)
    for axes, name in zip(figure.subplots(1, len(ordered), squeeze=False)[0], ordered):
        plot_metric(axes, name, history)
        axes.axvline(kept_epoch, color="gray", linestyle=":", label="saved model")
        axes.set(title=name, xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    with atomic_write(path) as partial:
        figure.savefig(partial, format="png", dpi=120)


def plot_metric(axes: Axes, name: str, history: list[dict[str, float]]) -> None:
    """Draw one metric, on a log scale if its values differ that much."""
    drawn: list[float] = []
    for label, column in (("training", name), ("validation", f"val_{name}")):
        points = [(n, e[column]) for n, e in enumerate(history, 1) if column in e]
        if points:
            epochs, values = zip(*points)
            marker = "." if len(points) < 3 else ""
            axes.plot(epochs, values, label=label, marker=marker)
            drawn += values
    if min(drawn) > 0 and max(drawn) / min(drawn) > LOG_RANGE:
        axes.set_yscale("log")
