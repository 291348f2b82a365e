"""The state of an unfinished run, so that it can go on as if it had never stopped."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from .runs import Run, RunError, replacing

KEPT = 2  # the state before the last stays too: a disk can damage a file


@dataclasses.dataclass(frozen=True)
class State:
    """All that the next epoch depends on.

    `.keras` files leave out what the dropout's random numbers go on from, and match
    variables by name. Here every value is kept, by its position.
    """

    progress: dict[str, Any]
    """The number of finished epochs, and where the callbacks stand."""
    values: list[npt.NDArray[Any]]
    """The values of the model's variables, then of the optimizer's."""
    shuffle: npt.NDArray[np.uint32]
    """Where NumPy's random numbers go on; Keras draws the order of batches from them."""

    @property
    def epochs(self) -> int:
        """The number of finished epochs."""
        return int(self.progress["epochs"])

    @classmethod
    def of(cls, model: keras.Model, progress: dict[str, Any]) -> State:
        """Take down where `model` stands."""
        _, keys, position, *_ = np.random.get_state(legacy=True)
        variables = [*model.variables, *model.optimizer.variables]
        return cls(
            progress=progress,
            values=[np.asarray(variable.value) for variable in variables],
            shuffle=np.array([*keys, position], np.uint32),
        )

    def restore(self, model: keras.Model) -> None:
        """Put `model` back to where it stood; raises `RunError` if it is another one."""
        variables = [*model.variables, *model.optimizer.variables]
        if [value.shape for value in self.values] != [v.shape for v in variables]:
            raise RunError("the saved state is that of another model: train a new run")
        for variable, value in zip(variables, self.values, strict=True):
            variable.assign(value)
        *keys, position = self.shuffle
        np.random.set_state(
            ("MT19937", np.array(keys, np.uint32), int(position), 0, 0.0)
        )

    def save(self, run: Run) -> None:
        """Write the state to the run's folder, and remove the states it replaces."""
        arrays: dict[str, Any] = {
            f"value_{n}": value for n, value in enumerate(self.values)
        }
        with replacing(state_path(run, self.epochs)) as path, path.open("wb") as file:
            np.savez(
                file,
                progress=np.array(json.dumps(self.progress)),
                shuffle=self.shuffle,
                **arrays,
            )
        for path in state_paths(run)[KEPT:]:
            path.unlink()

    @classmethod
    def load(cls, path: Path) -> State:
        """Read what `save` wrote; raises `ValueError` and the like if it is damaged."""
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            values = [arrays[f"value_{n}"] for n in range(len(arrays.files) - 2)]
            return cls(json.loads(str(arrays["progress"])), values, arrays["shuffle"])


def latest_state(run: Run) -> State | None:
    """Return the newest state that can be read; raises `RunError` if none can."""
    paths = state_paths(run)
    for path in paths:
        try:
            return State.load(path)
        except Exception as error:  # whatever a damaged file makes of it
            print(f"{path} is damaged ({error}): going back to the one before")
    if paths:
        raise RunError(f"no state in {run.states} can be read: train a new run")
    return None


def state_path(run: Run, epochs: int) -> Path:
    """Return the file of the state after so many epochs."""
    return run.states / f"after-{epochs:06}.npz"


def state_paths(run: Run) -> list[Path]:
    """Return the files of the states, the newest first."""
    return sorted(run.states.glob("after-*.npz"), reverse=True)
