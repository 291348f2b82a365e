"""The metrics of a run as a picture."""

from pathlib import Path

from .files import atomic_write


def plot_history(history: list[dict[str, float]], path: Path, kept_epoch: int) -> None:
    """Draw each metric over the epochs, training and validation, as a PNG file.

    `kept_epoch` is the epoch whose model was saved, counted from 1.
    """
    # Imported here: it takes long, and most commands do not draw.
    from matplotlib.figure import Figure

    names = {name.removeprefix("val_") for epoch in history for name in epoch}
    if not names:
        return
    figure = Figure(figsize=(4.5 * len(names), 3.6), layout="tight")
    ordered = sorted(names, key=lambda name: (name != "loss", name))
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], ordered):
        for label, column in (("training", name), ("validation", f"val_{name}")):
            points = [(n, e[column]) for n, e in enumerate(history, 1) if column in e]
            marker = "." if len(points) < 3 else ""
            if points:
                axes.plot(*zip(*points), label=label, marker=marker)
        lowest, highest = axes.dataLim.intervaly
        if 0 < lowest * 100 < highest:
            axes.set_yscale("log")
        axes.axvline(kept_epoch, color="gray", linestyle=":", label="saved model")
        axes.set(title=name, xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    with atomic_write(path) as partial:
        figure.savefig(partial, format="png", dpi=120)
