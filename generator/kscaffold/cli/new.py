"""`kscaffold new`: create a project."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from kscaffold.cli import questions
from kscaffold.cli.shared import assignment_option, format_option, values_of, verbose_option
from kscaffold.cli.terminal import table_bar
from kscaffold.config import as_recorded, read_folder_config, read_user_config
from kscaffold.errors import KscaffoldError, TargetError
from kscaffold.template import sources
from kscaffold.template.fetch import is_git
from kscaffold.template.sources import Pinned, pinned
from kscaffold.template.stack import Template


class NewCommand(click.Command):
    """A command that has an option for each question of the template."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options; which there are depends on the template that the arguments name."""
        ctx.meta["kscaffold.arguments"] = [*args]
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own options, then the template's questions."""
        *own, help_option = super().get_params(ctx)
        asked = template_of(ctx).manifest.questions.values()
        return [*own, *map(questions.QuestionOption, asked), help_option]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the options in groups; the questions of each choice are a group."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record and isinstance(param, click.Option):
                group = getattr(param, "group", "Options")
                groups.setdefault(group, []).append(record)
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(records)


def template_of(ctx: click.Context) -> Template:
    """Return the template, which is loaded once."""
    template: Template | None = ctx.meta.get("kscaffold.template")
    if template is None:
        try:
            template = _load(ctx.meta.get("kscaffold.arguments", []))
            questions.check_names(template.manifest, own_names(ctx))
        except KscaffoldError:
            if not ctx.resilient_parsing:
                raise
            # For shell completion, the built-in options are better than none.
            template = sources.load_template()
        ctx.meta["kscaffold.template"] = template
    return template


def own_names(ctx: click.Context) -> frozenset[str]:
    """Return the names of the command's own options, which no question can have."""
    params = click.Command.get_params(command, ctx)
    names = {str(param.name) for param in params}
    for param in params:
        names.update(name for name in (*param.opts, *param.secondary_opts) if name[:2] == "--")
    return frozenset(name.removeprefix("--").replace("-", "_") for name in names)


def _load(arguments: Sequence[str]) -> Template:
    """Load the template that the arguments name, that a project records, or that is configured."""
    given = values_of(arguments, "--template")
    if not given and (data_files := values_of(arguments, "--data-file")):
        recorded = sources.recorded_layers(Path(data_files[-1]))
        if recorded is not None:
            return sources.load_recorded(recorded, Path(data_files[-1]).absolute().parent.parent)
    here = Path()
    always = (*read_user_config().templates, *read_folder_config(here))
    return sources.load_pinned(_chosen(always, given, values_of(arguments, "--ref")), here)


def _chosen(always: Sequence[str], given: Sequence[str], refs: Sequence[str]) -> list[Pinned]:
    """Return the configured and the named templates with their refs.

    The refs belong to the named git templates or, if there are none, to the configured ones.
    """
    if not any(map(is_git, given)):
        return pinned([*always, *given], refs)
    named = {as_recorded(source) for source in given}
    # A source that is named with a ref replaces the configured one.
    kept = [each for each in always if not (refs and as_recorded(each) in named)]
    return [*pinned(kept, ()), *pinned(given, refs)]


EXIT_CODES = """\b
Exit codes:
  0    done
  1    unexpected error, or --train failed
  2    a bad option or answer; nothing is written
  3    the target is in the way or cannot be written; it is unchanged
  4    the template is broken; nothing is written
  5    the template wants to run commands and is not trusted; nothing is written
  130  interrupted
"""


@click.command(cls=NewCommand, epilog=EXIT_CODES)
@click.argument("path", type=click.Path())
@click.option(
    "--template",
    metavar="SOURCE",
    multiple=True,
    help="Template or overlay: a folder, a zip, the URL of a git repository, or the name of an"
    " installed template; may be repeated, each on top of the last.",
)
@click.option(
    "--ref",
    metavar="REF",
    multiple=True,
    help="Branch, tag or commit of a git template; for several templates, in their order.",
)
@click.option("--data-file", metavar="FILE", type=click.Path(), help="Read answers from TOML.")
@assignment_option("Answer a question; may be repeated.")
@click.option("--defaults", is_flag=True, help="Ask nothing; take the defaults.")
@click.option("-n", "--dry-run", is_flag=True, help="Print the tree, and write nothing.")
@click.option("--diff", is_flag=True, help="Print how the files would change, and write nothing.")
@click.option("--force", is_flag=True, help="Write into a folder that is not empty; keep backups.")
@click.option("--git/--no-git", default=True, help="Start a git repository.  [default: yes]")
@click.option("--trust", is_flag=True, help="Let the template run its commands afterwards.")
@click.option(
    "--commands/--no-commands",
    default=True,
    help="Run the commands of the template, if it is trusted.  [default: yes]",
)
@click.option("--train", is_flag=True, help="Train the new project for one epoch, as a check.")
@format_option(text="Output format; json prints one object, and asks nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
@verbose_option(expose_value=False)
@click.pass_context
def command(ctx: click.Context, /, path: str, **given: Any) -> int:
    """Create a project at PATH.

    Questions that no option, -d or data file answers are asked on a terminal. Without a terminal,
    or with --defaults, they take their defaults.
    """
    if not path:
        raise click.UsageError("the path is empty; give a folder, or . for the current one", ctx)
    from kscaffold.cli.creation import Wanted, create
    from kscaffold.tables.look import WATCH

    template = template_of(ctx)
    options = {n: given.pop(n) for n in template.manifest.questions if n in given}
    answers = questions.collect(template.manifest, options, given["assigned"], given["data_file"])
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    wanted = Wanted(
        target=Path(os.path.normpath(path)),  # "x/../y" is "y", whether or not x exists
        name=_name(path),
        ask=on_terminal and not given["defaults"] and given["form"] == "text",
        trusted=given["trust"] or read_user_config().trusts(template),
        json=given["form"] == "json",
        **{field.name: given[field.name] for field in fields(Wanted) if field.name in given},
    )
    if not wanted.quiet:
        WATCH.set(table_bar)
    return create(template, answers, wanted)


def _name(path: str) -> str:
    try:
        return Path(os.path.abspath(path)).name  # noqa: PTH100
    except FileNotFoundError:
        raise TargetError("the current folder is gone", hint="change to another one") from None
