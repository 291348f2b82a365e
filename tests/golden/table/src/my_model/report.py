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
    print(f"{'test':<20}{'model':>12}{'baseline':>12}  (most frequent class)")
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
    """Return the loss and the metrics of a guess: the most frequent class."""
    values, counts = np.unique(train.y, return_counts=True)
    scores = (test.y == values[counts.argmax()]).astype(np.float32)
    # The loss of a guess that gives each class its frequency as probability.
    frequency = dict(zip(values.tolist(), counts / len(train.y)))
    losses = -np.log([frequency.get(label, 1e-7) for label in test.y.tolist()])
    return {
        "loss": float(np.mean(losses * test.sample_weight)),
        "accuracy": float(scores.mean()),
        "weighted_accuracy": float(np.average(scores, weights=test.sample_weight)),
    }
