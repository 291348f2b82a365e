"""A trained run evaluates and predicts from the command line."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from my_model.__main__ import main
from my_model.config import Config
from my_model.data import load_data, load_schema
from my_model.runs import Run, RunError
from my_model.table import DataError
from my_model.train import train


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Train one short run for all tests here."""
    return train(Config(epochs=1, verbose=0), tmp_path_factory.mktemp("runs") / "run")


def predict(run: Run, rows: Path) -> list[dict[str, str]]:
    """Predict with the command line and read what it wrote."""
    output = rows.with_name("predictions.csv")
    main(["predict", str(rows), "--output", str(output), "--run-dir", str(run.folder)])
    with output.open(newline="") as file:
        return list(csv.DictReader(file))


def test_csv_and_npz_give_the_same_predictions(run: Run, tmp_path: Path) -> None:
    """The features come from columns in any order, or from an array."""
    config = run.load_config()
    x = load_data(config).test.x[:5]
    features = load_schema(config).features
    np.savez(tmp_path / "rows.npz", x=x)
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        lines = [features, *x.reshape(5, -1).tolist()]
        csv.writer(file).writerows(list(reversed(line)) for line in lines)

    from_npz = predict(run, tmp_path / "rows.npz")
    assert len(from_npz) == 5
    assert predict(run, tmp_path / "rows.csv") == from_npz
    expected = run.load_model().predict(x, verbose=0)
    predicted = [float(line["prediction"]) for line in from_npz]
    np.testing.assert_allclose(predicted, expected[:, 0], rtol=1e-5)


def test_rows_that_do_not_fit_are_refused(run: Run, tmp_path: Path) -> None:
    """The message names the file, and the column that is missing or the shape."""
    (tmp_path / "rows.csv").write_text("nothing\n1\n")
    with pytest.raises(DataError, match=r"rows\.csv: no column"):
        predict(run, tmp_path / "rows.csv")
    for rows, message in ((3, "x has the shape"), (0, "x has")):
        features = len(run.load_schema().features) + min(rows, 1)
        np.savez(tmp_path / "rows.npz", x=np.zeros((rows, features)))
        with pytest.raises(DataError, match=rf"rows\.npz: {message}"):
            predict(run, tmp_path / "rows.npz")


def test_names_that_do_not_fit_are_refused(run: Run, tmp_path: Path) -> None:
    """A schema.json of another model, or of none, is an error that names it."""
    shutil.copytree(run.folder, tmp_path / "copy")
    copy = Run(tmp_path / "copy")
    np.savez(tmp_path / "rows.npz", x=load_data(run.load_config()).test.x)
    names = json.loads(run.schema.read_text())
    features = names["features"]
    for wrong in (features[:-1], [], [*features[:-1], 3], None):
        copy.schema.write_text(json.dumps({**names, "features": wrong}))
        with pytest.raises(RunError, match=r"schema\.json"):
            predict(copy, tmp_path / "rows.npz")


def test_damaged_model_is_named(run: Run, tmp_path: Path) -> None:
    """A model file with a wrong byte in it is an error that names it."""
    shutil.copytree(run.folder, tmp_path / "copy")
    copy = Run(tmp_path / "copy")
    content = bytearray(run.model.read_bytes())
    content[len(content) // 2] ^= 255
    copy.model.write_bytes(content)
    with pytest.raises(RunError, match=r"model\.keras cannot be loaded"):
        main(["evaluate", "--run-dir", str(copy.folder)])


def test_evaluate_prints_the_report(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """`evaluate` shows the saved run's test metrics."""
    main(["evaluate", "--run-dir", str(run.folder)])
    assert "baseline" in capsys.readouterr().out
