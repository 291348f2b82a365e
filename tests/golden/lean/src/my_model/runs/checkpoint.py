"""Checkpoints: all that the next epoch depends on, and the callback that writes them."""

import csv
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import numpy.typing as npt

from ..config import Config
from ..errors import UserError
from .files import RunDir, atomic_write, scalars, to_json, write_json

KEPT = 2  # the one before the last stays: a disk can damage a file
COUNTERS = ("best", "best_epoch", "cooldown_counter", "stopped_epoch", "wait")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A model in training, as it was saved.

    `.keras` files leave out the state of the random number generators, and match
    variables by name. Here every value is kept, by its position.
    """

    values: Sequence[npt.NDArray[Any]] = ()  # of `variables()`
    epochs: int = 0  # finished
    stopped: int = 0  # the epochs asked for, if a callback ended the run before
    callbacks: dict[str, Any] = dataclasses.field(default_factory=dict)  # their state
    history: Sequence[dict[str, float]] = ()  # the metrics of each epoch

    def restore(self, model: keras.Model) -> None:
        """Give `model` the values; raises `UserError` if it is another model."""
        shapes = [tuple(variable.shape) for variable in variables(model)]
        if [value.shape for value in self.values] != shapes:
            raise UserError("the checkpoint is of another model: train a new run")
        for variable, value in zip(variables(model), self.values):
            # NumPy saves the bytes of types that it does not know, such as bfloat16.
            known = value.dtype.kind != "V"
            variable.assign(value if known else value.view(variable.dtype))

    def save(self, directory: Path) -> None:
        """Write the checkpoint, and remove those that it replaces; raises `OSError`."""
        path = directory / f"after-{self.epochs:06}.npz"
        progress = {n: value for n, value in vars(self).items() if n != "values"}
        with atomic_write(path) as partial, partial.open("wb") as file:
            np.savez(file, *self.values, progress=to_json(progress))
        for old in checkpoint_paths(directory)[KEPT:]:
            old.unlink()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a checkpoint; raises many kinds of exceptions if it is damaged."""
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            values = [arrays[f"arr_{n}"] for n in range(len(arrays.files) - 1)]
            return cls(values, **json.loads(arrays["progress"].item()))


def variables(model: keras.Model) -> list[keras.Variable]:
    """Return all variables that training changes."""
    return [*model.variables, *model.optimizer.variables]


def checkpoint_paths(directory: Path) -> list[Path]:
    """Return the checkpoints, the newest first."""
    return sorted(directory.glob("after-*.npz"), reverse=True)


def latest_checkpoint(directory: Path) -> Checkpoint | None:
    """Return the newest checkpoint that can be read, or None if there is none at all.

    Damaged ones are renamed to `.damaged`. Raises `UserError` if all of them are.
    """
    for path in (paths := checkpoint_paths(directory)):
        try:
            return Checkpoint.load(path)
        except Exception as error:  # zip, NumPy and JSON raise many kinds
            print(f"set aside a damaged checkpoint: {path}: {error}", file=sys.stderr)
        path.rename(path.with_suffix(".damaged"))
    if paths:
        raise UserError(f"no checkpoint in {directory} can be read: train a new run")
    return None


def state_of(callback: Any) -> dict[str, Any]:
    """Return what a callback, one of Keras' or one's own, needs to go on."""
    if hasattr(callback, "get_state"):
        return callback.get_state()
    return {n: value for n, value in vars(callback).items() if n in COUNTERS}


class SaveProgress(keras.callbacks.Callback):
    """Write history.csv and a checkpoint after each epoch; restore a resumed run.

    It has to be the last callback: the state of the others is in the checkpoint too.
    """

    def __init__(
        self, run: RunDir, others: Sequence[Any], start: Checkpoint, config: Config
    ) -> None:
        super().__init__()
        lost = any(getattr(other, "restore_best_weights", False) for other in others)
        if lost and config.resumable:
            hint = "use keep_best instead, or resumable=False"
            raise UserError(f"restore_best_weights of a callback is lost: {hint}")
        kinds = [type(other).__name__ for other in others]
        names = [f"{kind} {kinds[:n].count(kind)}" for n, kind in enumerate(kinds)]
        self.others = dict(zip(names, others))
        self.run = run
        self.start = start
        self.config = config
        self.resumable = config.resumable
        self.history = [*start.history]

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the model; only now does it have all of its variables."""
        resumed = self.start.epochs > 0
        if resumed:
            self.start.restore(self.model)
            for name in self.others.keys() & self.start.callbacks.keys():
                other, state = self.others[name], self.start.callbacks[name]
                getattr(other, "set_state", vars(other).update)(state)
            self.write_history()
        # Not before: a run whose model cannot be restored stays as it was.
        write_json(self.run.config, self.config)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write both; after this, the epoch is finished."""
        self.run.metrics.unlink(missing_ok=True)  # of the model before this epoch
        self.history.append(scalars(logs or {}))
        if self.resumable:
            values = [np.asarray(variable.value) for variable in variables(self.model)]
            stopped = self.params["epochs"] if self.model.stop_training else 0
            states = {name: state_of(each) for name, each in self.others.items()}
            saved = Checkpoint(values, epoch + 1, stopped, states, self.history)
            saved.save(self.run.checkpoints)
        self.write_history()

    def write_history(self) -> None:
        """Write a line for each epoch, numbered from 1."""
        names = dict.fromkeys(name for epoch in self.history for name in epoch)
        with atomic_write(self.run.history) as path, path.open("w", newline="") as file:
            writer = csv.DictWriter(file, ["epoch", *names])
            writer.writeheader()
            writer.writerows({"epoch": n, **e} for n, e in enumerate(self.history, 1))
