"""A run leaves what is needed to evaluate, repeat, resume and predict."""

import csv
import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from my_model.__main__ import main
from my_model.callbacks import Logs, SaveState
from my_model.compiled import keep_compiled
from my_model.config import Config, KnobError
from my_model.data import Split, load_data, load_schema
from my_model.runs import (
    Run,
    RunError,
    checksum,
    new_run,
    old_run,
    read_config,
    replacing,
)
from my_model.state import latest_state
from my_model.train import resume, train


def weights(run: Run) -> list[np.ndarray]:
    """Return the weights of the trained model."""
    return list(run.load_model().get_weights())


def assert_same(run: Run, other: Run) -> None:
    """Both runs ended with the same weights and the same history, to the last bit."""
    for value, expected in zip(weights(run), weights(other), strict=True):
        np.testing.assert_array_equal(value, expected)
    assert run.history.read_text() == other.history.read_text()


def train_and_kill(
    config: Config, folder: Path, epochs: int, patch: pytest.MonkeyPatch
) -> None:
    """Train a run that dies right after so many epochs are finished."""
    save = SaveState.on_epoch_end

    def save_and_die(self: SaveState, epoch: int, logs: Logs = None) -> None:
        save(self, epoch, logs)
        if epoch + 1 == epochs:
            raise KeyboardInterrupt

    with patch.context() as patched:
        patched.setattr(SaveState, "on_epoch_end", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            train(config, folder)


def test_run_folder(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder holds model, history, picture and knobs; the report has a baseline."""
    run = train(config, tmp_path / "run")
    with run.history.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == config.epochs
    assert run.curves.read_bytes().startswith(b"\x89PNG")
    assert run.load_config() == config
    assert run.load_schema() == load_schema(config)
    assert "baseline" in capsys.readouterr().out
    assert not list(run.folder.rglob("unfinished-*"))


def test_same_knobs_give_the_same_run(config: Config, tmp_path: Path) -> None:
    """A run is repeated to the last bit from its config.json."""
    first = train(config, tmp_path / "first")
    arguments = ["--config", str(first.config), "--run-dir", str(tmp_path / "second")]
    main(["train", *arguments])
    assert_same(first, Run(tmp_path / "second"))


@pytest.mark.parametrize("damaged", [False, True])
def test_resumed_run_ends_as_if_never_stopped(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    """A killed run goes on from its last finished epoch, or from the one before."""
    whole = train(config, tmp_path / "whole")
    killed = tmp_path / "killed"
    train_and_kill(config, killed, 2, monkeypatch)
    if damaged:
        newest = max((killed / "states").iterdir())
        newest.write_bytes(newest.read_bytes()[:1000])
    main(["train", "--resume", "--run-dir", str(killed)])
    assert_same(Run(killed), whole)


def test_damaged_state_is_passed_over(config: Config, tmp_path: Path) -> None:
    """Whatever a damaged file makes NumPy raise, the state before is taken."""
    run = train(config, tmp_path / "run")
    newest = max(run.states.iterdir())
    content = bytearray(newest.read_bytes())
    # Of each file in a zip, the two bytes that tell how it is compressed.
    start = content.find(b"PK\x01\x02")
    content[start + 10] = 99
    newest.write_bytes(content)
    state = latest_state(run)
    assert state is not None
    assert state.epochs == config.epochs - 1


@pytest.mark.parametrize("patience", [1, 0])
def test_finished_run_stays_as_it_is(
    config: Config, tmp_path: Path, patience: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Resuming a run that has ended, or has stopped early, trains no further epoch."""
    epochs = 30 if patience else config.epochs
    short = dataclasses.replace(config, epochs=epochs, patience=patience)
    run = train(short, tmp_path / "run")
    history = run.history.read_text()
    resume(run.folder)
    assert run.history.read_text() == history
    assert "nothing is left to train" in capsys.readouterr().out


def test_other_data_are_refused(config: Config, tmp_path: Path) -> None:
    """A run is neither evaluated nor resumed with other rows, or rows in other order."""
    run = train(config, tmp_path / "run")
    data = load_data(config)
    assert run.load_data() is data
    turned = data._replace(test=Split(*(part[::-1] for part in data.test)))
    run.checksum.write_text(checksum(turned))
    for command in (["evaluate"], ["train", "--resume"]):
        with pytest.raises(RunError, match="other data"):
            main([*command, "--run-dir", str(run.folder)])


@pytest.mark.parametrize("given", ["--epochs=200", "--verbose=1", "--config"])
def test_resume_takes_no_other_knobs(
    config: Config, tmp_path: Path, given: str
) -> None:
    """A knob beside --resume is refused, even with its default: it would not count."""
    path = tmp_path / "config.json"
    path.write_text(config.to_json())
    others = [given, str(path)] if given == "--config" else [given]
    with pytest.raises(RunError, match="give no others"):
        main(["train", "--resume", "--run-dir", str(tmp_path), *others])


@pytest.mark.parametrize("resumable", [True, False])
def test_interrupted_run_says_how_it_goes_on(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    resumable: bool,
) -> None:
    """Ctrl-C leads to --resume, where there is something to resume from."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("my_model.__main__.train", interrupt)
    with pytest.raises(KeyboardInterrupt):
        main(["train", "--resumable" if resumable else "--no-resumable"])
    assert ("train --resume" in capsys.readouterr().err) == resumable


@pytest.mark.parametrize("keep", [True, False])
def test_small_programs_are_kept(
    config: Config, monkeypatch: pytest.MonkeyPatch, keep: bool
) -> None:
    """Also in a folder of one's own, JAX keeps what it has compiled quickly."""
    settings: Any = jax.config
    shortest = "jax_persistent_cache_min_compile_time_secs"
    before = getattr(settings, shortest)
    monkeypatch.delenv(shortest.upper(), raising=False)
    settings.update(shortest, 1.0)
    try:
        keep_compiled(dataclasses.replace(config, keep_compiled=keep))
        assert getattr(settings, shortest) == (0 if keep else 1)
    finally:
        settings.update(shortest, before)


def test_runs_of_one_second_have_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs that begin at the same time do not get into each other's way."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("my_model.runs.time.strftime", lambda _: "now")
    folders = [new_run(None).folder.name for _ in range(3)]
    assert folders == ["now", "now-2", "now-3"]


def test_error_names_the_file_that_was_wanted(tmp_path: Path) -> None:
    """A file that cannot be written is named, not the one that stands in for it."""
    (tmp_path / "file").mkdir()
    with (
        pytest.raises(OSError, match="file'") as error,
        replacing(tmp_path / "file") as path,
    ):
        path.write_text("text")
    assert "unfinished" not in str(error.value.filename)


def test_loss_that_is_no_number_stops_the_run(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that diverges stops after the epoch, and says why."""
    wild = dataclasses.replace(config, epochs=20, learning_rate=1e30, keep_best=False)
    run = train(wild, tmp_path / "run")
    assert "not a number" in capsys.readouterr().err
    assert len(run.history.read_text().splitlines()) < 20


def test_run_without_validation(config: Config, tmp_path: Path) -> None:
    """Without validation rows the training loss decides which model is kept."""
    bare = dataclasses.replace(config, validation_fraction=0.0)
    run = train(bare, tmp_path / "run")
    assert run.curves.exists()
    assert run.load_model().predict(load_data(bare).test.x, verbose=0).shape[0] > 0


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("epochs", 0),
        ("learning_rate", float("nan")),
        ("dropout", 1.0),
        ("test_fraction", 0.9),
        ("seed", -1),
        ("hidden_units", (0,)),
    ],
)
def test_knobs_that_cannot_work_are_named(
    config: Config, tmp_path: Path, knob: str, value: Any
) -> None:
    """A knob's impossible value is an error that names it, and leaves no folder."""
    knobs: dict[str, Any] = {knob: value}
    with pytest.raises(KnobError, match=knob):
        train(dataclasses.replace(config, **knobs), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("knob", "value"),
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
    config: Config, tmp_path: Path, knob: str, value: Any
) -> None:
    """What someone has changed in a config.json is checked; the knob is named."""
    path = tmp_path / "config.json"
    path.write_text(config.to_json())
    assert read_config(path) == config
    path.write_text(json.dumps({**json.loads(path.read_text()), knob: value}))
    with pytest.raises(RunError, match=rf"\b{knob}\b"):
        read_config(path)
    path.write_text("[]")
    with pytest.raises(RunError, match="not the knobs of a run"):
        read_config(path)


def test_run_folders_are_not_mixed_up(config: Config, tmp_path: Path) -> None:
    """A folder with a run in it is not written over, and one without is no run."""
    (tmp_path / "config.json").write_text(config.to_json())
    with pytest.raises(RunError, match="--resume"):
        new_run(tmp_path)
    with pytest.raises(RunError, match=r"config\.json"):
        old_run(tmp_path / "nothing")
