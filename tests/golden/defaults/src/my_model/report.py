"""How good a model is, beside the best guess that needs no model."""

import numpy as np

from .data import Data, Split
from .trainer import CustomModel


def print_report(model: CustomModel, data: Data) -> None:
    """Print the model's metrics on the test rows beside the baseline's."""
    if not len(data.test.x):
        print("no test rows: set --test-fraction above 0 for a report")
        return
    metrics = evaluate(model, data.test)
    guesses = baseline(data.train, data.test)
    print(f"{'test':<20}{'model':>12}{'baseline':>12}  (mean of the training targets)")
    for name in sorted(metrics, key=lambda name: name != "loss"):
        guess = f"{guesses[name]:12.4f}" if name in guesses else " " * 12
        print(f"{name:<20}{metrics[name]:12.4f}{guess}")


def evaluate(model: CustomModel, split: Split) -> dict[str, float]:
    """Return the model's loss and metrics on a part of the data."""
    logs: dict[str, float] = model.evaluate(
        **split._asdict(), verbose=0, return_dict=True
    )
    return logs


def baseline(train: Split, test: Split) -> dict[str, float]:
    """Return the loss and the metrics of a guess: the mean of the training targets."""
    errors = test.y - train.y.mean()
    scores, losses = np.abs(errors), errors**2
    return {
        "loss": float(np.mean(losses * test.sample_weight)),
        "mae": float(scores.mean()),
        "weighted_mae": float(np.average(scores, weights=test.sample_weight)),
    }
