"""`kscaffold template list`: list the templates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from kscaffold.cli.shared import format_option
from kscaffold.cli.terminal import Styled, columns, echo, echo_json
from kscaffold.config import read_folder_config, read_user_config
from kscaffold.errors import KscaffoldError
from kscaffold.template.fetch import find, installed
from kscaffold.template.git import without_password
from kscaffold.template.parts import BUILT_IN


@click.command()
@format_option()
def command(form: str) -> None:
    """List the templates: built in, configured by you or by this folder, and installed."""
    rows = list(_rows())
    if form == "json":
        echo_json([{"source": s, "place": p, "is": what.text} for s, p, what in rows])
        return
    for row, line in zip(rows, columns([row[:2] for row in rows]), strict=True):
        echo(*(line, "  ", row[2]) if row[2].text else (line.rstrip(),))


def _rows() -> Iterator[tuple[str, str, Styled]]:
    groups = {
        "built in": [BUILT_IN],
        "configured": read_user_config().templates,
        "this folder": read_folder_config(Path()),
        "installed": sorted(installed()),
    }
    for place, sources in groups.items():
        for source in sources:
            yield without_password(source), place, _what(source)


def _what(source: str) -> Styled:
    """Return a template's description, or what is wrong with it, in red."""
    try:
        part = find(source, Path())
    except KscaffoldError as error:
        return Styled(str(error), fg="red")
    extends = f"overlay on {part.extends}" if part.extends else ""
    return Styled(": ".join(filter(None, (extends, part.layer.description))))
