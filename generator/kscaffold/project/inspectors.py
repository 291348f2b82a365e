"""What is found by looking at a table that somebody names: defaults, and whole texts."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from pathlib import Path

from kscaffold.errors import AnswerError, TableError, TemplateError
from kscaffold.hints import near_or_all
from kscaffold.tables.choices import Choices
from kscaffold.tables.columns_file import columns_toml
from kscaffold.tables.inspection import Inspection, inspect_table, last_column
from kscaffold.tables.look import look_at
from kscaffold.tables.target import find_task
from kscaffold.template.manifest import Value

# The arguments of those that look at everything, in their order.
_ABOUT = (
    *("path", "header", "target", "drop", "keep", "category", "number"),
    *("weight", "time", "group", "task"),
)
# From so many rows on, larger batches train as well, and faster.
_BATCHES = ((20_000, 256), (5_000, 128), (2_000, 64))
_BATCH = 32


class InspectionError(AnswerError):
    """A file that cannot be inspected; `argument` is the number of the one to blame."""

    def __init__(self, reason: str, *, argument: int = 0, hint: str = "") -> None:
        super().__init__(reason, hint=hint)
        self.argument = argument


def csv_last_column(path: str, header: bool = True) -> str:
    """Return the name of a table's last column that can be a target."""
    return last_column(look_at(Path(path), header=header))


def csv_names(path: str, header: bool = True) -> str:
    """Return the names of all columns, a line each."""
    return "\n".join(look_at(Path(path), header=header).kinds)


def csv_header_in_doubt(path: str) -> str:
    """Return "yes" if the first line may be a row, else ""."""
    return "yes" if look_at(Path(path)).header_in_doubt else ""


def csv_task(path: str, column: str, header: bool = True) -> str:
    """Return "classification" or "regression", by the values of a column."""
    look = look_at(Path(path), header=header)
    Choices(target=column).check(path, look.kinds)
    return find_task(look.profiles[column], look.kinds[column])[0]


def csv_checked_task(path: str, header: bool, target: str, *more: str | tuple[str, ...]) -> str:
    """Return the task of a table from which something can be learned."""
    return inspected(path, header, target, *more).task


def csv_columns(path: str, header: bool, target: str, *more: str | tuple[str, ...]) -> str:
    """Return the text of columns.toml."""
    return columns_toml(inspected(path, header, target, *more)).rstrip("\n")


def csv_batch_size(path: str, header: bool, target: str, *more: str | tuple[str, ...]) -> str:
    """Return how many rows a training step should take."""
    rows = inspected(path, header, target, *more).rows
    return str(next((size for least, size in _BATCHES if rows >= least), _BATCH))


def inspected(path: str, header: bool, target: str, *more: str | tuple[str, ...]) -> Inspection:
    """Return what is learned from a table, by the arguments of `_ABOUT`; raises `TableError`."""
    given = {"target": target, **dict(zip(_ABOUT[3:], more, strict=False))}
    task = str(given.pop("task", ""))
    return inspect_table(Path(path), Choices(**given), header=header, task=task)  # type: ignore[arg-type]


INSPECTORS: dict[str, Callable[..., str]] = {
    "csv_last_column": csv_last_column,
    "csv_names": csv_names,
    "csv_header_in_doubt": csv_header_in_doubt,
    "csv_task": csv_task,
    "csv_checked_task": csv_checked_task,
    "csv_columns": csv_columns,
    "csv_batch_size": csv_batch_size,
}


def inspect(function: str, *arguments: Value) -> str:
    """Call an inspector by its name.

    Raises `InspectionError` for what is wrong with the file, and `TemplateError` for the call.
    """
    inspector = INSPECTORS.get(function)
    if inspector is None:
        raise TemplateError(f"no function {function!r}", hint=near_or_all(function, INSPECTORS))
    parameters = signature(inspector)
    try:
        parameters.bind(*arguments)
    except TypeError:
        least = sum(p.default is p.empty for p in parameters.parameters.values())
        reason = f"{function} takes {least} arguments, not {len(arguments)}"
        raise TemplateError(reason) from None
    try:
        return inspector(*arguments)
    except TableError as error:
        names = [*_ABOUT] if "header" in [*parameters.parameters][:2] else ["path", "target"]
        blamed = names.index(error.about) if error.about in names else 0
        argument = min(blamed, len(arguments) - 1)
        raise InspectionError(error.reason, argument=argument, hint=error.hint) from None
