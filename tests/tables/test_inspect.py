"""`kscaffold inspect` prints what it saw, and leaves nothing behind."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runner import error_of, kscaffold, report_of
from tests.tables.makers import LEARNED, PLAIN, REFUSED, write


def test_a_table_is_shown(tmp_path: Path) -> None:
    """Rows, target, classes, columns by kind, missing cells and notes."""
    path = write(tmp_path, "table.csv", LEARNED["missing_number.csv"][0])
    shown = kscaffold("inspect", str(path)).stdout
    assert f"{path}: 120 rows, 4 columns" in shown
    assert "target       y (classification: 2 different texts)" in shown
    assert "number       3: a, b, c" in shown
    assert "missing      3 cells: a 3" in shown
    assert [file.name for file in tmp_path.iterdir()] == ["table.csv"]


def test_a_table_as_data(tmp_path: Path) -> None:
    """One object with all that the text says."""
    path = write(tmp_path, "table.csv", PLAIN)
    report = report_of(
        kscaffold("inspect", str(path), "--target", "a", "--drop", "b", "--format", "json")
    )
    assert (report["target"], report["task"], report["rows"]) == ("a", "regression", 120)
    assert report["columns"][1] == {
        "name": "b",
        "kind": "number",
        "role": None,
        "missing": 0,
        "distinct": report["columns"][1]["distinct"],
        "why": "dropped by you",
    }


@pytest.mark.parametrize("name", ["nul.csv", "ragged.csv", "identifier_target.csv"])
def test_errors_are_one_line(name: str, tmp_path: Path) -> None:
    """With the exit code of a bad answer."""
    path = write(tmp_path, name, REFUSED[name][0])
    assert str(path) in error_of(kscaffold("inspect", str(path)), 2)


def test_an_option_is_named(tmp_path: Path) -> None:
    """The option that names no column is to blame."""
    path = write(tmp_path, "table.csv", PLAIN)
    message = error_of(kscaffold("inspect", str(path), "--weight-column", "w"), 2)
    assert message.startswith("--weight-column: ")


def test_parquet_takes_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, the error says what to install."""
    path = write(tmp_path, "table.parquet", b"PAR1" + bytes(20) + b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pip install pyarrow" in error_of(kscaffold("inspect", str(path)), 2)


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    """In one line."""
    pytest.importorskip("pyarrow")
    path = write(tmp_path, "table.parquet", b"PAR1" + bytes(20) + b"PAR1")
    assert "is not a readable Parquet file" in error_of(kscaffold("inspect", str(path)), 2)


def test_the_tool_imports_no_libraries_of_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The standard library reads CSV."""
    real = builtins.__import__

    def guarded(name: str, *rest: Any) -> Any:
        assert name.partition(".")[0] not in {"numpy", "pandas", "polars", "pyarrow"}
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", guarded)
    assert kscaffold("inspect", str(write(tmp_path, "t.csv", PLAIN))).exit_code == 0
