"""What is found by looking at a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from kscaffold.errors import AnswerError, TemplateError
from kscaffold.project.inspectors import (
    csv_batch_size,
    csv_header_in_doubt,
    csv_last_column,
    csv_names,
    csv_task,
    inspect,
)


def table(folder: Path, text: str) -> str:
    """Write a table and return its path."""
    path = folder / "table.csv"
    path.write_bytes(text.encode())
    return str(path)


@pytest.mark.parametrize("header", ["a,b", "\ufeffa, b ", '"a","b"', "\n\na,b"])
def test_last_column_is_found(header: str, tmp_path: Path) -> None:
    """The last name of the header, without marks and spaces around it."""
    path = table(tmp_path, f"{header}\n1,2\n")
    assert csv_last_column(path) == "b"
    assert csv_names(path) == "a\nb"


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["cat", "dog"] * 3, "classification"),
        (["0", "1", "2"] * 3, "classification"),
        (["1.0", "2.0"] * 3, "classification"),
        (["0.5", "1.5"] * 3, "regression"),
        (["1.5", "NA", "2.5"] * 3, "regression"),
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
        ("", "b", "is empty; a header line"),
        ("a,b\n", "b", "has no rows below its header"),
        ("alpha,beta\n1,2\n", "betta", "no column 'betta'; did you mean 'beta'"),
        ("a,b\n1,2\n", "zzz", "it has a, b"),
        ("\xff\xfe\x00", "b", "a NUL byte"),
    ],
)
def test_errors_name_file_and_fix(text: str, column: str, message: str, tmp_path: Path) -> None:
    """A table that cannot be used is named, with what is wrong, and the argument to blame."""
    path = table(tmp_path, text)
    with pytest.raises(AnswerError, match=message) as error:
        inspect("csv_task", path, column)
    assert path in str(error.value)
    assert error.value.argument == (1 if "column" in message or "has a" in message else 0)  # type: ignore[attr-defined]


def test_the_option_of_a_column_is_to_blame(tmp_path: Path) -> None:
    """Whatever argument it is of a function that looks at everything."""
    path = table(tmp_path, "a,b\n" + "1.5,2.5\n3.5,1.5\n" * 9)
    arguments = (path, True, "b", (), (), (), (), "", "nothing", "", "regression")
    with pytest.raises(AnswerError, match="no column 'nothing'") as error:
        inspect("csv_columns", *arguments)
    assert error.value.argument == 8  # type: ignore[attr-defined]


def test_header_may_be_in_doubt(tmp_path: Path) -> None:
    """Where it holds numbers as the rows do."""
    assert csv_header_in_doubt(table(tmp_path, "1,2\n3,4\n5,7\n")) == "yes"
    assert csv_header_in_doubt(table(tmp_path, "a,b\n3,4\n5,7\n")) == ""


def test_large_tables_have_larger_batches(tmp_path: Path) -> None:
    """By their rows."""
    few, many = ("".join(f"{n * 7 % 11}.5,{n}.5\n" for n in range(rows)) for rows in (50, 6_000))
    assert csv_batch_size(table(tmp_path, f"a,b\n{few}"), True, "b") == "32"
    assert csv_batch_size(table(tmp_path, f"a,b\n{many}"), True, "b") == "128"


def test_other_arguments_are_the_templates_fault() -> None:
    """A function that is not there, and one that takes more."""
    with pytest.raises(TemplateError, match="no function 'csv_taks'; did you mean 'csv_task'"):
        inspect("csv_taks", "table.csv")
    with pytest.raises(TemplateError, match="csv_task takes 2 arguments, not 1"):
        inspect("csv_task", "table.csv")
