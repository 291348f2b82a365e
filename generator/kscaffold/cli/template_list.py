"""`kscaffold template list`: what there is to choose from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from kscaffold.cli.terminal import Styled, echo, echo_json, styled
from kscaffold.config import read_folder_config, read_user_config
from kscaffold.errors import KscaffoldError
from kscaffold.hints import visible
from kscaffold.template.git import without_password
from kscaffold.template.origins import BUILT_IN
from kscaffold.template.sources import find, installed


@click.command()
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="What is printed."
)
@click.pass_context
def command(ctx: click.Context, form: str) -> None:
    """List the templates: built in, configured for you or this folder, and installed."""
    ctx.meta["kscaffold.format"] = form
    rows = list(_rows())
    if form == "json":
        echo_json([{"source": s, "place": p, "is": _text(what)} for s, p, what in rows])
        return
    widths = [max(len(visible(str(row[column]))) for row in rows) for column in (0, 1)]
    for source, place, what in rows:
        line = f"{visible(source):<{widths[0]}}  {place:<{widths[1]}}"
        echo(*(line, "  ", what) if what else (line.rstrip(),))


def _text(part: str | Styled) -> str:
    return part if isinstance(part, str) else part.text


def _rows() -> Iterator[tuple[str, str, str | Styled]]:
    yield BUILT_IN, "built in", _what(BUILT_IN)
    for source in read_user_config().templates:
        yield without_password(source), "configured", _what(source)
    for source in read_folder_config(Path()):
        yield without_password(source), "this folder", _what(source)
    for name in sorted(installed()):
        yield name, "installed", _what(name)


def _what(source: str) -> str | Styled:
    """Return what a template says of itself; or what is wrong with it, in red."""
    try:
        head = find(source, Path()).head
    except KscaffoldError as error:
        return styled(str(error), fg="red")
    extends = f"overlay on {head.extends}" if head.extends else ""
    return ": ".join(filter(None, (extends, head.template.description)))
