"""What `new` decides is what a project reads: the same arrays, however a table is written."""

from __future__ import annotations

import bz2
import csv
import gzip
import importlib
import io
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kscaffold.tables.choices import Choices
from kscaffold.tables.columns_file import columns_toml
from kscaffold.tables.inspection import inspect_table
from tests.tables.makers import LEARNED, PLAIN, ROWS, SAME, label, write

pytest.importorskip("pandas")


def read(project: Any, path: Path, **choices: Any) -> tuple[Any, Any]:
    """Look at a table as the tool does, and read it as a project does."""
    made = inspect_table(path, **choices)
    toml = path.with_name("columns.toml")
    toml.write_text(columns_toml(made), encoding="utf-8")
    schema = project.schema.read_schema(toml)
    table = project.reading.read_table(path, schema)
    table, schema = project.scaling.decide_scale(table, schema, np.arange(len(table.target)))
    return schema, table


@pytest.mark.parametrize("name", SAME)
def test_dialects_give_the_same_arrays(name: str, project: Any, tmp_path: Path) -> None:
    """The numbers of the table, and the class of each row."""
    _, table = read(project, write(tmp_path, name, SAME[name]))
    np.testing.assert_array_equal(table.inputs["numbers"], np.array(ROWS, np.float32))
    np.testing.assert_array_equal(table.target, [float(label(row) == "yes") for row in ROWS])


# The numbers and the target of the first row; a target on the scale that is trained.
FIRST: dict[str, tuple[list[float], float]] = {
    "odd_names.csv": (ROWS[0], 1),
    "names_of_ours.csv": (ROWS[0], 1),
    "no_header.csv": (ROWS[1], 0),
    "category.csv": (ROWS[0][1:], 1),
    "boolean.csv": ([*ROWS[0][1:], 1], 1),
    "date.csv": (
        [
            *ROWS[0][1:],
            8766 / 365.25,
            *[f(2 * np.pi * 8766 / p) for p in (365.25, 7) for f in (np.sin, np.cos)],
        ],
        1,
    ),
    "missing_number.csv": ([np.nan, *ROWS[0][1:]], 1),
    "missing_target.csv": (ROWS[0], ROWS[0][0] * 2),
    "na_target.csv": ([1, 2], 1.5),
    "inf_target.csv": (ROWS[0], ROWS[0][0] * 2),
    "too_big.csv": (ROWS[0], 1),
    "underscore.csv": (ROWS[0], 1),
    "arabic.csv": (ROWS[0], 1),
    "unix_time.csv": ([-60, *ROWS[0][1:]], 3 * ROWS[0][0] + ROWS[0][1]),
    "constant.csv": (ROWS[0][1:], 1),
    "rare_flag.csv": ([0, 0], ROWS[0][0] / 9),
    "skewed.csv": (ROWS[0], np.log(10) * (2 * abs(ROWS[0][0]) + ROWS[0][1] / 9)),
    "large_target.csv": (ROWS[0], 50 + ROWS[0][0] + ROWS[0][1]),
    "tiny_target.csv": (ROWS[0], ROWS[0][0] + ROWS[0][1]),
    "few_rows.csv": (ROWS[0], 1),
}


@pytest.mark.parametrize("name", LEARNED)
def test_first_row_is_as_it_should_be(name: str, project: Any, tmp_path: Path) -> None:
    """Each quirk, as the model gets it; no row with a target is lost."""
    path = write(tmp_path, name, LEARNED[name][0])
    _, table = read(project, path)
    numbers, target = FIRST[name]
    np.testing.assert_allclose(table.inputs["numbers"][0], numbers, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(table.target[0], target, rtol=1e-6, atol=1e-6)
    lost = 1 if name in ("missing_target.csv", "na_target.csv", "inf_target.csv") else 0
    assert len(table.target) == inspect_table(path).look.rows - lost


@dataclass(frozen=True)
class Written:
    """A random table: how it is written, and what is in it."""

    data: bytes
    suffix: str
    numbers: np.ndarray
    categories: np.ndarray
    target: np.ndarray
    values: list[list[str]]


MISSING = ("", "NA", "?", "null")
WORDS = ("red", "blue", "two words", "a,b", "a;b", 'a "quoted" one', "ä", "12x")


@st.composite
def tables(draw: st.DrawFn) -> Written:
    """A table of random kinds, written in a random way."""
    generator = random.Random(draw(st.integers(0, 2**32)))
    separator = draw(st.sampled_from(",;\t|"))
    decimal = draw(st.sampled_from([".", ","])) if separator != "," else "."
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
    quoting: Any = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    kinds = draw(st.lists(st.sampled_from(["number", "flag", "category"]), min_size=1, max_size=5))
    rows = draw(st.integers(40, 80))
    missing = draw(st.sampled_from([0.0, 0.2]))

    def gap() -> bool:
        return generator.random() < missing

    columns: list[list[str]] = []
    found: dict[str, list[Any]] = {"number": [], "flag": [], "category": []}
    values = []
    for kind in kinds:
        if kind == "number":
            numbers = [np.nan if gap() else round(generator.gauss(0, 50), 3) for _ in range(rows)]
            form = generator.choice(("{}", "${}", "EUR {}", "{}%", "{} km/h"))
            columns.append(
                [
                    (
                        generator.choice(MISSING)
                        if np.isnan(n)
                        else form.format(str(n).replace(".", decimal))
                    )
                    for n in numbers
                ]
            )
            found[kind].append(numbers)
        elif kind == "flag":
            flags = [np.nan if gap() else float(generator.random() < 0.5) for _ in range(rows)]
            pair = generator.choice([("no", "yes"), ("False", "True"), ("N", "Y")])
            columns.append(
                [generator.choice(MISSING) if np.isnan(n) else pair[int(n)] for n in flags]
            )
            found[kind].append(flags)
        else:
            words = tuple(sorted(generator.sample(WORDS, generator.randint(3, len(WORDS)))))
            chosen = ["" if gap() else generator.choice(words) for _ in range(rows)]
            columns.append([word or generator.choice(MISSING) for word in chosen])
            found[kind].append(chosen)
            values.append(chosen)
    target = [round(generator.gauss(0, 10), 2) for _ in range(rows)]
    columns.append([str(n).replace(".", decimal) for n in target])
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, quoting=quoting)
    writer.writerow([*(f"{kind} {n}" for n, kind in enumerate(kinds)), "the target"])
    writer.writerows(zip(*columns, strict=True))
    numbers_first = np.array([*found["number"], *found["flag"]]).T
    return Written(
        text.getvalue().encode(encoding),
        ".csv",
        numbers_first,
        np.array(values).T,
        np.array(target),
        values,
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[*HealthCheck])
@given(table=tables())
def test_random_tables_give_the_values_they_were_made_of(
    table: Written, project: Any, tmp_path: Path
) -> None:
    """Numbers to the last bit of float32, categories by their names, missing cells as such."""
    schema, found = read(
        project,
        write(tmp_path, "t.csv", table.data),
    )
    if table.numbers.size:
        np.testing.assert_array_equal(found.inputs["numbers"], table.numbers.astype(np.float32))
    for number, name in enumerate(schema.of_kind("category")):
        names = np.array(["", *schema.columns[name].values])
        np.testing.assert_array_equal(
            names[found.inputs["categories"][:, number]], table.values[number]
        )
    np.testing.assert_allclose(schema.unscaled(found.target), table.target, atol=1e-9)


@settings(max_examples=30, deadline=None, suppress_health_check=[*HealthCheck])
@given(seed=st.integers(0, 2**32), rows=st.integers(5, 60))
def test_what_new_accepts_is_read(seed: int, rows: int, project: Any, tmp_path: Path) -> None:
    """Whatever cells there are: a table is refused by `new`, or has rows with a target."""
    generator = random.Random(seed)
    cells = ("1", "2.5", "-3", "x", "", "NA", "yes", "no", "2024-01-05", "inf", "1e39", "1,5", "7%")
    chosen = [generator.sample(cells, generator.randint(1, 5)) for _ in range(4)]
    lines = [";".join(generator.choice(each) for each in chosen) for _ in range(rows)]
    path = write(tmp_path, "t.csv", "\n".join(["a;b;c;y", *lines]) + "\n")
    from kscaffold.errors import TableError

    try:
        made = inspect_table(path)
    except TableError:
        return
    schema, table = read(project, path)
    assert len(table.target) > 0
    assert np.isfinite(table.target).all()
    if schema.labels:
        assert len(table.target) == made.rows
        assert len({*table.target}) > 1


def test_parquet_is_read_like_csv(project: Any, tmp_path: Path) -> None:
    """With the same kinds and the same arrays."""
    pytest.importorskip("pyarrow")
    pandas = importlib.import_module("pandas")
    frame = pandas.DataFrame(
        {
            "number": [None if n % 7 == 0 else n / 3 for n in range(60)],
            "count": [n % 5 for n in range(60)],
            "flag": [n % 2 == 0 for n in range(60)],
            "when": pandas.date_range("2020-01-01", periods=60),
            "name": [None if n % 9 == 0 else "ab"[n % 2] for n in range(60)],
            "y": [n * 0.5 + n % 3 for n in range(60)],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_csv(tmp_path / "t.csv", index=False)
    schema, found = read(project, tmp_path / "t.parquet")
    other_schema, other = read(project, tmp_path / "t.csv")
    assert [c.kind for c in schema.columns.values()] == [
        c.kind for c in other_schema.columns.values()
    ]
    for name, array in found.inputs.items():
        np.testing.assert_allclose(array, other.inputs[name], rtol=1e-6)
    np.testing.assert_allclose(found.target, other.target)


@pytest.mark.parametrize(
    ("mark", "point"), [(",", "."), (".", ","), (" ", ","), ("\u00a0", "."), ("'", ".")]
)
def test_thousands_are_told_from_decimals(
    mark: str, point: str, project: Any, tmp_path: Path
) -> None:
    """Also where a number has both, and where one has none."""
    values = [1234567.25, 1234.5, 12.5, 7.0, -1234.0] * 12
    cells = [f"{value:,}".translate({ord(","): mark, ord("."): point}) for value in values]
    rows = "".join(f"{cell};{number}\n" for number, cell in enumerate(cells))
    _, table = read(project, write(tmp_path, "t.csv", f"x;y\n{rows}"))
    np.testing.assert_array_equal(table.inputs["numbers"][:, 0], np.array(values, np.float32))


@pytest.mark.parametrize("form", ["${}", "{} €", "{}km", "{}E"])
def test_a_symbol_beside_numbers_is_ignored(form: str, project: Any, tmp_path: Path) -> None:
    """Neither of a feature nor of the target, with thousands and without."""
    values = [1234567.25, 1234.5, -12.5, 7.0, 8250.0] * 12
    cells = [form.format(f"{value:,}") for value in values]
    rows = "".join(f"{cell};{cell}\n" for cell in cells)
    schema, table = read(project, write(tmp_path, "t.csv", f"x;y\n{rows}"))
    np.testing.assert_array_equal(table.inputs["numbers"][:, 0], np.array(values, np.float32))
    np.testing.assert_allclose(schema.unscaled(table.target), values)


def test_losses_in_parentheses_are_negative(project: Any, tmp_path: Path) -> None:
    """As accountants write them."""
    rows = "".join(f"{f'$5{n}' if n % 3 else f'($2{n})'};{n}.5\n" for n in range(10, 60))
    _, table = read(project, write(tmp_path, "t.csv", f"x;y\n{rows}"))
    expected = [float(f"5{n}") if n % 3 else -float(f"2{n}") for n in range(10, 60)]
    np.testing.assert_array_equal(table.inputs["numbers"][:, 0], np.array(expected, np.float32))


def test_weights_and_times_may_have_symbols(project: Any, tmp_path: Path) -> None:
    """They are read as features are."""
    rows = "".join(f"{n} s,{1 + n % 3} kg,{n % 7}.5,{n}.5\n" for n in range(60))
    path = write(tmp_path, "t.csv", f"time,weight,x,y\n{rows}")
    _, table = read(project, path, choices=Choices(time="time", weight="weight"))
    np.testing.assert_array_equal(table.order, np.arange(60.0))
    np.testing.assert_allclose(table.weight, [(1 + n % 3) / 2 for n in range(60)])


def test_times_that_are_none_are_counted(
    project: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row without a time trains."""
    rows = "".join(f"2024-01-{1 + n % 28:02},{n % 7},{n}.5\n" for n in range(60))
    path = write(tmp_path, "t.csv", f"time,x,y\n{rows}")
    schema, _ = read(project, path, choices=Choices(time="time"))
    path.write_text(f"time,x,y\n{rows}soon,1,2.5\n")
    assert len(project.reading.read_table(path, schema).order) == 61
    assert "time 'time': cells that are no date: 1" in capsys.readouterr().err


def test_days_may_be_written_as_numbers(project: Any, tmp_path: Path) -> None:
    """The same days give the same numbers, also where some are missing."""
    days = [f"2024-{1 + n % 12:02}-{1 + n % 28:02}" if n % 9 else "NA" for n in range(60)]
    found = []
    for name, mark in (("dashes.csv", "-"), ("numbers.csv", "")):
        rows = "".join(f"{day.replace('-', mark)},{n % 7}.5\n" for n, day in enumerate(days))
        _, table = read(project, write(tmp_path, name, f"day,y\n{rows}"))
        found.append(table.inputs["numbers"])
    np.testing.assert_array_equal(*found)
    assert np.isnan(found[0][0]).all()
    assert not np.isnan(found[0][1]).any()


ENCODED = {
    "numbers alone": "x;y\n" + "".join(f"{n / 7};{n % 3}.5\n" for n in range(60)),
    "categories alone": "x;y\n" + "".join(f"{'abc'[n % 3]};{n % 3}.5\n" for n in range(60)),
    "a large category": "x;y\n" + "".join(f"c{n % 20};{n % 3}.5\n" for n in range(60)),
    "missing and constant": "x;z;c;y\n"
    + "".join(
        f"{'' if n % 4 else n / 7};{int(n == 7)};{'' if n % 2 else 'a'};{n % 3}.5\n"
        for n in range(60)
    ),
}


@pytest.mark.parametrize("name", ENCODED)
def test_columns_are_encoded_near_zero(name: str, project: Any, tmp_path: Path) -> None:
    """Whatever kinds there are, also of cells that training has not seen."""
    schema, table = read(project, write(tmp_path, "t.csv", ENCODED[name]))
    layer = project.encoding.encode_columns(table.inputs, schema)
    odd = {
        "numbers": np.array([[np.nan], [3e38], [-3e38]], np.float32),
        "categories": np.zeros((3, 1), np.int32),
    }
    wide = {n: np.repeat(odd[n], a.shape[1], axis=1) for n, a in table.inputs.items()}
    for inputs in (table.inputs, wide):
        encoded = np.asarray(layer(inputs))
        assert encoded.shape[0] == len(next(iter(inputs.values())))
        assert np.abs(encoded).max() <= 3
    again = type(layer).from_config(layer.get_config())
    assert again(wide).shape == layer(wide).shape


def test_a_later_cell_that_does_not_fit_is_counted(
    project: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table grows after `new` looked at it."""
    path = write(tmp_path, "t.csv", PLAIN)
    schema, before = read(project, path)
    path.write_text(PLAIN + "oops,1,2,yes\n1,2,3,perhaps\n")
    after = project.reading.read_table(path, schema)
    assert len(after.target) == len(before.target) + 1
    assert np.isnan(after.inputs["numbers"][-1, 0])
    said = capsys.readouterr().err
    assert "column 'a': cells that are no number and count as missing: 1" in said
    assert "1 rows without a target" in said


RAGGED = (
    # What is added to the plain table, and how many rows of it do not fit.
    ("1,2,3,yes,5\n", 1),
    ("1,2\n1\n", 2),
    ("1,2\n1,2,3,yes,5\n", 2),
    ('1,"2,2",3,yes\n1,"2\n2",3,yes\n', 0),
    ("\n   \n1,2,3,yes\n", 0),
    ("\t\n1,2,3,yes\n1,2\n", 1),
    ("1,2,3,yes,\n1,2,3,yes,,\n", 0),
    ("1,2,3,yes\n1,2", 1),
    ('5" wide,2,3,no\n6" wide,2,3,no,1\n', 1),
    ("1,2,3,yes\r\n1,2\r\n", 1),
)


@pytest.mark.parametrize(("added", "ragged"), RAGGED)
@pytest.mark.parametrize("suffix", [".csv", ".csv.GZ", ".csv.bz2", ".csv.zip", "-16.csv"])
def test_a_later_row_that_does_not_fit_counts_as_missing(
    added: str,
    ragged: int,
    suffix: str,
    project: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It trains nothing, has a prediction all the same, and is counted aloud."""
    encoding = "utf-16" if "16" in suffix else "utf-8"
    path = write(tmp_path, f"t{suffix}", packed(PLAIN.encode(encoding), suffix))
    schema, before = read(project, path)
    path.write_bytes(packed((PLAIN + added).encode(encoding), suffix))
    after = project.reading.read_table(path, schema)
    said = capsys.readouterr().err
    line = f"{path}: rows with more or fewer cells than the header, which count as missing: "
    assert (f"{line}{ragged}\n" in said) == bool(ragged)
    rows = [*csv.reader(io.StringIO(added, newline=""))]
    fit = sum(len(row) == 4 or (len(row) > 4 and not any(row[4:])) for row in rows)
    assert len(after.target) == len(before.target) + fit
    numbers = project.reading.read_inputs(path, schema)["numbers"]
    assert len(numbers) == len(ROWS) + fit + ragged
    assert np.isnan(numbers[len(ROWS) :]).all(axis=1).sum() == ragged


def packed(data: bytes, suffix: str) -> bytes:
    """Compress as the end of a name says."""
    if suffix.endswith(".zip"):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("t.csv", data)
        return file.getvalue()
    packers: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress}
    return next((pack(data) for end, pack in packers.items() if suffix.lower().endswith(end)), data)


@settings(max_examples=200, deadline=None, suppress_health_check=[*HealthCheck])
@given(
    rows=st.lists(
        st.lists(st.sampled_from(["1", "x y", "a,b", 'say "so"', "two\nlines", ""]), min_size=1),
        max_size=20,
    ),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
    block=st.integers(1, 40),
)
def test_ragged_rows_are_those_that_a_reader_of_csv_finds(
    rows: list[list[str]], quoting: Any, end: str, block: int, project: Any, tmp_path: Path
) -> None:
    """Wherever the blocks end that are read at once, and whatever is quoted."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=quoting, lineterminator=end)
    writer.writerows([["a", "b", "c"], *rows])
    path = write(tmp_path, "t.csv", text.getvalue())
    table = project.schema.Format(target="c")
    project.ragged.BLOCK = block
    is_written = quoting == csv.QUOTE_ALL  # a cell that is empty, too
    expected = [
        number
        for number, row in enumerate(rows)
        if len(row) < 3 or any(cell or is_written for cell in row[3:])
    ]
    assert project.ragged.ragged_rows(path, table, 3) == expected


@pytest.mark.parametrize(
    ("data", "table", "width", "expected"),
    [
        (b"a\n1\n\n2,3\n4\n", {}, 1, [1]),
        (b'\xef\xbb\xbf"1,5",2\n1,2\n1\n', {"header": False}, 2, [2]),
        ("a,b\nx\u2028y,1\n1\n".encode("utf-16-le"), {"encoding": "utf-16-le"}, 2, [1]),
        (b"a b\n1 2\n\t\n1\n", {"separator": " "}, 2, [1]),
        (b'a,b\r"two\rlines",1\r1\r', {}, 2, [1]),
    ],
)
def test_rows_are_counted_as_pandas_counts_them(
    data: bytes,
    table: dict[str, Any],
    width: int,
    expected: list[int],
    project: Any,
    tmp_path: Path,
) -> None:
    """Blank lines of one column or of tabs, a byte order mark, other encodings and line ends."""
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    found = project.ragged.ragged_rows(path, project.schema.Format(target="b", **table), width)
    assert found == expected


def test_a_quoted_cell_without_an_end_is_refused(
    project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as it is longer than any cell: the rest of a large file is not read in vain."""
    path = write(tmp_path, "t.csv", 'a,b\n1,"2\n' + "1,2\n" * 1000)
    monkeypatch.setattr(project.ragged, "BLOCK", 100)
    monkeypatch.setattr(project.ragged, "LONGEST", 1000)
    with pytest.raises(ValueError, match="has no end"):
        project.ragged.ragged_rows(path, project.schema.Format(target="b"), 2)


@pytest.mark.parametrize("separator", ["||", "", "\\s+", "é"])
def test_a_separator_is_one_character(separator: str, project: Any) -> None:
    """Others are refused when columns.toml is read."""
    with pytest.raises(ValueError, match="separator"):
        project.schema.Format(target="y", separator=separator)


def test_a_scale_that_is_not_decided_changes_nothing(project: Any) -> None:
    """Offset and unit beside "auto" count for nothing, as training decides on them."""
    column = project.schema.Column("number", transform="auto", offset=5.0, unit=1000.0)
    values = np.array([0.0, 10.0])
    np.testing.assert_array_equal(column.scaled(values), values)
    np.testing.assert_array_equal(column.unscaled(values), values)


@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.bz2", ".csv.zip", ".csv.xz"])
def test_a_damaged_archive_is_named(suffix: str, project: Any, tmp_path: Path) -> None:
    """Whatever its library raises: the error names the file."""
    schema, _ = read(project, write(tmp_path, "t.csv", PLAIN))
    path = tmp_path / f"t{suffix}"
    path.write_bytes(b"no archive")
    with pytest.raises(project.schema.UserError, match=f"{path.name}: not a readable table"):
        project.reading.read_table(path, schema)
