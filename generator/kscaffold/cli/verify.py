"""`kscaffold verify`: holds a model class against what fit() promises."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from kscaffold.cli.terminal import echo, echo_json
from kscaffold.errors import AnswerError, KscaffoldError

if TYPE_CHECKING:
    from kscaffold.verify.cases import Case, Outcome
    from kscaffold.verify.subjects import Subject

# Below so many cases a process, importing Keras once more takes longer than it saves.
FEWEST = 4


@click.command()
@click.argument("targets", metavar="[TARGET]...", nargs=-1)
@click.option("--family", "families", multiple=True, metavar="NAME", help="Run one family's cases.")
@click.option("--case", "names", multiple=True, metavar="NAME", help="Run one case.")
@click.option("--quick", is_flag=True, help="Run one case of each family.")
@click.option(
    "--behaviour", is_flag=True, help="Check only what holds for any algorithm; see below."
)
@click.option(
    "--trains",
    multiple=True,
    metavar="PART",
    help="With --behaviour: weights with this in their path must change.  [default: some of every"
    " layer]",
)
@click.option("--list", "listing", is_flag=True, help="List the cases, and run none.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    help="How the result is printed.",
)
@click.option(
    "-j", "--jobs", type=click.IntRange(1), metavar="N", help="Processes.  [default: one a core]"
)
@click.option(
    "--steps-per-execution",
    "steps",
    type=click.IntRange(1),
    metavar="N",
    help="Have both models run N steps per execution, which a class may fuse.",
)
@click.option("-x", "--exitfirst", is_flag=True, help="Stop at the first case that fails.")
@click.option("-v", "--verbose", is_flag=True, help="Name every case; show an error's traceback.")
@click.pass_context
def command(
    ctx: click.Context,
    targets: tuple[str, ...],
    families: tuple[str, ...],
    names: tuple[str, ...],
    quick: bool,
    behaviour: bool,
    trains: tuple[str, ...],
    listing: bool,
    form: str,
    jobs: int | None,
    steps: int | None,
    exitfirst: bool,
    verbose: bool,
) -> None:
    """Compare a model's training with that of keras.Model, case by case, to the last bit.

    TARGET is the folder of a project that kscaffold wrote, by default the current one, or
    package.module:Class of any Keras model class on JAX. It is imported and run, so it must be code
    that you trust. Several targets are shown side by side: cases that hold, of those that apply.

    exact: weights, optimizer state and history are equal. close: nearly. refuses: a class without
    support for sample weights says so. n/a: keras.Model itself fails, or the case is about a loss
    or metrics that the class has built in. The exit code is 0 if all cases are exact, refused or
    n/a, else 1.

    With --behaviour, a class that trains in another way on purpose is held against what any
    algorithm owes: the same seed gives the same run, saving and resuming are exact, no step is
    traced anew, and so on. TARGET may then also be package.module:function, which returns a
    compiled model, x and, if the model takes them, y and sample weights.
    """
    ctx.meta["kscaffold.format"] = form
    ctx.meta["kscaffold.verbose"] = ctx.meta.get("kscaffold.verbose") or verbose
    from kscaffold.verify.cases import choose
    from kscaffold.verify.subjects import find_subject

    if behaviour:
        _check_installed()
        if families or quick or listing or jobs or steps or exitfirst:
            raise AnswerError("--behaviour goes with --case, --trains, --format and -v alone")
        ctx.exit(_check_behaviour(targets, names, trains, form))
    if trains:
        raise AnswerError("--trains goes with --behaviour")
    cases = choose(families, names, quick=quick)
    if steps:
        cases = tuple(case.with_steps(steps) for case in cases)
    if listing:
        _list(cases, form)
        return
    subjects = [find_subject(target) for target in targets or (".",)]
    _check_installed()
    outcomes = _run(subjects, cases, jobs, exitfirst=exitfirst)
    if form == "json":
        _print_json(outcomes)
    else:
        _print(outcomes, form, verbose=verbose)
    ctx.exit(0 if all(o.holds for each in outcomes.values() for o in each) else 1)


def _check_behaviour(
    targets: tuple[str, ...], names: tuple[str, ...], trains: tuple[str, ...], form: str
) -> int:
    from kscaffold.verify.invariants import CheckResult, run_checks
    from kscaffold.verify.subjects import find_subject

    if len(targets) > 1:
        raise AnswerError("--behaviour takes one TARGET")
    findings: list[CheckResult] = []
    for finding in run_checks(find_subject(targets[0] if targets else "."), names, trains):
        findings.append(finding)
        if form == "text":
            verdict = "fails" if finding.problem else "holds"
            echo(f"{verdict}  {finding.name}: {finding.promise}")
            for line in filter(None, (finding.problem, finding.note)):
                echo(f"       {line}", keep="\n")
    code = 1 if any(finding.problem for finding in findings) else 0
    if form == "json":
        echo_json({"checks": [vars(f) for f in findings], "exit_code": code}, indent=1)
    elif form == "markdown":
        echo("| check | |\n| --- | --- |", keep="\n")
        for finding in findings:
            verdict = finding.problem or "; ".join(filter(None, ("holds", finding.note)))
            echo(f"| {finding.promise} | {verdict} |")
    return code


def _check_installed() -> None:
    from importlib.util import find_spec

    if missing := [name for name in ("keras", "jax") if not find_spec(name)]:
        hint = "pip install 'kscaffold[jax]', into the environment in which the model runs"
        raise KscaffoldError(f"verify needs {' and '.join(missing)}", hint=hint)


def _list(cases: tuple[Case, ...], form: str) -> None:
    if form == "json":
        listed = [{"family": c.family, "case": c.name, "quick": c.quick} for c in cases]
        echo_json(listed)
        return
    for case in cases:
        echo(f"{case.id}{'  (quick)' if case.quick else ''}")


def _run(
    subjects: list[Subject], cases: tuple[Case, ...], jobs: int | None, *, exitfirst: bool
) -> dict[Subject, list[Outcome]]:
    from kscaffold.verify.pool import run_cases

    # Case by case, so that what Keras itself gives serves all classes.
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


def _print_json(outcomes: dict[Subject, list[Outcome]]) -> None:
    from kscaffold.verify import report

    targets = [
        {
            "target": subject.place,
            "holds": sum(outcome.holds for outcome in each),
            "fails": sum(not outcome.holds for outcome in each),
            "cases": [report.as_json(outcome) for outcome in each],
        }
        for subject, each in outcomes.items()
    ]
    code = 1 if any(target["fails"] for target in targets) else 0
    echo_json({"targets": targets, "exit_code": code}, indent=1)


def _print(outcomes: dict[Subject, list[Outcome]], form: str, *, verbose: bool) -> None:
    from kscaffold.verify import report

    if len(outcomes) > 1:
        echo(report.markdown_comparison(outcomes), keep="\n")
        return
    [ended] = outcomes.values()
    if verbose:
        for outcome in ended:
            echo(f"{outcome.case.id}: {outcome.verdict}{_because(outcome)}")
        echo()
    as_markdown = form == "markdown"
    table = report.markdown_table if as_markdown else report.text_table
    echo(table(ended), keep="\n")
    tell = report.markdown_failure if as_markdown else report.text_failure
    for outcome in ended:
        if not outcome.holds:
            echo(f"\n{tell(outcome)}", keep="\n")


def _because(outcome: Outcome) -> str:
    return f" ({outcome.detail})" if outcome.detail else ""
