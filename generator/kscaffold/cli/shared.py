"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import click

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
