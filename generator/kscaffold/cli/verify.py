"""`kscaffold verify`: compares a model class with what fit() promises."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Any

import click

from kscaffold.cli.shared import format_option, jobs_option, verbose_option
from kscaffold.cli.terminal import echo, echo_json
from kscaffold.errors import AnswerError, KscaffoldError
from kscaffold.verify import report
from kscaffold.verify.cases import Case, Outcome, choose
from kscaffold.verify.invariants import CheckResult, run_checks
from kscaffold.verify.pool import run_cases
from kscaffold.verify.subjects import Subject, find_subject

# With fewer cases per process, importing Keras again takes longer than it saves.
FEWEST = 4


@click.command()
@click.argument("targets", metavar="[TARGET]...", nargs=-1)
@click.option("--family", "families", multiple=True, metavar="NAME", help="Run one family's cases.")
@click.option("--case", "names", multiple=True, metavar="NAME", help="Run one case.")
@click.option("--quick", is_flag=True, help="Run one case of each family.")
@click.option("--behaviour", is_flag=True, help="Check only what any algorithm must do; see below.")
@click.option(
    "--trains",
    multiple=True,
    metavar="PART",
    help="With --behaviour: weights with this in their path must change.  [default: some of each"
    " layer]",
)
@click.option("--list", "listing", is_flag=True, help="List the cases.")
@format_option("markdown")
@jobs_option
@click.option(
    "--steps-per-execution",
    "steps",
    type=click.IntRange(1),
    metavar="N",
    help="Run N steps per execution, which a class may fuse.",
)
@click.option("-x", "--exitfirst", is_flag=True, help="Stop at the first case that fails.")
@verbose_option("Name every case; show an error's traceback.")
def command(targets: tuple[str, ...], form: str, **given: Any) -> int:
    """Compare a model's training with that of keras.Model, case by case, to the last bit.

    TARGET is the folder of a project that kscaffold wrote (default: the current folder), or
    package.module:Class of any Keras model class on JAX. Its code is run, so you must trust it.
    For several targets, a table shows how many of the applicable cases hold.

    exact: weights, optimizer state and history are equal. close: within tolerance. refuses: the
    class says that it does not support sample weights. n/a: keras.Model itself fails, or the case
    is about a loss or metrics that the class has built in. The exit code is 0 if all cases are
    exact, refused or n/a, else 1.

    With --behaviour, a class that trains differently on purpose is checked for what any algorithm
    must do: the same seed gives the same run, saving and resuming are exact, no step is retraced,
    and so on. TARGET may then also be package.module:function, which returns a compiled model, x
    and, if the model takes them, y and sample weights.
    """
    if given["behaviour"]:
        _check_installed()
        others = ("families", "quick", "listing", "jobs", "steps", "exitfirst")
        if any(given[name] for name in others):
            raise AnswerError("--behaviour goes with --case, --trains, --format and -v only")
        return _check_behaviour(targets, given["names"], given["trains"], form)
    if given["trains"]:
        raise AnswerError("--trains goes with --behaviour")
    cases = choose(given["families"], given["names"], quick=given["quick"])
    if steps := given["steps"]:
        cases = tuple(case.with_steps(steps) for case in cases)
    if given["listing"]:
        return _list(cases, form)
    subjects = [find_subject(target) for target in targets or (".",)]
    _check_installed()
    outcomes = _run(subjects, cases, given["jobs"], exitfirst=given["exitfirst"])
    code = 0 if all(outcome.holds for each in outcomes.values() for outcome in each) else 1
    _print(outcomes, form, code, verbose=given["verbose"])
    return code


def _check_behaviour(
    targets: tuple[str, ...], names: tuple[str, ...], trains: tuple[str, ...], form: str
) -> int:
    if len(targets) > 1:
        raise AnswerError("--behaviour takes one TARGET")
    results: list[CheckResult] = []
    for result in run_checks(find_subject(*targets or (".",)), names, trains):
        results.append(result)
        if form == "text":
            echo(f"{'fails' if result.problem else 'holds'}  {result.name}: {result.promise}")
            for line in filter(None, (result.problem, result.note)):
                echo(f"       {line}", keep="\n")
    code = 1 if any(result.problem for result in results) else 0
    if form == "json":
        echo_json({"checks": [vars(result) for result in results], "exit_code": code}, indent=1)
    elif form == "markdown":
        echo("| check | |\n| --- | --- |", keep="\n")
        for result in results:
            verdict = result.problem or "; ".join(filter(None, ("holds", result.note)))
            echo(f"| {result.promise} | {verdict} |")
    return code


def _check_installed() -> None:
    if missing := [name for name in ("keras", "jax") if not find_spec(name)]:
        hint = "pip install 'kscaffold[jax]', into the environment in which the model runs"
        raise KscaffoldError(f"verify needs {' and '.join(missing)}", hint=hint)


def _list(cases: tuple[Case, ...], form: str) -> int:
    if form == "json":
        echo_json([{"family": c.family, "case": c.name, "quick": c.quick} for c in cases])
    else:
        for case in cases:
            echo(f"{case.id}{'  (quick)' if case.quick else ''}")
    return 0


def _run(
    subjects: list[Subject], cases: tuple[Case, ...], jobs: int | None, *, exitfirst: bool
) -> dict[Subject, list[Outcome]]:
    # Case by case, so that all classes share the results of Keras itself.
    tasks = [(subject, case) for case in cases for subject in subjects]
    processes = jobs or max(1, min(os.cpu_count() or 1, len(cases) // FEWEST))
    outcomes: dict[Subject, list[Outcome]] = {subject: [] for subject in subjects}
    with click.progressbar(
        run_cases(tasks, processes, stop_at_failure=exitfirst),
        length=len(tasks),
        label="verify",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    ) as bar:
        for subject, outcome in bar:
            outcomes[subject].append(outcome)
    order = {case.id: number for number, case in enumerate(cases)}
    for each in outcomes.values():
        each.sort(key=lambda outcome: order[outcome.case.id])
    return outcomes


def _print(outcomes: dict[Subject, list[Outcome]], form: str, code: int, *, verbose: bool) -> None:
    if form == "json":
        targets = [report.as_json(subject, each) for subject, each in outcomes.items()]
        echo_json({"targets": targets, "exit_code": code}, indent=1)
        return
    if len(outcomes) > 1:
        echo(report.markdown_comparison(outcomes), keep="\n")
        return
    [ended] = outcomes.values()
    if verbose:
        for outcome in ended:
            because = f" ({outcome.detail})" if outcome.detail else ""
            echo(f"{outcome.case.id}: {outcome.verdict}{because}")
        echo()
    as_markdown = form == "markdown"
    echo((report.markdown_table if as_markdown else report.text_table)(ended), keep="\n")
    tell = report.markdown_failure if as_markdown else report.text_failure
    for outcome in ended:
        if not outcome.holds:
            echo(f"\n{tell(outcome)}", keep="\n")
