"""`kscaffold template`: show, change, check and test templates."""

from __future__ import annotations

import click

from kscaffold.cli.shared import LazyGroup

SUBCOMMANDS = {
    "list": ("template_list", "List the built-in, configured and installed templates."),
    "show": ("template_show", "Show the questions, files and blocks of a template."),
    "eject": ("template_eject", "Write an overlay that changes a file or a block."),
    "lint": ("template_lint", "Check a template without rendering it."),
    "test": ("template_test", "Render and check a template with combinations of answers."),
    "schema": ("template_schema", "Print the JSON schema of kscaffold.toml, for editors."),
}


@click.group(cls=LazyGroup, modules=SUBCOMMANDS)
def command() -> None:
    """Show, change, check and test templates.

    A SOURCE is "builtin", a folder or zip with a kscaffold.toml, the URL of a git repository, or
    the name of an installed template.
    """
