"""Tables are read as columns.toml says; what does not fit counts as missing."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from my_model.config import Config
from my_model.data import load_data
from my_model.errors import UserError
from my_model.evaluate import load_model
from my_model.table.reading import Table, read_inputs, read_table
from my_model.table.scaling import decide_scale
from my_model.table.schema import Column, Format, Schema, read_schema
from my_model.table.splitting import split_rows
from my_model.train import train

SCHEMA = Schema(
    Format(target="y", missing=("", "NA")),
    {
        "size": Column("number"),
        "new": Column("yes/no", values=("no", "yes")),
        "when": Column("date", format="%Y-%m-%d"),
        "colour": Column("category", values=("blue", "red")),
        "id": Column("identifier", use=False),
        "y": Column("number", offset=1000.0, unit=10.0),
    },
)
HEADER = "id,size,new,when,colour,y"


def write(path: Path, *rows: str, header: str = HEADER) -> Path:
    """Write a table."""
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_cells_become_numbers(tmp_path: Path) -> None:
    """Numbers, yes and no, dates and categories; the target on the scale that is trained."""
    path = write(tmp_path / "t.csv", "a,1.5,yes,2000-01-01,red,1010")
    table = read_table(path, SCHEMA)
    np.testing.assert_allclose(
        table.inputs["numbers"], [[1.5, 1, 0, 0, 1, 0, 1]], atol=1e-7
    )
    np.testing.assert_array_equal(table.inputs["categories"], [[2]])
    np.testing.assert_array_equal(table.target, [1.0])


def test_odd_cells_count_as_missing_and_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that say nothing are no news; a row without a target is left out."""
    path = write(
        tmp_path / "t.csv",
        "a,NA,,NA,,1000",
        "b,1_0,maybe,yesterday,green,1000",
        "c,1e39,no,2000-01-01,blue,1000",
        "d,1,no,2000-01-01,blue,",
    )
    table = read_table(path, SCHEMA)
    assert np.isnan(table.inputs["numbers"][:2]).all()
    np.testing.assert_array_equal(table.inputs["categories"], [[0], [0], [1]])
    said = capsys.readouterr().err
    assert f"{path}: column 'size': cells that are no number" in said
    assert "column 'when': cells that are no date and count as missing: 1" in said
    assert "1 rows without a target or a weight are left out" in said


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("sizes,new,when,colour,y", "1,no,,,1", "no column 'size'; did you mean 'si"),
        ("size,new,when,colour,x", "1,no,,,1", "no column 'y'; it has size, new"),
        (HEADER, 'a,"1', "not a readable table"),
        (HEADER, "", "no rows"),
    ],
)
def test_bad_tables_are_named(
    tmp_path: Path, header: str, row: str, message: str
) -> None:
    """The error names the file, and the column where there is one."""
    path = write(tmp_path / "t.csv", row, header=header)
    with pytest.raises(UserError, match=message) as error:
        read_table(path, SCHEMA)
    assert str(path) in str(error.value)


def test_missing_table_is_named(tmp_path: Path) -> None:
    """A path that leads nowhere is named."""
    with pytest.raises(UserError, match=r"nowhere\.csv: no such file"):
        read_table(tmp_path / "nowhere.csv", SCHEMA)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("target = ", "trget = ", r"columns\.toml: .*target"),
        ("target = ", 'target = "nothing" # ', "no column 'nothing'"),
        ("[columns]", '[columns]\nnew = { kind = "numbr" }', "new"),
        ("[columns]", '[columns]\nnew = { kind = "text" }', "needs use = false"),
        ("[columns]", '[columns]\nnew = { kind = "date" }', "needs a format"),
        ("[columns]", "[columns]\n[", r"columns\.toml: "),
    ],
)
def test_mistakes_in_columns_toml_are_named(
    config: Config, tmp_path: Path, old: str, new: str, message: str
) -> None:
    """The error names the file and the entry."""
    text = config.columns.read_text(encoding="utf-8")
    (tmp_path / "columns.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_schema(tmp_path / "columns.toml")


@pytest.mark.parametrize("transform", ["", "log", "log1p", "auto"])
def test_scale_of_the_target_is_undone(transform: str) -> None:
    """Predictions are in the units of the table."""
    column = Column("number", offset=-1.0, unit=10.0, transform=transform)  # type: ignore[arg-type]
    values = np.array([0.5, 7.0, 1e6])
    np.testing.assert_allclose(column.unscaled(column.scaled(values)), values)


def test_scale_follows_from_the_training_rows() -> None:
    """Other rows change nothing in it, however long their tail is."""
    column = Column("number", transform="auto")
    schema = Schema(Format(target="y"), {"x": Column("number"), "y": column})
    steps, ones = np.arange(100.0), np.ones(100)
    for made, scale in (
        (np.exp(steps / 10), Column("number", transform="log")),
        (np.expm1(steps / 10), Column("number", transform="log1p")),
        (1.7e9 + steps, Column("number", offset=1.7e9 + 50)),
        (1e6 * steps, Column("number", unit=1e7)),
        (steps, Column("number")),
        (7 * ones, Column("number", offset=7.0)),
    ):
        for tail in (ones, 1e9 * steps):
            target = np.concatenate([made, tail + 1e3])
            table = Table({}, target, weight=target, order=target, group=target)
            scaled, decided = decide_scale(table, schema, np.arange(100))
            assert decided.target == scale
            np.testing.assert_allclose(decided.unscaled(scaled.target), target)


def parts(form: Format) -> list[set[float]]:
    """Split 100 rows in 10 groups by their time, group or class; return each part's."""
    rows = np.arange(100.0)
    columns = {
        "x": Column("number"),
        "y": Column("category", values=("a", "b")),
        "t": Column("number", use=False),
    }
    table = Table({}, target=rows % 2, weight=rows, order=rows, group=rows // 10)
    found = split_rows(table, Schema(form, columns), 0.2, 0.2, seed=0)
    return [{*(table.group if form.group else rows)[part].tolist()} for part in found]


def test_rows_are_split_by_time() -> None:
    """The latest rows test, the earliest train."""
    train_rows, validation, test = parts(Format(target="y", time="t"))
    assert max(train_rows) < min(validation) <= max(validation) < min(test)


def test_groups_stay_together() -> None:
    """No group is in two parts."""
    train_rows, validation, test = parts(Format(target="y", group="t"))
    assert len(train_rows) == 6
    assert not train_rows & validation | train_rows & test | validation & test


def test_classes_have_their_shares() -> None:
    """Each part has as many rows of each class as it should."""
    odd = [len([n for n in part if n % 2]) for part in parts(Format(target="y"))]
    assert odd == [30, 10, 10]


def test_unknown_and_missing_cells_predict(config: Config, tmp_path: Path) -> None:
    """A rare value does not blow up a prediction, nor does a cell without any."""
    rows = [
        f"a,{n / 10},{'yes' if n % 3 else 'no'},2001-01-{1 + n % 28},{'blue' if n % 2 else 'red'},"
        f"{1000 + n % 5}"
        for n in range(200)
    ]
    schema_path, path = tmp_path / "columns.toml", write(tmp_path / "t.csv", *rows)
    schema_path.write_text(
        '[table]\ntarget = "y"\n[columns]\nsize = { kind = "number" }\n'
        'new = { kind = "yes/no", values = ["no", "yes"] }\n'
        'when = { kind = "date", format = "%Y-%m-%d" }\n'
        'colour = { kind = "category", values = ["blue", "red"] }\n'
        'y = { kind = "number", offset = 1000.0 }\n'
    )
    changed = dataclasses.replace(config, data_path=path, columns=schema_path, epochs=1)
    run = train(changed, tmp_path / "run")
    odd = write(tmp_path / "odd.csv", "a,1e30,,,green,", "a,-1e30,maybe,NA,,")
    x = read_inputs(odd, read_schema(schema_path))
    y_pred = load_model(run).predict(x, verbose=0)
    assert (np.abs(y_pred) < 50).all()
    assert load_data(changed).train.num_rows == 140
