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

    figure = Figure(figsize=(4.5 * len(names), 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names):
        for label, column in (("training", name), ("validation", f"val_{name}")):
            # Keras writes NA for the validation metrics of a run without validation.
            if rows[0].get(column, "NA") != "NA":
                values = [float(row[column]) for row in rows]
                axes.plot(
                    epochs, values, label=label, marker="." if len(rows) < 3 else ""
                )
        axes.set(title=name, xlabel="epoch", ylabel=name)
        axes.grid(alpha=0.3)
        axes.legend()
    with replacing(picture) as path:
        figure.savefig(path, format="png", dpi=120)
