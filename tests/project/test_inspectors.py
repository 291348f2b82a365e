"""Defaults that are found by looking at a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from kscaffold.errors import AnswerError
from kscaffold.project.inspectors import csv_last_column, csv_numbers_task, csv_task


def table(folder: Path, text: str) -> str:
    """Write a table and return its path."""
    path = folder / "table.csv"
    path.write_bytes(text.encode())
    return str(path)


@pytest.mark.parametrize("header", ["a,b", "\ufeffa, b ", '"a","b"', "\n\na,b"])
def test_last_column_is_found(header: str, tmp_path: Path) -> None:
    """The last name of the header, without marks and spaces around it."""
    assert csv_last_column(table(tmp_path, f"{header}\n1,2\n")) == "b"


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["cat", "dog"] * 3, "classification"),
        (["0", "1", "2"] * 3, "classification"),
        (["1.0", "2.0"] * 3, "classification"),
        (["0.5", "1.5"] * 3, "regression"),
        ([str(n) for n in range(30)], "regression"),
        ([str(n % 25) for n in range(100)], "regression"),
        (["1", "2", "3"], "regression"),
        (["1", "x"], "classification"),
    ],
)
def test_task_follows_the_values(values: list[str], task: str, tmp_path: Path) -> None:
    """Text and few whole numbers that come again are classes; other numbers are amounts."""
    rows = "".join(f"7,{value}\n" for value in values)
    assert csv_task(table(tmp_path, f"a,b\n{rows}"), "b") == task


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", "b", "is empty; a header line is needed"),
        ("a,b\n", "b", "has no rows below its header"),
        ("alpha,beta\n1,2\n", "betta", "no column 'betta'; did you mean 'beta'"),
        ("a,b\n1,2\n", "zzz", "it has a, b"),
    ],
)
def test_errors_name_file_and_fix(text: str, column: str, message: str, tmp_path: Path) -> None:
    """A table that cannot be used is named, with what is wrong."""
    path = table(tmp_path, text)
    with pytest.raises(AnswerError, match=message) as error:
        csv_task(path, column)
    assert path in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,x\n,x\n", "column 'a', row 3: '' is not a number, .* leave out the column"),
        ("city,b\nParis,1\n", "column 'city', row 2: 'Paris' is not a number"),
        ("a,b\nnan,1\n", "column 'a', row 2: 'nan' is not a number"),
    ],
)
def test_features_that_are_no_numbers_are_named(text: str, message: str, tmp_path: Path) -> None:
    """Where a model learns from numbers; else a text is as good as any other value."""
    path = table(tmp_path, text)
    with pytest.raises(AnswerError, match=message):
        csv_numbers_task(path, "b")
    assert csv_task(path, "b") in {"classification", "regression"}


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are an error of the file, not a traceback."""
    path = tmp_path / "table.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AnswerError, match="is not a readable CSV file"):
        csv_last_column(str(path))
