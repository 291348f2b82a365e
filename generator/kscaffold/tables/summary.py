"""What was seen in a table: as data, and as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kscaffold.tables.inspection import Inspection
from kscaffold.tables.kinds import USED
from kscaffold.tables.target import Column

_MOST_NAMES, _MOST_CLASSES = 8, 10


def as_data(made: Inspection) -> dict[str, Any]:
    """Return what was seen as plain values, for JSON."""
    look = made.look
    return {
        "path": str(look.path),
        "rows": look.rows,
        "is_sample": look.is_sample,
        "rows_with_target": made.rows,
        "separator": look.dialect.separator if look.encoding else None,
        "encoding": look.encoding or None,
        "decimal": look.dialect.decimal,
        "thousands": look.dialect.thousands,
        "comment_lines": look.dialect.comments,
        "header": look.has_header,
        "target": made.target.name,
        "task": made.task,
        "why": made.why,
        "classes": made.classes,
        "columns": [_column(column) for column in made.columns],
        "notes": list(made.notes),
    }


def _column(column: Column) -> dict[str, Any]:
    found = {
        "name": column.name,
        "kind": column.kind.kind,
        "role": column.role or None,
        "missing": column.profile.missing,
        "distinct": len(column.profile.counts),
    }
    if column.kind.why and not column.role:
        found["why"] = column.kind.why
    if column.kind.format:
        found["format"] = column.kind.format
    return found


def as_lines(made: Inspection) -> Iterator[str]:
    """Yield what was seen, line by line."""
    first = "the first " if made.look.is_sample else ""
    yield f"{made.look.path}: {first}{made.look.rows} rows, {len(made.columns)} columns"
    for title, text in _facts(made):
        yield f"  {title:<12} {text}"
    for note in made.notes:
        yield f"  note: {note}"


def _facts(made: Inspection) -> Iterator[tuple[str, str]]:
    yield "target", f"{made.target.name} ({made.task}: {made.why})"
    if made.classes:
        shown = [f"{name} {100 * n / max(made.rows, 1):.3g}%" for name, n in made.classes.items()]
        yield "classes", _some(shown, _MOST_CLASSES)
    features = [column for column in made.columns if column.role == "feature"]
    for kind in USED:
        if names := [column.name for column in features if column.kind.kind == kind]:
            yield kind, f"{len(names)}: {_some(names, _MOST_NAMES)}"
    if missing := [column.profile for column in features if column.profile.missing]:
        shown = [f"{profile.name} {profile.missing}" for profile in missing]
        cells = sum(profile.missing for profile in missing)
        yield "missing", f"{cells} cells: {_some(shown, _MOST_NAMES)}"
    for role in ("weight", "time", "group"):
        if name := getattr(made.choices, role):
            yield role, name
    for column in made.columns:
        if not column.role:
            yield "left out", f"{column.name}: {column.kind.why}"


def _some(words: list[str], most: int) -> str:
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more
