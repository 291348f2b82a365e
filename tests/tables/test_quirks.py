"""Tables with one quirk each are read as they were meant, or refused with the place and the fix."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kscaffold.errors import TableError
from kscaffold.tables.columns_file import columns_toml
from kscaffold.tables.inspection import inspect_table
from kscaffold.tables.summary import as_data
from kscaffold.toml import parse_toml
from tests.tables.makers import LEARNED, PLAIN, REFUSED, SAME, write


@pytest.mark.parametrize("name", SAME)
def test_the_same_table_in_another_dialect(name: str, tmp_path: Path) -> None:
    """Rows, kinds, classes and numbers do not depend on how a table is written."""
    plain = inspect_table(write(tmp_path, "plain_one.csv", PLAIN))
    found = inspect_table(write(tmp_path, name, SAME[name]))
    assert found.rows == 120
    assert found.classes == plain.classes
    used = [column for column in found.columns if column.role]
    assert [(c.name, c.kind, c.role) for c in used] == [
        (c.name, c.kind, c.role) for c in plain.columns
    ]
    for column in "abc":
        one, other = plain.look.profiles[column], found.look.profiles[column]
        assert (one.values(), one.minimum, one.maximum) == (
            other.values(),
            other.minimum,
            other.maximum,
        )


@pytest.mark.parametrize("name", LEARNED)
def test_what_is_learned_is_said(name: str, tmp_path: Path) -> None:
    """The task follows from the target, and what is odd is noted with column and line."""
    content, task, note = LEARNED[name]
    found = inspect_table(write(tmp_path, name, content))
    assert found.task == task
    assert note in " ".join(found.notes)
    assert parse_toml(columns_toml(found).encode())["columns"].keys() == {*found.look.kinds}
    assert as_data(found)["rows"] == found.look.rows


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused(name: str, tmp_path: Path) -> None:
    """One line names the file, the line or the column, and the fix."""
    content, message = REFUSED[name]
    path = write(tmp_path, name, content)
    with pytest.raises(TableError, match=message) as error:
        inspect_table(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder, a pipe, nothing, and a URL."""
    os.mkfifo(tmp_path / "pipe")
    for path, message in (
        (tmp_path, "Is a directory"),
        (tmp_path / "pipe", "Not a regular file"),
        (tmp_path / "nowhere.csv", "no such file"),
        (Path("https://example.org/table.csv"), "no such file; download it first"),
    ):
        with pytest.raises(TableError, match=message):
            inspect_table(path)


def test_without_a_header_no_row_is_lost(tmp_path: Path) -> None:
    """The columns are numbered then."""
    path = write(tmp_path, "t.csv", LEARNED["no_header.csv"][0])
    found = inspect_table(path, header=False)
    assert found.rows == 120
    assert [column.name for column in found.columns] == [f"column_{n}" for n in range(1, 5)]
    assert not found.notes


def test_wide_tables_are_read(tmp_path: Path) -> None:
    """Ten thousand columns are many, and no error."""
    names = [f"c{n}" for n in range(10_000)]
    rows = [",".join(str((n * row) % 7 + row / 10) for n in range(10_000)) for row in range(10)]
    path = write(tmp_path, "t.csv", "\n".join([",".join(names), *rows]))
    assert sum(column.role == "feature" for column in inspect_table(path).columns) > 9_000


def test_a_large_parquet_file_is_looked_at_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sample is stated, as of a text."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    monkeypatch.setattr("kscaffold.tables.look.MOST", 30_000)
    columns = {name: [n % 17 + n / 7 for n in range(12_000)] for name in "aby"}
    parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    found = inspect_table(tmp_path / "t.parquet")
    assert found.look.is_sample
    assert "looked at the first 5000 rows" in found.notes[0]


def test_a_large_table_is_looked_at_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sample is stated, also if it ends in the middle of a quoted cell."""
    monkeypatch.setattr("kscaffold.tables.look.MOST", 30_000)
    rows = "".join(f'{n % 17},"two\nlines {n % 3}",{n % 2}\n' for n in range(3_000))
    found = inspect_table(write(tmp_path, "t.csv", f"a,b,y\n{rows}"))
    assert found.look.is_sample
    assert 500 < found.look.rows < 3_000
    assert f"looked at the first {found.look.rows} rows" in found.notes[0]
