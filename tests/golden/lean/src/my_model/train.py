"""A training run, from the data to a folder with the trained model."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras

from .callbacks import make_callbacks
from .compiled import keep_compiled
from .config import Config
from .curves import plot_curves
from .data import load_data, load_schema
from .model import build_model
from .report import print_report
from .runs import Run, checksum, new_run, old_run, replacing
from .state import State, latest_state
from .trainer import CustomModel


def compile_model(model: CustomModel, config: Config, **options: Any) -> CustomModel:
    """Give the model its optimizer, loss and metrics; returns the model.

    `options` are more arguments of `keras.Model.compile()`.
    """
    model.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate),
        loss="mse",
        metrics=["mae"],
        **options,
    )
    return model


def train(config: Config, folder: Path | None = None) -> Run:
    """Train a new model and leave a run folder; raises what the command line reports."""
    config.check()
    load_data(config)  # before there is a folder: bad data leave none behind
    run = new_run(folder)
    with replacing(run.config) as path:
        path.write_text(config.to_json(), encoding="utf-8")
    with replacing(run.schema) as path:
        path.write_text(json.dumps(asdict(load_schema(config))), encoding="utf-8")
    with replacing(run.checksum) as path:
        path.write_text(checksum(load_data(config)), encoding="utf-8")
    return fit(config, run, None)


def resume(folder: Path | None = None) -> Run:
    """Go on with a run that was stopped; raises `RunError` if it cannot."""
    run = old_run(folder)
    run.load_data()  # or it is refused
    state = latest_state(run)
    if state is not None:
        keep_epochs(run.history, state.epochs)
    return fit(run.load_config(), run, state)


def fit(config: Config, run: Run, state: State | None) -> Run:
    """Train from the start, or from a saved state, to the end; test and plot."""
    keep_compiled(config)
    keras.utils.set_random_seed(config.seed)
    data = load_data(config)
    callbacks = make_callbacks(config, data, run, state)
    model = build_model(config)
    compile_model(model, config)
    done = state.epochs if state else 0
    stopped = state is not None and state.progress["stopped"]
    finished = stopped or done >= config.epochs
    if finished:
        print(f"nothing is left to train: the run has ended after {done} epochs")
    model.fit(
        **data.train._asdict(),
        batch_size=config.batch_size,
        epochs=0 if finished else config.epochs,
        initial_epoch=done,
        validation_data=data.validation if len(data.validation.x) else None,
        callbacks=callbacks,
        verbose=config.verbose,
    )
    if not run.model.exists():
        with replacing(run.model) as path:
            model.save(path)
    if config.csv_log:
        plot_curves(run.history, run.curves)
    print_report(run.load_model(), data)
    print(f"run folder: {run.folder}")
    return run


def keep_epochs(history: Path, epochs: int) -> None:
    """Drop the epochs from the log that will be trained again."""
    if not history.exists():
        return
    with history.open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    with (
        replacing(history) as path,
        path.open("w", newline="", encoding="utf-8") as file,
    ):
        csv.writer(file).writerows(lines[: epochs + 1])
