"""What commands share: options, and groups of commands that are imported only when they run."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import click

from kscaffold.hints import near_or_all

Decorator = Callable[[Any], Any]
ASSIGNED = "assigned"

sources_argument = click.argument("sources", metavar="[SOURCE]...", nargs=-1)
ref_option = click.option("--ref", metavar="REF", help="Branch, tag or commit of a git template.")
jobs_option = click.option(
    "-j", "--jobs", type=click.IntRange(1), metavar="N", help="Processes.  [default: one per core]"
)


def assignment_option(text: str) -> Decorator:
    """Return -d, which answers any question."""
    return click.option("-d", ASSIGNED, multiple=True, metavar="KEY=VALUE", help=text)


def format_option(*more: str, text: str = "Output format.") -> Decorator:
    """Return --format, which the reports of errors obey, too."""
    choices = click.Choice(["text", *more, "json"])
    return click.option("--format", "form", type=choices, default="text", help=text)


def verbose_option(text: str = "Show the traceback of an error.", **more: Any) -> Decorator:
    """Return -v."""

    def noted(ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
        if value:
            ctx.meta["kscaffold.verbose"] = True
        return value

    return click.option("-v", "--verbose", is_flag=True, help=text, callback=noted, **more)


def values_of(arguments: Sequence[str], option: str) -> list[str]:
    """Return the values of an option, before it is known which other options there are."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return [
        second if first == option else second.partition("=")[2]
        for first, second in pairwise(["", *arguments[:end]])
        if first == option or second.startswith(f"{option}=")
    ]


class LazyGroup(click.Group):
    """A group of commands; `modules` has the module and the help line of each."""

    def __init__(self, *arguments: Any, modules: dict[str, tuple[str, str]], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.modules = modules

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options; an error without a command lists the commands."""
        if not args and not ctx.resilient_parsing:
            raise click.UsageError(f"a command is missing: {', '.join(self.modules)}", ctx)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self.modules:
            return None
        module = importlib.import_module(f"kscaffold.cli.{self.modules[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.modules.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; the error for an unknown one suggests the nearest."""
        if args[0] not in self.modules and not ctx.resilient_parsing:
            hint = near_or_all(args[0], self.modules)
            raise click.UsageError(f"no command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)
