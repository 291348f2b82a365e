"""`kscaffold new`: answers in, a project out."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from kscaffold.cli import options
from kscaffold.cli.trust import as_recorded, is_trusted
from kscaffold.config import read_folder_config, read_user_config
from kscaffold.errors import KscaffoldError, TargetError
from kscaffold.template.manifest import Manifest
from kscaffold.template.sources import (
    Pinned,
    Template,
    is_git,
    load_pinned,
    load_recorded,
    load_template,
    pinned,
    recorded_layers,
)


class NewCommand(click.Command):
    """A command that has an option for each question of the template."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options; a mistake in them is reported in the form that they ask for."""
        if "--format=json" in args or ("--format", "json") in pairwise(args):
            ctx.meta["kscaffold.format"] = "json"
        # The template decides which options there are, so it is looked for first.
        ctx.meta["kscaffold.arguments"] = args[: args.index("--")] if "--" in args else list(args)
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own options and then the template's questions."""
        questions: list[click.Option] = [*options.question_options(template_of(ctx).manifest)]
        own = super().get_params(ctx)
        if not any(option.name == options.ASSIGNED for option in questions):
            questions.append(options.assignment_option())
        return [*own[:-1], *questions, own[-1]]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the template's questions in groups: those of any project, those of a choice."""
        groups: dict[str, list[tuple[str, str]]] = {"Options": [], "Questions of the template": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record and isinstance(param, click.Option):
                groups.setdefault(_group(param), []).append(record)
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(records)


def _group(option: click.Option) -> str:
    if not isinstance(option, options.QuestionOption):
        return "Options"
    return f"With {option.asked_with}" if option.asked_with else "Questions of the template"


def template_of(ctx: click.Context) -> Template:
    """Return the template, which is loaded once."""
    template: Template | None = ctx.meta.get("kscaffold.template")
    if template is None:
        try:
            template = _load(ctx.meta.get("kscaffold.arguments", []))
            options.check_names(template.manifest, own_names(ctx))
        except KscaffoldError:
            # While a shell completes, the built-in options are better than none.
            if not ctx.resilient_parsing:
                raise
            template = load_template()
        ctx.meta["kscaffold.template"] = template
    return template


def own_names(ctx: click.Context) -> frozenset[str]:
    """Return the names of the command's own options, which no question can have."""
    return options.names_of(click.Command.get_params(command, ctx))


def _load(arguments: list[str]) -> Template:
    """Load what the arguments name, on top of what is always used; or what a project records."""
    given = _values(arguments, "--template")
    if not given and (data_file := next(reversed(_values(arguments, "--data-file")), None)):
        recorded = recorded_layers(Path(data_file))
        if recorded is not None:
            return load_recorded(recorded, Path(data_file).absolute().parents[1])
    here = Path()
    always = (*read_user_config().templates, *read_folder_config(here))
    return load_pinned(_chosen(always, given, _values(arguments, "--ref")), here)


def _chosen(always: Sequence[str], given: Sequence[str], refs: Sequence[str]) -> list[Pinned]:
    """Return the templates to use: refs are those of what is named or, if none is, of all."""
    if not any(map(is_git, given)):
        return pinned([*always, *given], refs)
    named = {as_recorded(source) for source in given}
    # A source that is named with a ref replaces the one that is always used.
    kept = [each for each in always if not (refs and as_recorded(each) in named)]
    return [*pinned(kept, ()), *pinned(given, refs)]


def _values(arguments: list[str], option: str) -> list[str]:
    """Return what an option is given, before all options are known."""
    return [
        second if first == option else second.partition("=")[2]
        for first, second in pairwise(["", *arguments])
        if first == option or second.startswith(f"{option}=")
    ]


EXIT_CODES = """\b
Exit codes:
  0    done
  1    something unexpected, or --train failed
  2    a bad option or answer; nothing is written
  3    the target is in the way or cannot be written; it is as it was
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
    help="Take this template, or put this overlay on top: a folder, a zip, the URL of a git"
    " repository, or the name of an installed template; may be repeated.",
)
@click.option(
    "--ref",
    metavar="REF",
    multiple=True,
    help="The branch, tag or commit of a template from git; of several, in their order.",
)
@click.option("--data-file", metavar="FILE", type=click.Path(), help="Take answers from TOML.")
@click.option("--defaults", is_flag=True, help="Ask nothing: take the default of each question.")
@click.option("-n", "--dry-run", is_flag=True, help="Print the tree that would be written.")
@click.option("--diff", is_flag=True, help="Print each file, or how it differs from what is there.")
@click.option("--force", is_flag=True, help="Write into a folder that is not empty; keep backups.")
@click.option("--git/--no-git", default=True, help="Start a git repository.  [default: yes]")
@click.option("--trust", is_flag=True, help="Let the template run its commands afterwards.")
@click.option(
    "--commands/--no-commands",
    default=True,
    help="Run the commands of the template, if it is trusted.  [default: yes]",
)
@click.option("--train", is_flag=True, help="Train the fresh project for one epoch, as a check.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="What is printed; json: one object, and nothing is asked.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def command(ctx: click.Context, /, path: str, **given: Any) -> None:
    """Create a project at PATH.

    What is not given by an option, with -d or in a data file is asked on a terminal; without a
    terminal, and with --defaults, the default is taken.
    """
    if not path:
        raise click.UsageError("the path is empty; give a folder, or . for the current one", ctx)
    ctx.meta["kscaffold.format"] = given["form"]
    ctx.meta["kscaffold.verbose"] = ctx.meta.get("kscaffold.verbose") or given["verbose"]
    from kscaffold.cli.creation import Request, create

    template = template_of(ctx)
    answers = options.collect(
        template.manifest,
        _answered(template.manifest, given),
        given["assigned"],
        given["data_file"],
    )
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    create(
        template,
        answers,
        Request(
            # What "x/../y" means must not depend on whether x is there.
            target=Path(os.path.normpath(path)),
            name=_name(path),
            ask=on_terminal and not given["defaults"] and given["form"] == "text",
            dry_run=given["dry_run"],
            diff=given["diff"],
            force=given["force"],
            git=given["git"],
            train=given["train"],
            commands=given["commands"],
            trusted=given["trust"] or is_trusted(template, read_user_config()),
            json=given["form"] == "json",
            quiet=given["quiet"],
        ),
    )


def _name(path: str) -> str:
    try:
        return Path(os.path.abspath(path)).name  # noqa: PTH100
    except FileNotFoundError:
        raise TargetError("the current folder is gone", hint="change to another one") from None


def _answered(manifest: Manifest, given: dict[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in manifest.questions if name in given}
