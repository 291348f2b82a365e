"""`kscaffold template test`: check the projects of many combinations of answers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import click

from kscaffold.cli.questions import collect
from kscaffold.cli.shared import (
    assignment_option,
    format_option,
    jobs_option,
    ref_option,
    sources_argument,
)
from kscaffold.cli.terminal import Styled, echo, echo_json, shell_join
from kscaffold.config import read_user_config
from kscaffold.errors import TemplateError, TrustError
from kscaffold.matrix.checks import CHECKS, Project
from kscaffold.matrix.combinations import ALL_UP_TO, Given, find_combinations
from kscaffold.matrix.run import Matrix, MinimalFailure, skipped_checks
from kscaffold.project.answers import resolve, spelled
from kscaffold.project.pipeline import Scaffold, prepare
from kscaffold.template.git import without_password
from kscaffold.template.sources import load_templates
from kscaffold.template.stack import Template

T = TypeVar("T")


@click.command()
@sources_argument
@ref_option
@click.option(
    "--cover",
    type=click.Choice(["all", "pairs", "each"]),
    help="Try all combinations, enough to have each pair of values, or enough to have each value."
    "  [default: all, or pairs if there are more than 256]",
)
@assignment_option("Try only these answers.")
@click.option("--defaults", is_flag=True, help="Try only the default answers.")
@click.option("--trust", is_flag=True, help="Let the projects' code run.")
@click.option(
    "--import/--no-import",
    "imports",
    default=None,
    help="Import the projects' modules.  [default: yes, if the template is trusted]",
)
@click.option("--train", "trains", is_flag=True, help="Also train each project briefly.")
@jobs_option
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    metavar="SECONDS",
    help="Time limit for importing or training a project.  [default: 300]",
)
@format_option()
def command(sources: tuple[str, ...], ref: str | None, form: str, **given: Any) -> int:
    """Render a template with combinations of answers, and check each project.

    Without a SOURCE, the built-in template; several are put on top of each other. The checks: the
    project renders, its Python parses, black and ruff find nothing to change, its modules can be
    imported and, with --train, it trains as the template says under [test]. The combinations are of
    yes and no, choices, and texts that are awkward to quote; all else stays at its default.

    Importing and training run the projects' code, which needs --trust or a source that you have
    listed with `kscaffold config trusted`. The exit code is 4 if any check fails; the smallest set
    of answers that fails is shown, with the command that tries it again.
    """
    scaffold = prepare(load_templates(sources, Path(), ref), "project")
    skipped = _skipped(scaffold.template, given)
    jobs = given["jobs"] or os.cpu_count() or 1
    matrix = Matrix(scaffold, skipped, jobs, given["seconds"], _progress)
    chosen, about = _chosen(scaffold, given)
    name = scaffold.template.layers[-1].name
    if form == "text":
        echo(f"{name}: {about}")
    projects = matrix.run(chosen)
    again = [*map(without_password, sources or ["builtin"])]
    again += [*(["--ref", ref] if ref else []), *["--trust"] * given["trust"]]
    failures = [_described(each, again) for each in matrix.failures(projects)]
    exit_code = TemplateError.exit_code if failures else 0
    table = _table(projects, skipped)
    if form == "json":
        report = {"template": name, "combinations": len(chosen), "checks": table}
        echo_json({**report, "exit_code": exit_code, "failures": failures})
    else:
        _print_table(table)
        for each in failures:
            _print_failure(each, len(projects))
    return exit_code


def _skipped(template: Template, given: dict[str, Any]) -> dict[str, str]:
    """Return the checks to skip, and why; raises `TrustError` if untrusted code is to run."""
    imports, trains, train = given["imports"], given["trains"], template.manifest.test.train
    trusted = given["trust"] or read_user_config().trusts(template)
    if trains and train and not trusted:
        shown = shell_join(["python", *train])
        hint = "allow it with --trust, or leave out --train"
        raise TrustError(f"the template wants to run `{shown}`", hint=hint)
    if imports and not trusted:
        raise TrustError("--import runs the code of the projects", hint="allow it with --trust")
    why_not = "" if trusted else "not trusted; see --trust"
    if imports is False:
        why_not = "not asked for"
    return skipped_checks(template.manifest, why_not, trains=trains)


def _chosen(scaffold: Scaffold, given: dict[str, Any]) -> tuple[list[Given], str]:
    """Return the combinations to try, and a description of them; raises `AnswerError`."""
    if not given["assigned"] and not given["defaults"]:
        return _covering(scaffold, given["cover"])
    manifest = scaffold.template.manifest
    answers = collect(manifest, {}, given["assigned"])
    values = resolve(manifest, answers, scaffold.tools).values
    return [{name: values[name] for name in answers}], "one combination of answers"


def _covering(scaffold: Scaffold, cover: str | None) -> tuple[list[Given], str]:
    found = find_combinations(scaffold.template.manifest, scaffold.tools)
    count = f"{'' if found.is_whole else 'more than '}{len(found.pool)} combinations of answers"
    if cover is None:
        cover = "all" if found.is_whole and len(found.pool) <= ALL_UP_TO else "pairs"
    if cover == "all":
        return [*found.pool], count
    chosen = found.cover(2 if cover == "pairs" else 1)
    which = "each pair of values is in one" if cover == "pairs" else "each value is in one"
    return chosen, f"{len(chosen)} of {count}: {which}"


def _progress(phase: str, done: Iterable[T], steps: int) -> AbstractContextManager[Iterable[T]]:
    hidden = steps < 2 or not sys.stderr.isatty()
    label = f"{phase:<9}"
    return click.progressbar(done, length=steps, label=label, file=sys.stderr, hidden=hidden)


def _table(projects: Sequence[Project], skipped: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return for each check how many projects pass and fail, and why it is skipped."""
    table: dict[str, dict[str, Any]] = {}
    for check in CHECKS:
        checked = [project for project in projects if check in project.checked]
        failed = sum(bool(project.failed(check)) for project in checked)
        table[check] = {"passed": len(checked) - failed, "failed": failed}
        if check in skipped:
            table[check]["skipped"] = skipped[check]
    return table


def _print_table(table: dict[str, dict[str, Any]]) -> None:
    echo(f"{'check':<8}  {'passed':>6}  {'failed':>6}")
    for check, row in table.items():
        if "skipped" in row:
            echo(f"{check:<8}  {'-':>6}  {'-':>6}  {row['skipped']}")
            continue
        line = f"{check:<8}  {row['passed']:>6}  {row['failed']:>6}"
        echo(Styled(line, fg="red" if row["failed"] else "green"))


def _described(found: MinimalFailure, again: Sequence[str]) -> dict[str, Any]:
    """Return a failure with the command that reproduces it."""
    answers = {name: spelled(value) for name, value in found.smallest.items()}
    command = ["kscaffold", "template", "test", *again]
    for name, value in answers.items():
        command += ["-d", f"{name}={value}"]
    command += [] if answers else ["--defaults"]
    command += ["--train"] if found.failure.check == "trains" else []
    return {
        "check": found.failure.check,
        "message": found.failure.message,
        "details": list(found.failure.details),
        "count": found.count,
        "answers": answers,
        "command": shell_join(command),
    }


def _print_failure(failure: dict[str, Any], total: int) -> None:
    shown = " ".join(f"{name}={value}" for name, value in failure["answers"].items())
    title = f"{failure['check']}: fails for {failure['count']} of {total}"
    echo("\n", Styled(title, fg="red", bold=True), nl=False, keep="\n")
    echo(f", with {shown or 'the defaults'}")
    for line in (failure["message"], *failure["details"], f"again: {failure['command']}"):
        echo(f"  {line}")
