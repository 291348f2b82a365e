"""`kscaffold template`: show, change, check and try templates."""

from __future__ import annotations

import importlib
from typing import Any

import click

SUBCOMMANDS = {
    "list": ("template_list", "List the templates: built in, configured, installed."),
    "show": ("template_show", "Show the questions, files and blocks of a template."),
    "eject": ("template_eject", "Write an overlay that changes a file or a block."),
    "lint": ("template_lint", "Check a template without rendering it."),
    "test": ("template_test", "Render a template with all its answers, and check the projects."),
    "schema": ("template_schema", "Print the JSON schema of kscaffold.toml, for editors."),
}


class LazySubgroup(click.Group):
    """A group that imports a subcommand when it runs."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options; without a subcommand, name all of them."""
        if not args and not ctx.resilient_parsing:
            raise click.UsageError(f"a command is missing: {', '.join(SUBCOMMANDS)}", ctx)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order in which they are shown."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a subcommand."""
        if cmd_name not in SUBCOMMANDS:
            return None
        module = importlib.import_module(f"kscaffold.cli.{SUBCOMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in SUBCOMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the subcommand; for an unknown one, name the nearest."""
        from kscaffold.text import near

        name = args[0]
        if name not in SUBCOMMANDS and not ctx.resilient_parsing:
            hint = near(name, SUBCOMMANDS) or f"; there are {', '.join(SUBCOMMANDS)}"
            raise click.UsageError(f"no command {name!r}{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=LazySubgroup)
def command() -> None:
    """Show, change, check and try templates.

    A SOURCE is "builtin", a folder or a zip with a kscaffold.toml, the URL of a git repository, or
    the name of an installed template.
    """
