"""What happens after each epoch: keep the best model, stop, log, save the state."""

from __future__ import annotations

import math
import sys

import keras

from .config import Config
from .data import Data
from .runs import Run, replacing
from .state import State

Logs = dict[str, float] | None


def make_callbacks(
    config: Config, data: Data, run: Run, state: State | None
) -> list[keras.callbacks.Callback]:
    """Return the callbacks that the knobs ask for, in the order in which they work."""
    monitor = "val_loss" if len(data.validation.x) else "loss"
    # A metric that Keras does not know by name needs its mode said.
    stopper = keras.callbacks.EarlyStopping(
        monitor, patience=config.patience or config.epochs, mode="min"
    )
    best = BestModel(run, monitor)
    callbacks = [stopper]
    if config.keep_best:
        callbacks.append(best)
    if config.stop_on_nan:
        callbacks.append(StopOnNaN())
    if config.csv_log:
        callbacks.append(
            keras.callbacks.CSVLogger(run.history, append=state is not None)
        )
    if config.resumable:
        # Last, so that the state of the others is that of the finished epoch.
        callbacks.append(SaveState(run, stopper, best, state))
    return callbacks


class BestModel(keras.callbacks.Callback):
    """Save the model whenever the monitored loss is lower than ever before."""

    def __init__(self, run: Run, monitor: str) -> None:
        super().__init__()
        self.run = run
        self.monitor = monitor
        self.best = math.inf

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Save the model if this epoch is the best so far."""
        loss = (logs or {})[self.monitor]
        if loss < self.best:
            self.best = float(loss)
            with replacing(self.run.model) as path:
                self.model.save(path)


class StopOnNaN(keras.callbacks.Callback):
    """Stop when the loss of an epoch is not a number, which no later epoch mends."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Stop, and say so."""
        if not math.isfinite((logs or {})["loss"]):
            self.model.stop_training = True
            print(
                f"\nstopped: the loss of epoch {epoch + 1} is not a number;"
                " a lower --learning-rate may help",
                file=sys.stderr,
            )


class SaveState(keras.callbacks.Callback):
    """Save the state of the run after each epoch, and put it back in a resumed run."""

    def __init__(
        self,
        run: Run,
        stopper: keras.callbacks.EarlyStopping,
        best: BestModel,
        resumed: State | None,
    ) -> None:
        super().__init__()
        self.run = run
        self.stopper = stopper
        self.best = best
        self.resumed = resumed

    def on_train_begin(self, logs: Logs = None) -> None:
        """Put model and callbacks back to where they stood; `fit()` has reset them."""
        if self.resumed is None:
            return
        self.resumed.restore(self.model)
        progress = self.resumed.progress
        self.best.best = progress["best"]
        self.stopper.wait = progress["wait"]
        self.stopper.best = progress["stopper_best"]
        self.stopper.best_epoch = progress["best_epoch"]

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Save the state; after this, the epoch is finished."""
        progress = {
            "epochs": epoch + 1,
            "stopped": self.model.stop_training,
            "best": self.best.best,
            "wait": self.stopper.wait,
            "stopper_best": float(self.stopper.best),
            "best_epoch": self.stopper.best_epoch,
        }
        State.of(self.model, progress).save(self.run)
