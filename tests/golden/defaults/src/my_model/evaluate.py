"""Compare a trained model with a baseline that ignores the features."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np

# A saved model is loaded by the names of its classes, which have to be imported.
from . import model as model_classes  # noqa: F401
from .config import Config
from .data import Data, Split, load_data
from .errors import UserError
from .runs.files import RunDir, checksum, read_json, scalars
from .runs.finding import find_run
from .trainer import CustomModel


@dataclasses.dataclass(frozen=True)
class Report:
    """Loss, metrics and scores by name, of the saved model."""

    validation: dict[str, float]
    test: dict[str, float]
    baseline: dict[str, float]  # on the test rows
    epochs: int  # trained
    kept_epoch: int  # the one whose model was saved


def evaluate(run_dir: Path | None = None) -> None:
    """Print the test metrics of a trained model beside those of the baseline.

    Args:
        run_dir: Directory of the run (None: the latest).
    """
    run = find_run(run_dir)
    data = load_run_data(run, read_json(run.config, Config))
    print_report(make_report(load_model(run), data))


def load_model(run: RunDir) -> CustomModel:
    """Load the trained model; raises `UserError`."""
    if not run.model.exists():
        raise UserError(f"{run.path} has no trained model yet: resume it")
    try:
        return keras.saving.load_model(run.model)
    except Exception as error:  # zip, HDF5 and Keras raise many kinds
        hint = "delete it, and resume the run"
        raise UserError(f"{run.model} cannot be loaded: {error}: {hint}") from None


def load_run_data(run: RunDir, config: Config) -> Data:
    """Load the data of a run; raises `UserError` if they have changed since."""
    data = load_data(config)
    if run.checksum.exists() and read_json(run.checksum, int) != checksum(data):
        raise UserError(
            f"{run.path}: the data changed since; restore them, or train a new run"
        )
    return data


def make_report(
    model: CustomModel, data: Data, epochs: int = 0, kept_epoch: int = 0
) -> Report:
    """Measure the model on validation and test rows, and the baseline on the latter."""
    baseline = baseline_model(model, data.train)
    parts = measure(model, data.validation), measure(model, data.test)
    guessed = measure(baseline, data.test) if baseline else {}
    return Report(*parts, guessed, epochs, kept_epoch)


def measure(model: CustomModel, part: Split) -> dict[str, float]:
    """Return loss, metrics and the scores of the predictions ({} without rows)."""
    if not part.num_rows:
        return {}
    logs = model.evaluate(**part._asdict(), verbose=0, return_dict=True)
    return {**scalars(logs), **scores(part.y, model.predict(part.x, verbose=0))}


def scores(y: Any, y_pred: Any) -> dict[str, float]:
    """Return the R2 score ({} for several outputs)."""
    if not isinstance(y, np.ndarray) or not isinstance(y_pred, np.ndarray):
        return {}
    if y.size != y_pred.size:
        return {}
    y = y.reshape(y_pred.shape)
    variation = np.sum((y - y.mean(axis=0)) ** 2)
    return {"r2": float(1 - np.sum((y - y_pred) ** 2) / variation)} if variation else {}


def baseline_model(model: CustomModel, train: Split) -> CustomModel | None:
    """Return a model that predicts the mean of the training targets (None for several outputs)."""
    if not isinstance(train.y, np.ndarray):
        return None
    y = train.y.reshape(len(train.y), -1)
    guess = np.average(y, axis=0, weights=train.sample_weight)
    inputs = keras.tree.map_structure(lambda x: keras.Input(x.shape[1:]), train.x)
    first = keras.layers.Flatten()(keras.tree.flatten(inputs)[0])
    constant = keras.layers.Dense(len(guess), dtype="float32")
    baseline = CustomModel(inputs, constant(first))
    if baseline.output_shape != model.output_shape:
        return None
    constant.set_weights([np.zeros(constant.kernel.shape), guess])
    baseline.compile_from_config(model.get_compile_config())
    return baseline


def print_report(report: Report) -> None:
    """Print the metrics beside those of the baseline, and a verdict."""
    if not report.test:
        print("There are no test rows: set a larger --test-fraction.")
        return
    print(f"{'test':<20} {'model':>12} {'baseline':>12} (mean of the training targets)")
    for name, value in report.test.items():
        baseline = report.baseline.get(name)
        column = f"{baseline:12.5g}" if baseline is not None else ""
        print(f"{name:<20} {value:12.5g} {column}".rstrip())
    if not report.test.get("loss", 0) < report.baseline.get("loss", math.inf):
        print("No better than the baseline: try another --learning-rate or more epochs")
