"""Options that several commands have, and what is known of them before all are parsed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import click

Decorator = Callable[[Any], Any]
ASSIGNED = "assigned"

sources_argument = click.argument("sources", metavar="[SOURCE]...", nargs=-1)
ref_option = click.option(
    "--ref", metavar="REF", help="The branch, tag or commit of a template from git."
)
jobs_option = click.option(
    "-j", "--jobs", type=click.IntRange(1), metavar="N", help="Processes.  [default: one per core]"
)


def assignment_option(text: str) -> Decorator:
    """Return -d, which answers any question."""
    return click.option("-d", ASSIGNED, multiple=True, metavar="KEY=VALUE", help=text)


def format_option(*more: str, text: str = "How the result is printed.") -> Decorator:
    """Return --format; its value is also known to the report of an error."""
    choices = click.Choice(["text", *more, "json"])
    return click.option("--format", "form", type=choices, default="text", help=text)


def verbose_option(text: str = "Show the traceback of an error.", **more: Any) -> Decorator:
    """Return -v, which every command that has it takes in the same way."""

    def noted(ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
        if value:
            ctx.meta["kscaffold.verbose"] = True
        return value

    return click.option("-v", "--verbose", is_flag=True, help=text, callback=noted, **more)


def values_of(arguments: Sequence[str], option: str) -> list[str]:
    """Return what an option is given, before it is known which options there are."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return [
        second if first == option else second.partition("=")[2]
        for first, second in pairwise(["", *arguments[:end]])
        if first == option or second.startswith(f"{option}=")
    ]
