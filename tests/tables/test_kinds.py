"""What a column is, by its cells."""

from __future__ import annotations

from pathlib import Path

import pytest

from kscaffold.errors import TableError
from kscaffold.tables.cells import Numbers, find_date_format
from kscaffold.tables.choices import Choices
from kscaffold.tables.dialect import find_marks
from kscaffold.tables.inspection import Inspection, inspect_table
from tests.tables.makers import write

DAYS = [f"2024-{1 + n % 12:02}-{1 + n % 28:02}" for n in range(60)]


def with_column(folder: Path, cells: list[str], choices: Choices | None = None) -> Inspection:
    """Look at a table whose column `x` holds these cells."""
    rows = "".join(f'"{cell}",{n * n % 7}.5,{n % 2}\n' for n, cell in enumerate(cells))
    return inspect_table(write(folder, "table.csv", f"x,number,y\n{rows}"), choices)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([str(n / 7) for n in range(60)], "number"),
        ([str(n % 3) for n in range(60)], "number"),
        ([["1", "NA", "-1e3"][n % 3] for n in range(60)], "number"),
        (["$", *(str(n % 9) for n in range(59))], "number"),
        ([str(n) for n in range(60)], "identifier"),
        ([str(1900 + n) for n in range(60)], "number"),
        ([["Yes", "no"][n % 2] for n in range(60)], "yes/no"),
        ([["TRUE", "", "FALSE"][n % 3] for n in range(60)], "yes/no"),
        ([["red", "green", "blue"][n % 3] for n in range(60)], "category"),
        ([["x", ""][n % 2] for n in range(60)], "category"),
        ([["1", "2", "x"][n % 3] for n in range(60)], "category"),
        (DAYS, "date"),
        (["unknown", *DAYS], "date"),
        ([f"{day} 12:30:00" for day in DAYS], "date"),
        ([f"{1 + n % 28}.{1 + n % 12}.2024" for n in range(60)], "date"),
        (["NA", *(day.replace("-", "") for day in DAYS)], "date"),
        (["20249999", *(day.replace("-", "") for day in DAYS)] * 9, "date"),
        ([str(20_240_101 + 7 * n) for n in range(60)], "number"),
        ([f"{1 + n % 28}-Feb-95" for n in range(60)], "date"),
        ([f"{day}T120000".replace("-", "") for day in DAYS], "date"),
        ([f"{n % 24:02}:{n % 60:02}" for n in range(60)], "date"),
        ([f"key {n}" for n in range(60)], "identifier"),
        ([f"This is the story of number {n}, told at length." for n in range(60)], "text"),
        (["5"] * 60, "constant"),
        (["NA"] * 60, "empty"),
    ],
)
def test_kind_follows_the_cells(cells: list[str], kind: str, tmp_path: Path) -> None:
    """Whatever a column is called."""
    column = with_column(tmp_path, cells).columns[0]
    assert column.kind.kind == kind
    used = kind in ("number", "yes/no", "category", "date")
    assert (column.role == "feature") == used == (not column.kind.why)


@pytest.mark.parametrize(
    ("form", "symbol"),
    [
        ("${}", "$"),
        ("-${}.00", "$"),
        ("$-{}", "$"),
        ("$ {}", "$"),
        ("US${}.00", "US$"),
        ("EUR {}", "EUR"),
        ("{} €", "€"),
        ("{}%", "%"),
        ("+{}.5 %", "%"),
        ("{}+", "+"),
        ("{} km/h", "km/h"),
        ("{} °C", "°C"),
        ("{} months", "months"),
    ],
)
def test_numbers_have_symbols_beside_them(form: str, symbol: str, tmp_path: Path) -> None:
    """A currency, a percent sign or a unit; a few cells without it are numbers, too."""
    cells = [form.format(1 + number * number) for number in range(40)]
    made = with_column(tmp_path, [*cells, "0", "NA"])
    assert made.columns[0].kind.kind == "number"
    profile = made.look.profiles["x"]
    assert (profile.reader.symbol, profile.numbers, profile.missing) == (symbol, 41, 1)
    assert f"column 'x': {symbol!r} beside the numbers is ignored" in made.notes


@pytest.mark.parametrize("form", ["{}-%", "$x{}", "1-{}%", "key {}", "v{}", "{} Main St", "#{}"])
def test_other_words_with_numbers_are_no_numbers(form: str, tmp_path: Path) -> None:
    """What stands beside the number is no symbol, or there is more than one."""
    column = with_column(tmp_path, [form.format(1 + n * n) for n in range(40)]).columns[0]
    assert column.kind.why == "nearly every row has another value"


@pytest.mark.parametrize(
    ("other", "form"),
    [
        ("€5", "${}"),
        ("1.2B", "{}M"),
        ("1 year", "{} years"),
        ("0.05", "{}.5%"),
    ],
)
def test_numbers_in_several_units_are_no_numbers(other: str, form: str, tmp_path: Path) -> None:
    """Nothing is lost in silence: the reason names a cell that differs."""
    cells = [form.format(2 + number * number) for number in range(60)]
    column = with_column(tmp_path, [*cells, other]).columns[0]
    assert column.kind.kind == "identifier"
    assert column.kind.why == f"its numbers have several units, such as {other!r}"


@pytest.mark.parametrize("cells", [["unknown", "1,2o0", "0%"], ["0"]])
def test_odd_cells_beside_symbols_count_as_missing(cells: list[str], tmp_path: Path) -> None:
    """A word or a slip of the pen is no other unit, and nothing is nothing in any unit."""
    shares = [f"{number}.5%" for number in range(60)]
    assert with_column(tmp_path, [*shares, *cells]).columns[0].kind.kind == "number"


def test_a_person_decides_otherwise(tmp_path: Path) -> None:
    """Columns are dropped, kept and taken for what one says."""
    numbers = [str(n % 3) for n in range(60)]
    for choices, kind, role in (
        (Choices(drop=("x",)), "number", ""),
        (Choices(category=("x",)), "category", "feature"),
        (Choices(weight="number"), "number", "feature"),
    ):
        column = with_column(tmp_path, numbers, choices).columns[0]
        assert (column.kind.kind, column.role) == (kind, role)
    texts = ["7", *(f"key {n % 50}" for n in range(59))]
    for choices, kind in ((Choices(keep=("x",)), "category"), (Choices(number=("x",)), "number")):
        assert with_column(tmp_path, texts, choices).columns[0].kind.kind == kind


@pytest.mark.parametrize(
    ("choices", "about", "message"),
    [
        (Choices(target="z"), "target", "has no column 'z'; it has x, number, y"),
        (Choices(drop=("nmber",)), "drop", "did you mean 'number'"),
        (Choices(drop=("y",), target="y"), "drop", "'y' is the target"),
        (Choices(drop=("x",), keep=("x",)), "drop", "given to --keep, too"),
        (Choices(weight="y"), "weight", "'y' is the target already"),
        (Choices(weight="x"), "weight", "line 2: 'key 0' is not a number"),
        (Choices(time="x"), "time", "'key 0' is neither a date nor a number"),
        (Choices(time="x", group="number"), "group", "by time or by group, not by both"),
        (Choices(drop=("number",)), "path", "no feature that says anything"),
    ],
)
def test_choices_that_cannot_be_are_named(
    choices: Choices, about: str, message: str, tmp_path: Path
) -> None:
    """With the option to blame."""
    with pytest.raises(TableError, match=message) as error:
        with_column(tmp_path, [f"key {n}" for n in range(60)], choices)
    assert error.value.about == about


def test_few_groups_are_noted(tmp_path: Path) -> None:
    """One group cannot be split, and of two none is left to validate with."""
    group = Choices(group="x")
    with pytest.raises(TableError, match="group 'x' is the same in all rows; name another"):
        with_column(tmp_path, ["a"] * 40, group)
    note = "'x' has two groups: no row is left to validate with"
    assert note in with_column(tmp_path, ["a", "b"] * 20, group).notes
    assert note in with_column(tmp_path, ["a", ""] * 20, group).notes
    assert note not in with_column(tmp_path, ["a", "b", ""] * 20, group).notes
    assert note not in with_column(tmp_path, ["a", "b", "c", "d"] * 10, group).notes


def test_target_told_by_a_feature_is_suspicious(tmp_path: Path) -> None:
    """A copy of the target, in other words or units."""
    labels = [["up", "down"][n % 2] for n in range(60)]
    assert "'x' tells the target" in with_column(tmp_path, labels).notes[-1]
    rows = "".join(f"{n * 9.5 + 2},{n * 7 % 11},{n}.25\n" for n in range(60))
    path = write(tmp_path, "table.csv", f"fahrenheit,other,celsius\n{rows}")
    assert "'fahrenheit' tells the target" in inspect_table(path).notes[-1]


@pytest.mark.parametrize(
    ("cells", "marks"),
    [
        (["1.5", "2"], (".", "")),
        (["1,5", "2"], (",", "")),
        (["1,234", "2,345,678"], (".", ",")),
        (["1,234.5", "7"], (".", ",")),
        (["1.234,5", "7"], (",", ".")),
        (["0,123", "0,456"], (",", "")),
        (["1.234", "5.678"], (".", "")),
        (["a,b", "c"], (".", "")),
        (["1 234", "2 345,5"], (",", " ")),
        (["1'234.50", "7"], (".", "'")),
        (["1\u202f234", "7"], (".", "\u202f")),
        (["555 123", "1,234.5", "2,345"], (".", ",")),
        (["555 123", "1.234,5", "2.345"], (",", ".")),
        (["1 234.567", "12.345", "3.456"], (".", " ")),
        (["1 234,567", "12,345", "3,456"], (",", " ")),
    ],
)
def test_marks_of_numbers_are_found(cells: list[str], marks: tuple[str, str]) -> None:
    """Decimal mark and thousands mark."""
    assert find_marks(cells) == marks


def test_one_cell_decides_no_marks(tmp_path: Path) -> None:
    """A telephone number in a column of words leaves another column's prices numbers."""
    rows = "".join(
        f"{'555 123' if n == 7 else 'abc'[n % 3]},\"1,{n:03}.5\",{n % 2}\n" for n in range(60)
    )
    found = inspect_table(write(tmp_path, "table.csv", f"phone,price,y\n{rows}"))
    assert (found.look.dialect.decimal, found.look.dialect.thousands) == (".", ",")
    assert found.columns[1].kind.kind == "number"


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1", 1.0),
        ("-1.5e3", -1500.0),
        ("+.5", 0.5),
        ("5.", 5.0),
        ("3.4e38", 3.4e38),
        *(
            (cell, None)
            for cell in ("", "inf", "nan", "1e39", "1_0", "0x1", "\u0661", "1 2", "1,5", "e5")
        ),
    ],
)
def test_numbers_are_strict(cell: str, value: float | None) -> None:
    """What Python would take for a number as well is none."""
    assert Numbers().value(cell) == value


def test_an_index_that_was_written_along_is_left_out(tmp_path: Path) -> None:
    """Its header is empty, and every row has another whole number, in whatever order."""
    rows = "".join(f"{n * 37 % 101},{n % 7},{n % 5}.5\n" for n in range(1, 101))
    index = inspect_table(write(tmp_path, "t.csv", f",x,y\n{rows}")).columns[0]
    assert (index.name, index.kind.kind, index.role) == ("column_1", "identifier", "")
    named = inspect_table(write(tmp_path, "named.csv", f"column_1,x,y\n{rows}")).columns[0]
    without = inspect_table(write(tmp_path, "none.csv", rows), header=False).columns[0]
    assert named.role == without.role == "feature"


def test_ambiguous_dates_are_decided_by_the_others() -> None:
    """A day above 12 tells which is the month."""
    assert find_date_format(["01/02/2024", "25/02/2024"]) == "%d/%m/%Y"
    assert find_date_format(["01/02/2024", "02/25/2024"]) == "%m/%d/%Y"
    assert find_date_format(["01/02/2024"]) == "%m/%d/%Y"
    assert find_date_format(["01/02/2024", "x"]) == ""
    assert find_date_format(["03/01/2020 1:30 PM", "03/14/2020 11:00 AM"]) == "%m/%d/%Y %I:%M %p"
