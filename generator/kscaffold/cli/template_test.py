"""`kscaffold template test`: projects of answers in combination, and what is wrong with them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kscaffold.cli.terminal import echo, echo_json, shell_join, styled
from kscaffold.errors import TemplateError, TrustError
from kscaffold.template.git import without_password

if TYPE_CHECKING:
    from kscaffold.matrix.checks import Project
    from kscaffold.matrix.combinations import Combinations, Given
    from kscaffold.matrix.run import Fault, Trial
    from kscaffold.project.pipeline import Scaffold
    from kscaffold.template.manifest import Manifest

COVERS = {"each": 1, "pairs": 2}


@click.command()
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option("--ref", metavar="REF", help="The branch, tag or commit of a template from git.")
@click.option(
    "--cover",
    type=click.Choice(["all", "pairs", "each"]),
    help="Try all combinations; so many that each two values meet; or so many that each value is"
    " there.  [default: all, above 256 pairs]",
)
@click.option(
    "-d", "assigned", metavar="KEY=VALUE", multiple=True, help="Try these answers and no others."
)
@click.option("--defaults", is_flag=True, help="Try the default answers and no others.")
@click.option("--trust", is_flag=True, help="Let the projects' code run.")
@click.option(
    "--import/--no-import",
    "imports",
    default=None,
    help="Import the projects' modules.  [default: yes, if the template is trusted]",
)
@click.option("--train", "trains", is_flag=True, help="Train each project for a moment, too.")
@click.option(
    "-j", "--jobs", type=click.IntRange(1), metavar="N", help="Processes.  [default: one a core]"
)
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    metavar="SECONDS",
    help="How long importing or training a project may take.  [default: 300]",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="What is printed."
)
@click.pass_context
def command(
    ctx: click.Context,
    sources: tuple[str, ...],
    ref: str | None,
    cover: str | None,
    assigned: tuple[str, ...],
    defaults: bool,
    trust: bool,
    imports: bool | None,
    trains: bool,
    jobs: int | None,
    seconds: float,
    form: str,
) -> None:
    """Render a template with its answers in combination, and check each project.

    Without a SOURCE the built-in template; several are put on top of each other. Of each project it
    is checked that it renders, that its Python parses, equals its own black form and is clean to
    ruff, that its modules are imported and, with --train, that it trains as the template says under
    [test]. Yes and no, choices, and texts that are awkward to quote are combined; all else stays at
    its default.

    Importing and training run the projects' code, which needs --trust or a source that you have
    listed with `kscaffold config trusted`. Exit code 4 if any check fails: the smallest set of
    answers that fails is named, with the command that tries it again.
    """
    ctx.meta["kscaffold.format"] = form
    from kscaffold.cli.trust import is_trusted
    from kscaffold.config import read_user_config
    from kscaffold.matrix.combinations import find_combinations
    from kscaffold.matrix.run import Request, Trial
    from kscaffold.project.pipeline import prepare
    from kscaffold.template.sources import load_templates

    scaffold = prepare(load_templates(sources, Path(), ref), "project")
    trusted = trust or is_trusted(scaffold.template, read_user_config())
    if not trusted:
        _check_runs_nothing(scaffold.template.manifest, imports=imports, trains=trains)
    runs = trusted if imports is None else imports
    why_not = "not asked for" if trusted or imports is False else "not trusted; see --trust"
    request = Request(runs, trains, jobs or os.cpu_count() or 1, seconds, why_not)
    trial = Trial(scaffold, request, _bar if form == "text" else _no_bar)
    if assigned or defaults:
        chosen, about = _given(scaffold, assigned), "one combination of answers"
    else:
        found = find_combinations(scaffold.template.manifest, scaffold.tools)
        chosen, about = _covering(found, cover)
    if form == "text":
        echo(f"{scaffold.template.layers[-1].name}: {about}")
    projects = trial.run(chosen)
    faults = trial.faults(projects)
    again = [*(sources or ["builtin"]), *(["--ref", ref] if ref else []), *["--trust"] * trust]
    exit_code = TemplateError.exit_code if faults else 0
    if form == "json":
        report = {"template": scaffold.template.layers[-1].name, "combinations": len(chosen)}
        report |= {"checks": _table(projects, trial), "exit_code": exit_code}
        echo_json({**report, "failures": [_described(f, again) for f in faults]})
    else:
        _print(projects, trial)
        for fault in faults:
            _print_fault(fault, len(projects), again)
    ctx.exit(exit_code)


def _check_runs_nothing(manifest: Manifest, *, imports: bool | None, trains: bool) -> None:
    """Refuse what would run a stranger's code; raises `TrustError`."""
    if trains and manifest.train:
        shown = shell_join(["python", *manifest.train])
        hint = "--trust lets it, leaving out --train goes without"
        raise TrustError(f"the template wants to run `{shown}`", hint=hint)
    if imports:
        raise TrustError("--import runs the code of the projects", hint="--trust lets it")


def _given(scaffold: Scaffold, assigned: Sequence[str]) -> list[Given]:
    """Return the one combination that is asked for; raises `AnswerError`."""
    from kscaffold.cli.options import collect
    from kscaffold.project.answers import resolve

    manifest = scaffold.template.manifest
    given = collect(manifest, {}, assigned, None)
    values = resolve(manifest, given, scaffold.tools).values
    return [{name: values[name] for name in given}]


def _covering(found: Combinations, cover: str | None) -> tuple[list[Given], str]:
    """Return the combinations to try, and in words which they are."""
    from kscaffold.matrix.combinations import ALL_UP_TO

    count = f"{'' if found.is_whole else 'more than '}{len(found.pool)} combinations of answers"
    if cover is None:
        cover = "all" if found.is_whole and len(found.pool) <= ALL_UP_TO else "pairs"
    if cover == "all":
        return [*found.pool], count
    chosen = found.cover(COVERS[cover])
    which = "each two values meet in one" if cover == "pairs" else "each value is in one"
    return chosen, f"{len(chosen)} of {count}: {which}"


@contextmanager
def _bar(phase: str, steps: int) -> Generator[Callable[[], None], None, None]:
    if steps < 2 or not sys.stderr.isatty():
        yield lambda: None
        return
    with click.progressbar(
        length=steps, label=f"{phase:<9}", file=sys.stderr, show_pos=True, width=30
    ) as bar:
        yield lambda: bar.update(1)


@contextmanager
def _no_bar(phase: str, steps: int) -> Generator[Callable[[], None], None, None]:  # noqa: ARG001
    yield lambda: None


def _table(projects: Sequence[Project], trial: Trial) -> dict[str, dict[str, Any]]:
    """Return for each check how many projects pass and fail, and why it is not made."""
    from kscaffold.matrix.checks import CHECKS

    table: dict[str, dict[str, Any]] = {}
    for check in CHECKS:
        checked = [project for project in projects if check in project.checked]
        failed = sum(bool(project.failed(check)) for project in checked)
        table[check] = {"passed": len(checked) - failed, "failed": failed}
        if check in trial.skipped:
            table[check]["skipped"] = trial.skipped[check]
    return table


def _print(projects: Sequence[Project], trial: Trial) -> None:
    echo(f"{'check':<8}  {'passed':>6}  {'failed':>6}")
    for check, row in _table(projects, trial).items():
        if "skipped" in row:
            echo(f"{check:<8}  {'-':>6}  {'-':>6}  {row['skipped']}")
            continue
        color = "red" if row["failed"] else "green"
        line = f"{check:<8}  {row['passed']:>6}  {row['failed']:>6}"
        echo(styled(line, fg=color))


def _print_fault(fault: Fault, total: int, sources: Sequence[str]) -> None:
    shown = " ".join(f"{name}={value}" for name, value in _spelled(fault.smallest).items())
    title = f"{fault.failure.check}: fails for {fault.count} of {total}"
    echo("\n", styled(title, fg="red", bold=True), nl=False, keep="\n")
    echo(f", with {shown or 'the defaults'}")
    for line in (fault.failure.message, *fault.failure.details):
        echo(f"  {line}")
    echo(f"  again: {_again(fault, sources)}")


def _described(fault: Fault, sources: Sequence[str]) -> dict[str, Any]:
    return {
        "check": fault.failure.check,
        "message": fault.failure.message,
        "details": list(fault.failure.details),
        "count": fault.count,
        "answers": _spelled(fault.smallest),
        "command": _again(fault, sources),
    }


def _again(fault: Fault, sources: Sequence[str]) -> str:
    """Return the command that tries just this."""
    words = ["kscaffold", "template", "test", *map(without_password, sources)]
    for name, value in _spelled(fault.smallest).items():
        words += ["-d", f"{name}={value}"]
    if not fault.smallest:
        words.append("--defaults")
    if fault.failure.check == "trains":
        words.append("--train")
    return shell_join(words)


def _spelled(given: Given) -> dict[str, str]:
    """Return answers as the command line takes them."""
    from kscaffold.project.answers import spelled

    words = {True: "yes", False: "no"}
    return {
        name: words[value] if isinstance(value, bool) else spelled(value)
        for name, value in given.items()
    }
