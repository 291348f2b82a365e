"""`kscaffold template schema`: what an editor checks a kscaffold.toml with."""

from __future__ import annotations

from pathlib import Path

import click

from kscaffold.cli.terminal import echo

SCHEMA = Path(__file__).parents[1] / "schema.json"


@click.command()
def command() -> None:
    """Print the JSON schema of kscaffold.toml.

    Save it beside a template as kscaffold.schema.json, and begin kscaffold.toml with the line
    "#:schema ./kscaffold.schema.json": editors that know TOML then complete and check it.
    """
    echo(SCHEMA.read_text(encoding="utf-8"), nl=False, keep="\n")
