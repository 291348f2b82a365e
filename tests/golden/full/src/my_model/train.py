"""A training run: data, model, fit, report; it leaves a run directory."""

import dataclasses
from pathlib import Path
from typing import Any

import keras

from .callbacks import BestModel, make_callbacks
from .config import Config
from .data import Batches, Data, load_data
from .errors import UserError
from .evaluate import load_model, load_run_data, make_report, print_report
from .model import build_model
from .runs.checkpoint import Checkpoint, SaveProgress, latest_checkpoint
from .runs.compilation_cache import enable_compilation_cache
from .runs.files import RunDir, atomic_write, checksum, read_json, write_json
from .runs.finding import create_run, find_run
from .runs.plots import plot_history
from .trainer import CustomModel


def compile_model(model: CustomModel, config: Config, **options: Any) -> CustomModel:
    """Compile the model with its optimizer (loss and metrics are its own), and `options`."""
    model.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate),
        **options,
    )
    return model


def train(config: Config, run_dir: Path | None = None) -> RunDir:
    """Train a model and leave a run directory, by default a new one in runs/."""
    data = load_data(config)
    run = create_run(run_dir)
    with run.lock():
        write_json(run.schema, data.schema)
        write_json(run.checksum, checksum(data))
        write_json(run.config, config)  # last: from here on it is a run
        run_training(config, data, run)
    return run


def resume(run_dir: Path | None = None, epochs: int | None = None) -> RunDir:
    """Continue a run from its last checkpoint.

    Args:
        run_dir: Directory of the run (None: the latest).
        epochs: Train up to this epoch instead, also a run that has ended.
    """
    run = find_run(run_dir)
    with run.lock():
        config = read_json(run.config, Config)
        data = load_run_data(run, config)
        checkpoint = latest_checkpoint(run.checkpoints)
        if checkpoint is None and run.history.exists():
            raise UserError(f"{run.path} has no checkpoints: train a new run")
        if epochs is not None:
            if checkpoint and epochs < checkpoint.epochs:
                raise UserError(f"{run.path} was trained for more epochs already")
            config = dataclasses.replace(config, epochs=epochs)
        run_training(config, data, run, checkpoint)
    return run


def run_training(
    config: Config, data: Data, run: RunDir, checkpoint: Checkpoint | None = None
) -> None:
    """Train to the end, from the start or from a checkpoint; plot and evaluate."""
    start = checkpoint or Checkpoint()
    if config.compilation_cache:
        enable_compilation_cache()
    keras.utils.set_random_seed(config.seed)
    steps = config.steps_per_execution
    model = compile_model(build_model(config, data), config, steps_per_execution=steps)
    done = start.epochs
    finished = done >= config.epochs or start.stopped == config.epochs
    best = BestModel(config, data, run)
    callbacks = make_callbacks(config, best)
    save = SaveProgress(run, callbacks, start, config)
    model.fit(
        Batches(data.train, config, epoch=done),
        epochs=done if finished else config.epochs,
        initial_epoch=done,
        validation_data=data.validation if data.validation.num_rows else None,
        callbacks=[*callbacks, save],
        shuffle=False,  # `Batches` does
        verbose=config.verbose,
    )
    if finished:
        print(f"Nothing to train: the run ended after {done} epochs. More: --epochs N")
    else:
        print(f"training steps: {model.describe_execution()}")
    has_model = run.model.exists()
    kept_epoch = best.best_epoch + 1
    if not config.keep_best or not has_model:
        kept_epoch = len(save.history)
        with atomic_write(run.model) as path:
            model.save(path)
    finish(run, data, save, kept_epoch)


def finish(run: RunDir, data: Data, save: SaveProgress, kept_epoch: int) -> None:
    """Plot the history and report how good the saved model is."""
    plot_history(save.history, run.curves, kept_epoch)
    report = make_report(load_model(run), data, len(save.history), kept_epoch)
    write_json(run.metrics, report)
    print_report(report)
    print(f"run directory: {run.path}")
