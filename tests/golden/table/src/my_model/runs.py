"""The folder of a run: what is in it, written so that a crash leaves no torn file."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import keras
import numpy as np

# A saved model is loaded by the names of its classes, which have to be imported.
from . import model as model_classes  # noqa: F401
from .compiled import keep_compiled
from .config import Config
from .data import Data, Schema, load_data
from .trainer import CustomModel

RUNS = Path("runs")


class RunError(Exception):
    """A run folder cannot be used; the message names it and says what to do."""


@dataclasses.dataclass(frozen=True)
class Run:
    """The files of a run."""

    folder: Path

    @property
    def model(self) -> Path:
        """The trained model, with its optimizer."""
        return self.folder / "model.keras"

    @property
    def config(self) -> Path:
        """The knobs that make this run again."""
        return self.folder / "config.json"

    @property
    def schema(self) -> Path:
        """The names of the features and of the classes."""
        return self.folder / "schema.json"

    @property
    def checksum(self) -> Path:
        """A number that tells the data of this run from others."""
        return self.folder / "data.crc32"

    @property
    def history(self) -> Path:
        """The metrics, a line for each epoch."""
        return self.folder / "history.csv"

    @property
    def curves(self) -> Path:
        """The metrics as a picture."""
        return self.folder / "curves.png"

    @property
    def states(self) -> Path:
        """The folder of the states to resume from."""
        return self.folder / "states"

    def load_config(self) -> Config:
        """Read the knobs of the run; raises `RunError`."""
        return read_config(self.config)

    def load_schema(self) -> Schema:
        """Read the names of the features and of the classes; raises `RunError`."""
        try:
            values = json.loads(read_text(self.schema))
            schema = Schema(tuple(values["features"]), tuple(values["labels"]))
            if not all(isinstance(name, str) for name in schema.features):
                raise ValueError("the features are no names")
            return schema
        except (ValueError, TypeError, KeyError) as error:
            raise RunError(f"{self.schema} is damaged: {error}") from None

    def load_model(self) -> CustomModel:
        """Load the trained model; raises `RunError` if the run has none."""
        if not self.model.exists():
            raise RunError(f"{self.folder} has no trained model yet: train --resume it")
        keep_compiled(self.load_config())
        try:
            return keras.saving.load_model(self.model)
        except Exception as error:  # whatever a damaged file makes of it
            raise RunError(f"{self.model} cannot be loaded: {error}") from None

    def load_data(self) -> Data:
        """Load the data of the run; raises `RunError` if they are others by now."""
        data = load_data(self.load_config())
        if self.checksum.exists() and read_text(self.checksum) != checksum(data):
            raise RunError(
                f"{self.folder} was trained on other data than there are now: rows"
                " would be mixed up, so put them back, or train a new run"
            )
        return data


def new_run(folder: Path | None) -> Run:
    """Make the folder of a new run, named by the time if it is not given a name."""
    if folder is None:
        return Run(new_folder(RUNS / time.strftime("%Y%m%d-%H%M%S")))
    if folder.exists() and any(folder.iterdir()):
        raise RunError(
            f"{folder} holds a run: go on with --resume, or name another one"
        )
    folder.mkdir(parents=True, exist_ok=True)
    return Run(folder)


def new_folder(path: Path) -> Path:
    """Make a folder, with a number after its name if there is one already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path
    for number in itertools.count(2):
        try:
            folder.mkdir()
            break
        except FileExistsError:
            folder = path.with_name(f"{path.name}-{number}")
    return folder


def checksum(data: Data) -> str:
    """Return a number that tells these data from others."""
    number = 0
    for array in jax.tree.leaves(data):
        if isinstance(array, np.ndarray):
            number = zlib.crc32(np.ascontiguousarray(array).data, number)
    return str(number)


def old_run(folder: Path | None) -> Run:
    """Return the run in `folder`, or the latest run if no folder is given."""
    if folder is None:
        configs = RUNS.glob("*/config.json")
        latest = max(configs, key=lambda path: path.stat().st_mtime_ns, default=None)
        if latest is None:
            raise RunError(f"there is no run in {RUNS.absolute()}: train one first")
        folder = latest.parent
    elif not (folder / "config.json").exists():
        raise RunError(f"{folder} is not the folder of a run: it has no config.json")
    return Run(folder)


def read_config(path: Path) -> Config:
    """Read the knobs from a `config.json`; raises `RunError`."""
    try:
        return Config.from_json(read_text(path))
    except (ValueError, TypeError, KeyError) as error:
        raise RunError(f"{path}: not the knobs of a run: {error}") from None


def read_text(path: Path) -> str:
    """Read a text file; raises `RunError`."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}") from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to, which takes the place of `path` when all is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"unfinished-{path.name}")
    try:
        yield unfinished
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        if error.filename == str(unfinished):
            error.filename = str(path)
        raise
    finally:
        unfinished.unlink(missing_ok=True)
