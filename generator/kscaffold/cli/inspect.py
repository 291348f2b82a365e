"""`kscaffold inspect`: what a project would learn from a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kscaffold.cli.shared import format_option
from kscaffold.cli.terminal import echo, echo_json, table_bar
from kscaffold.errors import AnswerError, TableError
from kscaffold.tables.choices import Choices
from kscaffold.tables.inspection import inspect_table
from kscaffold.tables.look import WATCH
from kscaffold.tables.summary import as_data, as_lines

_OPTIONS = {"weight": "weight-column", "time": "time-column", "group": "group-column"}


@click.command()
@click.argument("table", type=click.Path())
@click.option("--target", default="", help="The column to predict.  [default: the last one]")
@click.option(
    "--task",
    type=click.Choice(["classification", "regression"]),
    help="What kind of target it is.  [default: by its values]",
)
@click.option("--drop", multiple=True, metavar="COLUMN", help="Leave a column out.")
@click.option("--keep", multiple=True, metavar="COLUMN", help="Use a column, whatever it holds.")
@click.option("--category", multiple=True, metavar="COLUMN", help="Take its cells as names.")
@click.option("--number", multiple=True, metavar="COLUMN", help="Take its cells as numbers.")
@click.option("--weight-column", "weight", default="", help="The column of sample weights.")
@click.option("--time-column", "time", default="", help="Split into earlier and later rows by it.")
@click.option(
    "--group-column", "group", default="", help="Keep rows together that are equal in it."
)
@click.option("--header/--no-header", default=True, help="Whether the first line holds names.")
@format_option()
def command(table: str, form: str, header: bool, task: str, **given: Any) -> None:
    """Show what `kscaffold new --data csv` would learn from TABLE, without making a project."""
    WATCH.set(table_bar)
    choices = Choices(**given)
    try:
        made = inspect_table(Path(table), choices, header=header, task=task or "")
    except TableError as error:
        option = _OPTIONS.get(error.about, error.about)
        key = "" if error.about == "path" else f"--{option}"
        raise AnswerError(error.reason, key=key, hint=error.hint) from None
    if form == "json":
        echo_json({**as_data(made), "exit_code": 0})
        return
    for line in as_lines(made):
        echo(line)
