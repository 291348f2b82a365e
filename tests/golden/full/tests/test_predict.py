"""A trained run predicts from the command line."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from my_model.__main__ import main
from my_model.data import Data
from my_model.errors import UserError
from my_model.evaluate import load_model
from my_model.predict import prediction_columns
from my_model.runs.files import RunDir


def predict(run: RunDir, rows: Path) -> list[dict[str, str]]:
    """Predict with the command line and read what it wrote."""
    output = rows.with_name("predictions.csv")
    main(["predict", str(rows), "--output", str(output), "--run-dir", str(run.path)])
    with output.open(newline="") as file:
        return list(csv.DictReader(file))


def test_csv_and_npz_give_the_same_predictions(
    run: RunDir, data: Data, tmp_path: Path
) -> None:
    """The features come from columns in any order, or from an array."""
    x = data.test.x[:5]
    np.savez(tmp_path / "rows.npz", x=x)
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        lines = [data.schema.features, *x.reshape(5, -1).tolist()]
        csv.writer(file).writerows(list(reversed(line)) for line in lines)

    from_npz = predict(run, tmp_path / "rows.npz")
    assert len(from_npz) == 5
    assert predict(run, tmp_path / "rows.csv") == from_npz
    expected = load_model(run).predict(x, verbose=0)
    labels = data.schema.labels
    probabilities = [
        [float(line[f"probability_{n}"]) for n in labels] for line in from_npz
    ]
    np.testing.assert_allclose(
        np.array(probabilities)[:, -expected.shape[1] :], expected, rtol=1e-5
    )
    np.testing.assert_allclose(np.sum(probabilities, axis=1), 1.0, rtol=1e-3)
    for line, values in zip(from_npz, probabilities):
        assert line["prediction"] == labels[int(np.argmax(values))]


def test_every_row_is_predicted(run: RunDir, data: Data, tmp_path: Path) -> None:
    """A cell that is no feature may hold anything, also a comment sign."""
    header = ",".join(["id", *data.schema.features])
    row = ",".join("1" for _ in data.schema.features)
    lines = [header, *(f"{name},{row}" for name in ("a", "#b", "c#1"))]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    assert len(predict(run, tmp_path / "rows.csv")) == 3


def test_several_outputs_are_written(data: Data) -> None:
    """Each number of each output is a column."""
    outputs = {"mean": np.zeros((3, 2)), "scale": np.ones(3)}
    columns = prediction_columns(outputs, data.schema)
    assert [len(column) for column in columns.values()] == [3, 3, 3]
    assert len({name.partition("'")[2] for name in columns}) == 3


def test_rows_that_do_not_fit_are_refused(
    run: RunDir, data: Data, tmp_path: Path
) -> None:
    """The message names the file, and the column that is missing or the shape."""
    (tmp_path / "rows.csv").write_text("nothing\n1\n")
    with pytest.raises(UserError, match=r"rows\.csv: .*no column"):
        predict(run, tmp_path / "rows.csv")
    features = data.schema.features
    row = ",".join("x" for _ in features)
    (tmp_path / "rows.csv").write_text(f"{','.join(features)}\n{row}\n")
    with pytest.raises(UserError, match=r"rows\.csv: .*(number|float)"):
        predict(run, tmp_path / "rows.csv")
    for rows in (3, 0):
        np.savez(tmp_path / "rows.npz", x=np.zeros((rows, len(features) + 1)))
        with pytest.raises(UserError, match=r"rows\.npz: x has the shape"):
            predict(run, tmp_path / "rows.npz")


def test_damaged_files_are_named(run: RunDir, data: Data, tmp_path: Path) -> None:
    """A damaged schema or model is an error that names the file."""
    copy = RunDir(tmp_path / "copy")
    shutil.copytree(run.path, copy.path)
    np.savez(tmp_path / "rows.npz", x=data.test.x)
    schema = json.loads(run.schema.read_text())
    for wrong in ({"features": [3]}, {"labels": None}, {"shape": "wide"}):
        copy.schema.write_text(json.dumps({**schema, **wrong}))
        with pytest.raises(UserError, match=r"schema\.json"):
            predict(copy, tmp_path / "rows.npz")
    copy.schema.write_text(json.dumps(schema))
    content = bytearray(run.model.read_bytes())
    content[len(content) // 2] ^= 255
    copy.model.write_bytes(content)
    with pytest.raises(UserError, match=r"model\.keras cannot be loaded"):
        predict(copy, tmp_path / "rows.npz")
