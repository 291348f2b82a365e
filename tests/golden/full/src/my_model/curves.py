"""The picture of a run: each metric over the epochs."""

import csv
from pathlib import Path

from .runs import replacing


def plot_curves(history: Path, picture: Path) -> None:
    """Draw the metrics in `history`, training and validation side by side, as PNG."""
    # Here, since drawing takes a second to import and most commands do not draw.
    from matplotlib.figure import Figure

    with history.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        return
    epochs = [int(row["epoch"]) + 1 for row in rows]
    names = [
        name for name in rows[0] if name != "epoch" and not name.startswith("val_")
    ]
    names.sort(key=lambda name: name != "loss")

    width = 4.5 * len(names)
    figure = Figure(figsize=(width, 3.6))
    # In inches, since a layout by what is drawn has to draw everything twice.
    figure.subplots_adjust(0.8 / width, 0.15, 1 - 0.2 / width, 0.9, wspace=0.3)
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names):
        for label, column in (("training", name), ("validation", f"val_{name}")):
            # Keras writes NA for the validation metrics of a run without validation.
            if rows[0].get(column, "NA") != "NA":
                values = [float(row[column]) for row in rows]
                axes.plot(
                    epochs, values, label=label, marker="." if len(rows) < 3 else ""
                )
        axes.set(title=name, xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    with replacing(picture) as path:
        figure.savefig(path, format="png", dpi=120)
