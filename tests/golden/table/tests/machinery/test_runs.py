"""Runs are resumed exactly, and survive kills, damage and each other."""

import dataclasses
import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import filelock
import jax
import keras
import numpy as np
import pytest
from matplotlib.figure import Figure

from my_model.__main__ import main
from my_model.callbacks import BestModel
from my_model.config import Config
from my_model.data import Data
from my_model.errors import UserError
from my_model.evaluate import load_model, load_run_data
from my_model.runs.checkpoint import (
    Checkpoint,
    SaveProgress,
    latest_checkpoint,
    variables,
)
from my_model.runs.compilation_cache import enable_compilation_cache
from my_model.runs.files import (
    RunDir,
    atomic_write,
    checksum,
    read_json,
    scalars,
    write_json,
)
from my_model.runs.finding import create_run, find_run
from my_model.runs.plots import plot_history
from my_model.train import resume, train


def assert_same(run: RunDir, other: RunDir) -> None:
    """Both runs ended with the same weights and the same history, to the last bit."""
    weights = load_model(other).get_weights()
    for value, expected in zip(load_model(run).get_weights(), weights, strict=True):
        np.testing.assert_array_equal(value, expected)
    assert run.history.read_text() == other.history.read_text()


def epochs_of(run: RunDir) -> int:
    """Return the number of epochs in the history."""
    return len(run.history.read_text().splitlines()) - 1


def train_and_kill(
    config: Config, path: Path, epochs: int, patch: pytest.MonkeyPatch
) -> None:
    """Train a run that is interrupted right after so many epochs are finished."""
    save = SaveProgress.on_epoch_end

    def save_and_die(self: SaveProgress, epoch: int, logs: Any = None) -> None:
        save(self, epoch, logs)
        if epoch + 1 == epochs:
            raise KeyboardInterrupt

    with patch.context() as patched:
        patched.setattr(SaveProgress, "on_epoch_end", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            train(config, path)


@pytest.mark.parametrize("damaged", [False, True])
def test_resumed_run_ends_as_if_never_stopped(
    config: Config,
    finished: RunDir,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damaged: bool,
) -> None:
    """A killed run goes on from its last checkpoint, or from the one before."""
    killed = RunDir(tmp_path / "killed")
    train_and_kill(config, killed.path, 2, monkeypatch)
    killed.history.write_text("epoch,loss\nnonsense\n")
    if damaged:
        newest = max(killed.checkpoints.iterdir())
        newest.write_bytes(newest.read_bytes()[:1000])
    main(["resume", "--run-dir", str(killed.path)])
    assert_same(killed, finished)


def test_callbacks_of_keras_go_on(
    config: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Their counters are kept; who is interrupted is told how to continue."""

    def with_plateau(config: Config, best: Any) -> list[Any]:
        options: Any = {"monitor": "loss", "min_delta": 1e9, "patience": 3}
        return [best, keras.callbacks.ReduceLROnPlateau(**options)]

    made = "my_model.train.make_callbacks"
    monkeypatch.setattr(made, with_plateau)
    longer = dataclasses.replace(config, epochs=5)
    whole = train(longer, tmp_path / "whole")
    killed = RunDir(tmp_path / "killed")
    train_and_kill(longer, killed.path, 3, monkeypatch)
    hint = f"python -m my_model resume --run-dir {killed.path}"
    assert hint in capsys.readouterr().err
    assert not killed.metrics.exists()
    resume(killed.path)
    assert_same(killed, whole)


def test_metrics_of_several_values_are_kept() -> None:
    """Each value of an array has a name of its own."""
    logs = {"loss": np.float32(0.5), "f1": np.array([0.25, 1.0])}
    assert scalars(logs) == {"loss": 0.5, "f1_0": 0.25, "f1_1": 1.0}


def test_best_weights_in_memory_are_refused(
    config: Config, data: Data, finished: RunDir
) -> None:
    """They are not in a checkpoint, so a resumed run would lose them."""
    stop = keras.callbacks.EarlyStopping(restore_best_weights=True)
    with pytest.raises(UserError, match="use keep_best instead"):
        SaveProgress(finished, [stop], Checkpoint(), config)
    unfinished = dataclasses.replace(config, resumable=False)
    SaveProgress(finished, [stop], Checkpoint(), unfinished)


def test_another_monitored_metric_starts_anew(
    config: Config, data: Data, tmp_path: Path
) -> None:
    """The best value of one metric says nothing of another one."""
    old = BestModel(config, data, RunDir(tmp_path))
    old.best, old.best_epoch, old.waited = 0.5, 3, 2
    same = BestModel(config, data, RunDir(tmp_path))
    same.set_state(old.get_state())
    assert (same.best, same.best_epoch, same.waited) == (0.5, 3, 2)
    changed = dataclasses.replace(config, monitor="val_another")
    other = BestModel(changed, data, RunDir(tmp_path))
    other.set_state(old.get_state())
    assert other.best == float("inf")


def test_run_goes_on_with_more_epochs(
    config: Config, finished: RunDir, tmp_path: Path
) -> None:
    """A finished run that is given more epochs ends as if it had had them at once."""
    short = train(dataclasses.replace(config, epochs=1), tmp_path / "short")
    main(["resume", "--run-dir", str(short.path), "--epochs", str(config.epochs)])
    assert_same(short, finished)
    assert read_json(short.config, Config) == config


def test_stopped_run_goes_on_with_more_epochs(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that has lost patience waits as long again, but only if it is asked to."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    # With a learning rate that changes nothing, no epoch is better than the first.
    still = dataclasses.replace(config, epochs=9, patience=2, learning_rate=1e-30)
    run = train(dataclasses.replace(still, dropout=0.0), tmp_path / "run")
    assert epochs_of(run) == 3
    resume(run.path)
    assert epochs_of(run) == 3
    with monkeypatch.context() as patched:
        patched.setattr(SaveProgress, "on_epoch_end", interrupt)
        with pytest.raises(KeyboardInterrupt):
            resume(run.path, epochs=20)
    resume(run.path)
    assert epochs_of(run) == 5


def test_patience_of_zero_never_stops(
    config: Config, data: Data, finished: RunDir, tmp_path: Path
) -> None:
    """Training goes on, however long no epoch is better."""
    endless = dataclasses.replace(config, patience=0, keep_best=False)
    best = BestModel(endless, data, RunDir(tmp_path))
    best.set_model(load_model(finished))
    for epoch in range(99):
        best.on_epoch_end(epoch, {best.monitor: 1.0})
    assert best.best_epoch == 0
    assert not best.model.stop_training


def test_finished_run_stays_as_it_is(
    run: RunDir, capsys: pytest.CaptureFixture[str]
) -> None:
    """Resuming a run that has ended trains no further epoch."""
    history = run.history.read_text()
    resume(run.path)
    assert run.history.read_text() == history
    assert "Nothing to train" in capsys.readouterr().out


def test_diverged_run_can_be_resumed_and_listed(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NaN and infinity survive in checkpoints and reports."""
    wild = dataclasses.replace(config, learning_rate=1e30, stop_on_nan=False)
    run = train(wild, tmp_path / "runs" / "wild")
    resume(run.path, epochs=config.epochs + 1)
    checkpoint = latest_checkpoint(run.checkpoints)
    assert checkpoint is not None
    assert not np.isfinite(checkpoint.history[-1]["loss"])
    monkeypatch.chdir(tmp_path)
    main(["runs"])


def test_run_without_checkpoints_is_not_begun_again(
    config: Config, tmp_path: Path
) -> None:
    """Resuming a run that keeps no checkpoints would lose its model."""
    alone = dataclasses.replace(config, epochs=1, resumable=False)
    run = train(alone, tmp_path / "run")
    model = run.model.read_bytes()
    with pytest.raises(UserError, match="has no checkpoints"):
        resume(run.path, epochs=9)
    assert run.model.read_bytes() == model


def test_fewer_epochs_than_there_were_are_refused(config: Config, run: RunDir) -> None:
    """The configuration goes on to say what the run had."""
    with pytest.raises(UserError, match="more epochs"):
        resume(run.path, epochs=1)
    assert read_json(run.config, Config) == config


def test_damaged_checkpoint_is_passed_over(config: Config, run: RunDir) -> None:
    """Whatever a damaged file makes NumPy raise, the checkpoint before is taken."""
    newest = max(run.checkpoints.iterdir())
    content = bytearray(newest.read_bytes())
    # Of each file in a zip, the two bytes that tell how it is compressed.
    content[content.find(b"PK\x01\x02") + 10] = 99
    newest.write_bytes(content)
    checkpoint = latest_checkpoint(run.checkpoints)
    assert checkpoint is not None
    assert checkpoint.epochs == config.epochs - 1
    for path in run.checkpoints.iterdir():
        path.write_bytes(b"")
    with pytest.raises(UserError, match=r"no checkpoint .* can be read"):
        resume(run.path)


def test_damaged_checkpoints_do_not_replace_a_good_one(tmp_path: Path) -> None:
    """However often the newest one is damaged, the run goes on from the one before."""
    Checkpoint(epochs=1).save(tmp_path)
    for epochs in (2, 3, 4):
        Checkpoint(epochs=epochs).save(tmp_path)
        newest = max(tmp_path.glob("*.npz"))
        newest.write_bytes(b"")
        checkpoint = latest_checkpoint(tmp_path)
        assert checkpoint is not None
        assert checkpoint.epochs == 1
        assert newest.with_suffix(".damaged").exists()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_checkpoint_keeps_every_type(tmp_path: Path, dtype: str) -> None:
    """Variables come back exactly, also of types that NumPy does not know."""
    layers = [keras.Input((3,)), keras.layers.Dense(2, dtype=dtype)]
    model = keras.Sequential(layers)
    other = keras.models.clone_model(model)
    for each in (model, other):
        each.compile("sgd", "mse")
    values = [np.asarray(variable.value) for variable in variables(model)]
    Checkpoint(values, epochs=1).save(tmp_path)
    checkpoint = latest_checkpoint(tmp_path)
    assert checkpoint is not None
    checkpoint.restore(other)
    for variable, expected in zip(other.variables, model.variables, strict=True):
        np.testing.assert_array_equal(variable.value, expected.value)
        assert variable.dtype == expected.dtype


def test_other_model_is_refused(config: Config, run: RunDir) -> None:
    """A checkpoint that does not fit the model is an error, not a crash."""
    other = dataclasses.replace(config, hidden_units=(4,), epochs=9)
    write_json(run.config, other)
    before = {path: path.read_bytes() for path in run.path.glob("*.*")}
    with pytest.raises(UserError, match="of another model"):
        resume(run.path, epochs=99)
    assert {path: path.read_bytes() for path in run.path.glob("*.*")} == before


def test_run_is_trained_by_one_process(run: RunDir) -> None:
    """A second process that resumes the same run is refused."""
    with run.lock(), pytest.raises(UserError, match="by another process"):
        resume(run.path)
    with pytest.raises(filelock.Timeout, match="elsewhere"), run.lock():
        raise filelock.Timeout("elsewhere")  # another lock, which training may take
    with run.lock():
        pass


def test_other_data_are_refused(config: Config, data: Data, run: RunDir) -> None:
    """A run is neither evaluated nor resumed with other rows, or rows in other order."""
    load_run_data(run, config)
    reverse = jax.tree.map(lambda array: array[::-1], data.test)
    write_json(run.checksum, checksum(data._replace(test=reverse)))
    for command in ("evaluate", "resume"):
        with pytest.raises(UserError, match="data changed"):
            main([command, "--run-dir", str(run.path)])


def test_run_that_had_no_config_yet_is_begun_again(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was killed before its config.json was written is no dead end."""
    path = tmp_path / "run"

    def die(path: Path, value: Any) -> None:
        if path.name == "config.json":
            raise KeyboardInterrupt
        write_json(path, value)

    with monkeypatch.context() as patched:
        patched.setattr("my_model.train.write_json", die)
        with pytest.raises(KeyboardInterrupt):
            train(config, path)
    with pytest.raises(UserError, match=r"no config\.json"):
        resume(path)
    train(dataclasses.replace(config, epochs=1), path)


def test_run_directories_are_not_mixed_up(config: Config, tmp_path: Path) -> None:
    """A directory with a run or with other files in it is not written to."""
    write_json(tmp_path / "config.json", config)
    with pytest.raises(UserError, match="holds a run"):
        create_run(tmp_path)
    (tmp_path / "config.json").rename(tmp_path / "notes.txt")
    with pytest.raises(UserError, match="is not empty"):
        create_run(tmp_path)
    with pytest.raises(UserError, match=r"config\.json"):
        find_run(tmp_path / "nothing")


def test_latest_run_is_the_one_that_began_last(
    config: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever the directories are called, and whichever was resumed; it is named."""
    monkeypatch.chdir(tmp_path)
    for name, began in (("a", 1), ("c", 2), ("b", 3)):
        run = RunDir(Path("runs", name))
        write_json(run.schema, "")
        write_json(run.config, config)
        os.utime(run.schema, (began, began))
    assert find_run().path.name == "b"
    assert str(Path("runs", "b")) in capsys.readouterr().err


def test_runs_of_one_second_have_directories_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs that begin at the same time do not share a directory."""
    monkeypatch.chdir(tmp_path)
    assert len({create_run().path for _ in range(9)}) == 9


def test_runs_are_listed(
    config: Config,
    finished: RunDir,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The table has a line for each run, and the fields in which they differ."""
    monkeypatch.chdir(tmp_path)
    main(["runs"])
    assert "no runs yet" in capsys.readouterr().out
    for seed in (0, 1):
        run = RunDir(tmp_path / "runs" / f"s{seed}")
        shutil.copytree(finished.path, run.path)
        write_json(run.config, dataclasses.replace(config, seed=seed))
    damaged = tmp_path / "runs" / "damaged"
    damaged.mkdir()
    (damaged / "config.json").write_text("{")
    main(["runs"])
    header, *lines = capsys.readouterr().out.splitlines()
    assert "test_loss" in header
    assert "--seed" in header
    assert [line.split()[0] for line in lines] == ["damaged", "s0", "s1"]
    assert "Invalid JSON" in lines[0]


def test_picture_of_any_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Metrics of any names and ranges are drawn, and the epoch that was kept."""
    drawn: list[Any] = []
    savefig = Figure.savefig

    def keep(self: Figure, *args: Any, **options: Any) -> None:
        drawn.extend(self.axes)
        savefig(self, *args, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    history = [{"d_loss": 1e-3, "g": -1.0}, {"d_loss": 10.0, "g": 1.0}]
    plot_history(history, tmp_path / "curves.png", kept_epoch=2)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert [axes.get_yscale() for axes in drawn] == ["log", "linear"]
    for axes in drawn:
        assert [2, 2] in [list(line.get_xdata()) for line in axes.lines]
    plot_history([], tmp_path / "none.png", kept_epoch=0)
    assert not (tmp_path / "none.png").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", "many"),
        ("epochs", 1.5),
        ("dropout", None),
        ("keep_best", 1),
        ("hidden_units", 5),
        ("hidden_units", ["wide"]),
        ("verbose", 3),
        ("epoch", 1),
    ],
)
def test_config_that_does_not_fit_is_refused(
    config: Config, tmp_path: Path, name: str, value: Any
) -> None:
    """What someone has changed in a config.json is checked; the field is named."""
    path = tmp_path / "config.json"
    write_json(path, config)
    assert read_json(path, Config) == config
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(UserError, match=rf"\b{name}\b"):
        read_json(path, Config)
    path.write_text("[]")
    with pytest.raises(UserError, match=r"config\.json: .*dictionary"):
        read_json(path, Config)


def test_error_names_the_file_that_was_wanted(tmp_path: Path) -> None:
    """A file that cannot be written is named, not the one that is written first."""
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="file'"), atomic_write(tmp_path / "file") as path:
        path.write_text("text")
    with (
        pytest.raises(OSError, match="full'") as error,
        atomic_write(tmp_path / "full"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert error.value.errno == errno.ENOSPC
    assert not list(tmp_path.glob("partial-*"))
    (tmp_path / "full").write_text("not a folder")
    with pytest.raises(OSError, match="full'"), atomic_write(tmp_path / "full/file"):
        pass


def test_small_programs_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a folder of one's own, JAX keeps what it has compiled quickly."""
    settings: Any = jax.config
    shortest = "jax_persistent_cache_min_compile_time_secs"
    before = getattr(settings, shortest)
    monkeypatch.delenv(shortest.upper(), raising=False)
    settings.update(shortest, 1.0)
    try:
        enable_compilation_cache()
        assert getattr(settings, shortest) == 0
    finally:
        settings.update(shortest, before)
