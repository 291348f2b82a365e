"""A project from a table of all kinds passes its own tests, trains, predicts and resumes."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from tests.projects import generate, run
from tests.tables.makers import write

pytestmark = pytest.mark.slow
pytest.importorskip("pandas")
HEADER = ["größe", "colour", "flag", "day", "city", "id", "weight", "site", "y"]


def rows() -> list[list[str]]:
    """Numbers with a decimal comma, names, missing cells, dates, and a target with a long tail."""
    generator = random.Random(3)
    made = []
    for n in range(400):
        size, flag = generator.gauss(0, 1), generator.random() < 0.5
        cells = [
            f"{size:.3f}" if n % 9 else "NA",
            generator.choice(["red", "green", "blue", ""]),
            "yes" if flag else "no",
            f"{1 + n % 28:02}.{1 + n % 12:02}.20{10 + n % 12}",
            f"city {generator.randint(0, 40)}",
            f"id{n}",
            f"{generator.random() + 0.5:.2f}",
            str(n % 30),
            f"{1000 * 10 ** (size + flag / 2):.1f}",
        ]
        made.append([cell.replace(".", ",") if n != 3 else cell for n, cell in enumerate(cells)])
    return made


def mixed(folder: Path) -> Path:
    """Write the table, with a comment in front and in an old encoding."""
    lines = [";".join(cells) for cells in [HEADER, *rows()]]
    return write(folder, "mixed.csv", ("# made\n" + "\n".join(lines) + "\n").encode("cp1252"))


def project_of(table: Path, folder: Path) -> Path:
    """Generate a project that learns from the table, with its weights and its time."""
    columns = {"weight_column": "weight", "time_column": "day"}
    answers = {"data": "csv", "data_path": str(table), **columns, "package": "mixed"}
    return generate(folder, answers)


@pytest.mark.exhaustive
def test_own_tests_of_the_machinery_pass(tmp_path: Path) -> None:
    """Those of steps that are fused have data of their own."""
    folder = project_of(mixed(tmp_path), tmp_path / "project")
    own = ["tests/machinery", "--ignore=tests/machinery/test_fused.py"]
    run(folder, "-m", "pytest", "-q", *own)


def test_a_project_of_a_mixed_table(tmp_path: Path) -> None:
    """Its weights, its time and its scale reach the report; columns come in any order."""
    table = mixed(tmp_path)
    folder = project_of(table, tmp_path / "project")
    assert str(rows()[0][5]) not in (folder / "columns.toml").read_text()
    run(folder, "-m", "pytest", "-q", "--ignore=tests/machinery")
    run(folder, "-m", "mixed", "train", "--verbose", "0", "--epochs", "2", "--run-dir", "run")
    report = run(folder, "-m", "mixed", "resume", "--epochs", "40", "--run-dir", "run").stdout
    r2 = float(next(line.split()[1] for line in report.splitlines() if line.startswith("r2")))
    assert r2 > 0
    whole = ["train", "--verbose", "0", "--epochs", "40", "--run-dir", "whole"]
    run(folder, "-m", "mixed", *whole)
    histories = [(folder / name / "history.csv").read_text() for name in ("run", "whole")]
    assert histories[0] == histories[1]
    turned = [";".join(reversed(cells[:-1])) for cells in [HEADER, *rows()]]
    write(folder, "turned.csv", ("#\n" + "\n".join(turned) + "\n").encode("cp1252"))
    predictions = []
    for path in (table, folder / "turned.csv"):
        run(folder, "-m", "mixed", "predict", str(path), "--run-dir", "run")
        with (folder / "predictions.csv").open() as file:
            predictions.append([float(line["prediction"]) for line in csv.DictReader(file)])
    assert len(predictions[0]) == 400
    assert predictions[0] == predictions[1]


def test_weights_reach_loss_and_metrics(tmp_path: Path) -> None:
    """Rows without weight change nothing, however wrong their targets are."""
    body = [f"{n / 50:.2f},{n / 25:.2f},1" for n in range(100)]
    wrong = [f"{n / 50:.2f},{9 - n / 25:.2f},0" for n in range(100)]
    table = write(tmp_path, "t.csv", "\n".join(["x,y,w", *body, *wrong]) + "\n")
    options = {"data": "csv", "data_path": str(table), "target": "y", "weight_column": "w"}
    folder = generate(tmp_path / "project", {**options, "package": "weighted"})
    report = run(folder, "-m", "weighted", "train", "--verbose", "0").stdout
    found = {line.split()[0]: float(line.split()[1]) for line in report.splitlines()[2:4]}
    assert found["mae"] < 0.3
