"""A run trains to the end, leaves what it should, and refuses what cannot work."""

import csv
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from my_model.__main__ import main
from my_model.callbacks import BestModel
from my_model.config import Config
from my_model.data import Data
from my_model.errors import UserError
from my_model.evaluate import Report, load_model, print_report
from my_model.runs.files import RunDir, read_json
from my_model.train import train


def read_history(run: RunDir) -> list[dict[str, str]]:
    """Return the metrics of each epoch, as they are written."""
    with run.history.open(newline="") as file:
        return list(csv.DictReader(file))


def test_run_directory(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run leaves model, history, picture, configuration and a report."""
    run = train(config, tmp_path / "run")
    assert len(read_history(run)) == config.epochs
    assert run.curves.read_bytes().startswith(b"\x89PNG")
    assert read_json(run.config, Config) == config
    report = read_json(run.metrics, Report)
    assert report.test.keys() == report.baseline.keys()
    assert 1 <= report.kept_epoch <= config.epochs
    printed = capsys.readouterr().out
    for name, value in report.test.items():
        assert f"{value:.5g}" in printed.partition(name)[2]
    assert not list(run.path.rglob("partial-*"))


def test_same_config_gives_the_same_run(finished: RunDir, tmp_path: Path) -> None:
    """A run is repeated to the last bit from its config.json."""
    second = RunDir(tmp_path / "second")
    main(["train", "--config", str(finished.config), "--run-dir", str(second.path)])
    assert second.history.read_text() == finished.history.read_text()


def test_loss_that_is_nan_stops_the_run(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that diverges stops after the epoch, and says why."""
    wild = dataclasses.replace(config, epochs=20, learning_rate=1e30, keep_best=False)
    run = train(wild, tmp_path / "run")
    assert "not a finite number" in capsys.readouterr().err
    assert len(read_history(run)) < 20


def test_run_without_validation_and_test(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without validation rows the training loss decides which model is kept."""
    bare = dataclasses.replace(config, validation_fraction=0.0, test_fraction=0.0)
    run = train(bare, tmp_path / "run")
    assert run.model.exists()
    assert run.curves.exists()
    assert "no test rows" in capsys.readouterr().out


def test_any_metric_can_be_monitored(config: Config, tmp_path: Path) -> None:
    """The best epoch may be that with the highest value of another metric."""
    other = dataclasses.replace(config, monitor="val_mae", monitor_mode="max")
    run = train(other, tmp_path / "run")
    values = [float(epoch["val_mae"]) for epoch in read_history(run)]
    kept = read_json(run.metrics, Report).kept_epoch
    assert values[kept - 1] == max(values)


@pytest.mark.parametrize(
    ("monitor", "lower"),
    [("val_loss", True), ("acceleration_mae", True), ("val_accuracy", False)],
)
def test_name_says_whether_higher_is_better(
    config: Config, data: Data, tmp_path: Path, monitor: str, lower: bool
) -> None:
    """Unless it is said, the monitored metric's name decides."""
    other = dataclasses.replace(config, monitor=monitor)
    assert BestModel(other, data, RunDir(tmp_path)).lower is lower
    other = dataclasses.replace(other, monitor_mode="max")
    assert not BestModel(other, data, RunDir(tmp_path)).lower


def test_missing_metric_is_named(config: Config, tmp_path: Path) -> None:
    """A monitored metric that is not there is an error that lists those that are."""
    other = dataclasses.replace(config, monitor="val_nothing")
    with pytest.raises(UserError, match=r"no metric 'val_nothing'; there are .*loss"):
        train(other, tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("learning_rate", float("nan")),
        ("dropout", 1.0),
        ("seed", -1),
        ("hidden_units", (0,)),
        ("test_fraction", 0.9),
    ],
)
def test_impossible_fields_are_named(config: Config, name: str, value: Any) -> None:
    """A value that cannot work is an error that names the field."""
    changed: dict[str, Any] = {name: value}
    with pytest.raises(UserError, match=name):
        dataclasses.replace(config, **changed)


def test_scores_of_the_model_are_reported(finished: RunDir, data: Data) -> None:
    """The saved model, loaded again, has the metrics of the report."""
    model = load_model(finished)
    logs = model.evaluate(**data.test._asdict(), verbose=0, return_dict=True)
    report = read_json(finished.metrics, Report)
    del logs["mae"]  # the report has it in the target's own units
    assert {name: report.test[name] for name in logs} == pytest.approx(logs, rel=1e-5)


def test_history_is_that_of_the_validation_rows(finished: RunDir, data: Data) -> None:
    """The saved model has on the validation rows what its epoch reported."""
    kept = read_history(finished)[read_json(finished.metrics, Report).kept_epoch - 1]
    model = load_model(finished)
    logs = model.evaluate(**data.validation._asdict(), verbose=0, return_dict=True)
    reported = {name: float(kept[f"val_{name}"]) for name in logs}
    assert reported == pytest.approx(logs, rel=1e-5)


def test_baseline_explains_nothing(finished: RunDir) -> None:
    """The R2 score of a constant guess is never above 0, on any rows."""
    assert read_json(finished.metrics, Report).baseline["r2"] < 1e-6


def test_verdict_compares_with_the_baseline(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A model that is no better than the baseline is told of."""
    for loss, is_better in ((1.0, True), (2.0, False), (float("nan"), False)):
        print_report(Report({}, {"loss": loss}, {"loss": 2.0}, 1, 1))
        assert ("No better" in capsys.readouterr().out) is not is_better


def test_evaluate_prints_the_report(
    finished: RunDir, capsys: pytest.CaptureFixture[str]
) -> None:
    """`evaluate` shows the saved run's test metrics beside those of the baseline."""
    main(["evaluate", "--run-dir", str(finished.path)])
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    report = read_json(finished.metrics, Report)
    for name, value in report.test.items():
        guess = report.baseline.get(name)
        column = [] if guess is None else [f"{guess:.5g}"]
        assert [name, f"{value:.5g}", *column] in printed
