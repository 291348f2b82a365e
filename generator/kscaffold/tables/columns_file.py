"""`columns.toml`: what was seen in a table, as the project follows it and its owner edits it."""

from __future__ import annotations

from collections.abc import Iterator

from kscaffold.safety.escaping import quote
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
    profiles = made.look.profiles
    entries = [
        f"{quote(column.name)} = {{ {_entry(column, profiles[column.name].reader.symbol)} }}"
        for column in made.columns
    ]
    return "\n".join([_ABOUT, "[table]", *_table(made), "", "[columns]", *entries]) + "\n"


def _table(made: Inspection) -> Iterator[str]:
    look = made.look
    yield f"target = {quote(made.target.name)}"
    for role in ("weight", "time", "group"):
        if name := getattr(made.choices, role):
            yield f"{role} = {quote(name)}"
    if look.encoding:
        yield f"separator = {quote(look.dialect.separator)}"
        yield f"encoding = {quote(look.encoding)}"
        if look.dialect.comments:
            yield f"skip_lines = {look.dialect.comments}"
        if not look.has_header:
            yield "header = false"
        if look.dialect.decimal != ".":
            yield f"decimal = {quote(look.dialect.decimal)}"
        if look.dialect.thousands:
            yield f"thousands = {quote(look.dialect.thousands)}"
    yield f"missing = {quote(MISSING)}"


def _entry(column: Column, symbol: str) -> str:
    kind, scale = column.kind, column.scale
    parts = [f"kind = {quote(kind.kind)}"]
    if kind.why and not column.role:
        parts += ["use = false", f"why = {quote(kind.why)}"]
    elif column.role in ("weight", "time", "group"):
        parts += ["use = false", f"why = {quote(f'is the {column.role}')}"]
    if symbol and (kind.kind in (NUMBER, IDENTIFIER) or column.role in ("weight", "time")):
        parts.append(f"symbol = {quote(symbol)}")
    if kind.values and column.role in ("feature", "target"):
        parts.append(f"values = {quote(kind.values)}")
    if kind.format:
        parts.append(f"format = {quote(kind.format)}")
    if scale.offset:
        parts.append(f"offset = {quote(scale.offset)}")
    if scale.unit != 1:
        parts.append(f"unit = {quote(scale.unit)}")
    if scale.transform:
        parts.append(f"transform = {quote(scale.transform)}")
    return ", ".join(parts)
