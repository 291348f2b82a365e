"""`kscaffold template schema`: the JSON schema of kscaffold.toml."""

from __future__ import annotations

import json

import click

from kscaffold.cli.terminal import echo
from kscaffold.template.manifest.schema import manifest_schema


@click.command()
def command() -> None:
    """Print the JSON schema of kscaffold.toml.

    Save it beside a template as kscaffold.schema.json, and start kscaffold.toml with the line
    "#:schema ./kscaffold.schema.json": editors with TOML support then complete and check it.
    """
    echo(json.dumps(manifest_schema(), indent=2), keep="\n")
