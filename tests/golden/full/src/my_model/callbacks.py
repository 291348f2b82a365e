"""What happens after each epoch: keep the best model, stop, log, write a checkpoint."""

from __future__ import annotations

import math
import sys
from typing import Any

import keras

from .config import Config
from .data import Data
from .errors import UserError
from .runs.files import RunDir, atomic_write, scalars

Logs = dict[str, float] | None
HIGHER_IS_BETTER = {"acc", "accuracy", "auc", "precision", "recall", "f1", "r2"}


def make_callbacks(config: Config, best: BestModel) -> list[keras.callbacks.Callback]:
    """Return the callbacks, in the order in which Keras calls them.

    One with a state of its own needs `get_state()` and `set_state()` to be resumed.
    """
    return [best, StopOnNaN()] if config.stop_on_nan else [best]


class BestModel(keras.callbacks.Callback):
    """Save the model of the best epoch; stop after `patience` epochs without improvement."""

    def __init__(self, config: Config, data: Data, run: RunDir) -> None:
        super().__init__()
        self.config = config
        self.run = run
        prefix = "" if data.validation.num_rows else "val_"
        self.monitor = config.monitor.removeprefix(prefix)
        higher = not HIGHER_IS_BETTER.isdisjoint(self.monitor.lower().split("_"))
        mode = config.monitor_mode
        self.lower = mode == "min" or (mode == "auto" and not higher)
        self.best = math.inf if self.lower else -math.inf
        self.best_epoch = 0
        self.waited = 0

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare the monitored metric with the best so far."""
        metrics = scalars(logs or {})
        if self.monitor not in metrics:
            raise UserError(
                f"monitor: no metric {self.monitor!r}; there are {', '.join(metrics)}."
                f" Change it in {self.run.config}, or train a new run."
            )
        value = metrics[self.monitor]
        self.waited += 1
        if value < self.best if self.lower else value > self.best:
            self.best, self.best_epoch, self.waited = value, epoch, 0
            if self.config.keep_best:
                with atomic_write(self.run.model) as path:
                    self.model.save(path)
        if 0 < self.config.patience <= self.waited:
            self.model.stop_training = True

    def get_state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        names = ("monitor", "lower", "best", "best_epoch", "waited")
        return {name: getattr(self, name) for name in names}

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from what `get_state` returned, unless another metric is monitored now."""
        if (state["monitor"], state["lower"]) != (self.monitor, self.lower):
            return
        self.__dict__.update(state)
        # Early stopping ended the run, and it was given more epochs: count again.
        if 0 < self.config.patience <= self.waited:
            self.waited = 0


class StopOnNaN(keras.callbacks.Callback):
    """Stop when the loss is NaN or infinite after an epoch: no later one repairs it."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Stop, and say so."""
        metrics = scalars(logs or {})
        # An algorithm may report no loss, and other metrics may be NaN at times.
        names = sorted({"loss", "val_loss"} & metrics.keys()) or metrics
        if bad := [name for name in names if not math.isfinite(metrics[name])]:
            self.model.stop_training = True
            stopped = f"{bad[0]} of epoch {epoch + 1} is not a finite number"
            hint = "try a lower --learning-rate"
            print(f"\nStopped: {stopped}; {hint}.", file=sys.stderr)
