"""`columns.toml`: what was seen in a table, as the project follows it and its owner edits it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kscaffold.safety.escaping import quote
from kscaffold.tables.choices import ROLES
from kscaffold.tables.dialect import MISSING
from kscaffold.tables.inspection import Inspection
from kscaffold.tables.kinds import IDENTIFIER, NUMBER
from kscaffold.tables.target import Column

_ABOUT = """\
# What is learned from a table: how the file is written, and what each column is.
# train, evaluate, predict and the tests follow this file; a run keeps a copy of it.
#
# kind: number, yes/no, category or date are used; identifier, text, constant and empty are not.
# use = false leaves a column out. A cell that does not fit its column counts as missing.
# symbol: what stands beside a number, such as "$" or "%"; it is ignored.
# values: what a category or a yes/no knows; any other value counts as one more, "other".
# offset, unit: the number that is learned is (cell - offset) / unit.
# transform: "log" or "log1p" for a target with a long tail; "auto": offset, unit and transform are
# chosen from the training rows, and the run's schema.json records them. Predictions and metrics
# undo them.
"""


def columns_toml(made: Inspection) -> str:
    """Return the text of the file."""
    entries = [f"{quote(column.name)} = {{ {_entry(column)} }}" for column in made.columns]
    return "\n".join([_ABOUT, "[table]", *_table(made), "", "[columns]", *entries]) + "\n"


def _table(made: Inspection) -> Iterator[str]:
    look, dialect = made.look, made.look.dialect
    yield from _said({role: getattr(made.choices, role) for role in ROLES})
    if look.encoding:
        yield from _said({"separator": dialect.separator, "encoding": look.encoding})
        yield from _said({"skip_lines": dialect.comments})
        if not look.has_header:
            yield "header = false"
        decimal = "" if dialect.decimal == "." else dialect.decimal
        yield from _said({"decimal": decimal, "thousands": dialect.thousands})
    yield f"missing = {quote(MISSING)}"


def _entry(column: Column) -> str:
    kind, scale, role = column.kind, column.scale, column.role
    is_apart = role in ("weight", "time", "group")
    why = f"is the {role}" if is_apart else "" if role else kind.why
    has_symbol = kind.kind in (NUMBER, IDENTIFIER) or role in ("weight", "time")
    said = {
        "symbol": column.profile.reader.symbol if has_symbol else "",
        "values": kind.values if role in ("feature", "target") else (),
        "format": kind.format,
        "offset": scale.offset,
        "unit": 0 if scale.unit == 1 else scale.unit,
        "transform": scale.transform,
    }
    unused = ["use = false", f"why = {quote(why)}"] if why else []
    return ", ".join([f"kind = {quote(kind.kind)}", *unused, *_said(said)])


def _said(values: Mapping[str, object]) -> Iterator[str]:
    """Yield the lines of values that are not empty."""
    return (f"{key} = {quote(value)}" for key, value in values.items() if value)
