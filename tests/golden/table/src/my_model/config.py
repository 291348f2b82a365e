"""Every knob of a run; the command line and `config.json` are made from it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


class KnobError(ValueError):
    """A knob has a value that cannot work; the message names it."""


@dataclasses.dataclass(frozen=True)
class Config:
    """The knobs of a training run. The same values give the same run, bit for bit."""

    data_path: Path = Path("data/wine.csv")
    """The CSV table to train and to test with: a header line, numbers as features."""
    target: str = "cultivar"
    """The column to predict; every other column is a feature."""
    validation_fraction: float = 0.15
    """Part of the rows to validate on after each epoch; 0: no validation."""
    test_fraction: float = 0.15
    """Part of the rows to test on in the end."""
    balance: bool = True
    """Weigh rows with a rare target more; off: every row has the weight 1."""

    hidden_units: tuple[int, ...] = (64, 64)
    """Units of each hidden layer, from the features on."""
    dropout: float = 0.1
    """Part of the units that are dropped in training."""

    epochs: int = 200
    """Passes over the training data, at most."""
    batch_size: int = 32
    """Examples in a training step."""
    learning_rate: float = 1e-3
    """Step size of the Adam optimizer."""
    seed: int = 0
    """Decides the split, the first weights, the order of batches and the dropout."""
    steps_per_execution: int | Literal["auto"] = "auto"
    """Steps in one compiled program: K of them take much less time than K programs of a
    step, but callbacks, the progress bar and Ctrl-C wait for the last. auto: an epoch, at
    most 8 MB of data and, but for small models, 256 steps; 1 if a callback works by
    batches. Convolutions on a CPU stay one by one, which is faster there."""
    data_on: Literal["host", "device"] = "host"
    """Where the training data are kept and gathered into batches; device: a GPU or TPU
    with room for all of them."""
    keep_compiled: bool = True
    """Keep what JAX compiles in the user's cache folder: the next run starts faster.
    JAX_COMPILATION_CACHE_DIR names another folder."""

    keep_best: bool = True
    """Save the model of the epoch with the lowest validation loss, not the last one."""
    patience: int = 20
    """Stop after so many epochs without a better validation loss; 0: never."""
    stop_on_nan: bool = True
    """Stop when the loss is not a number any more."""
    csv_log: bool = True
    """Write each epoch's metrics to history.csv, and plot them in curves.png."""
    resumable: bool = True
    """Keep the state of the last finished epoch, for --resume."""
    verbose: Literal[0, 1, 2] = 1
    """Keras' progress: 0 none, 1 a bar, 2 a line for each epoch."""

    def check(self) -> None:
        """Refuse values that cannot work; raises `KnobError`."""
        for name in ("epochs", "batch_size", "learning_rate"):
            if not 0 < getattr(self, name) < float("inf"):
                raise KnobError(f"{name} must be above 0, not {getattr(self, name)}")
        for name in ("patience", "seed"):
            if not 0 <= getattr(self, name) < 2**32:
                raise KnobError(f"{name} must not be below 0, or be above 2**32 - 1")
        if self.steps_per_execution != "auto" and self.steps_per_execution < 1:
            raise KnobError("steps_per_execution must be 1 or more, or auto")
        if min(self.hidden_units, default=1) < 1:
            raise KnobError("hidden_units must each be 1 or more")
        for name in ("validation_fraction", "test_fraction", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise KnobError(
                    f"{name} must be at least 0 and below 1, not {getattr(self, name)}"
                )
        if self.validation_fraction + self.test_fraction >= 1:
            raise KnobError(
                "validation_fraction and test_fraction leave no rows to train on"
            )

    def to_json(self) -> str:
        """Return the knobs as JSON, to be read by `from_json`."""
        return json.dumps(dataclasses.asdict(self), indent=2, default=str) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Config:
        """Read what `to_json` wrote; raises `ValueError` if it is not that."""
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("not an object with a value for each knob")
        fields = {field.name: field for field in dataclasses.fields(cls)}
        if unknown := sorted(values.keys() - fields):
            raise ValueError(f"no such knob: {', '.join(unknown)}")
        types = get_type_hints(cls)
        for name, value in values.items():
            try:
                values[name] = as_type(types[name], value)
            except TypeError:
                wanted = fields[name].type
                raise ValueError(f"{name} must be {wanted}, not {value!r}") from None
        return cls(**values)


def as_type(wanted: Any, value: Any) -> Any:
    """Return a value from JSON as a knob's type; raises `TypeError` if it is another.

    JSON knows neither tuples nor paths, and a whole number may stand for a float.
    """
    parts = get_args(wanted)
    if get_origin(wanted) in (Union, UnionType):
        for part in parts:
            with contextlib.suppress(TypeError):
                return as_type(part, value)
    elif get_origin(wanted) is Literal and value in parts:
        return value
    elif get_origin(wanted) is tuple and type(value) is list:
        return tuple(as_type(parts[0], each) for each in value)
    elif wanted is float and type(value) is int:
        return float(value)
    elif wanted is Path and type(value) is str:
        return Path(value)
    elif type(value) is wanted:
        return value
    raise TypeError(f"{value!r} is not of the type {wanted}")
