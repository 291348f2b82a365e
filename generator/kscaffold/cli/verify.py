"""`kscaffold verify`: holds a model class against what fit() promises."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import click

from kscaffold.errors import KscaffoldError

if TYPE_CHECKING:
    from kscaffold.verify.cases import Case
    from kscaffold.verify.outcome import Outcome
    from kscaffold.verify.subjects import Subject

# Below so many cases a process, importing Keras once more takes longer than it saves.
FEWEST = 4


@click.command()
@click.argument("target", default=".")
@click.option("--family", "families", multiple=True, metavar="NAME", help="Run one family's cases.")
@click.option("--case", "names", multiple=True, metavar="NAME", help="Run one case.")
@click.option("--quick", is_flag=True, help="Run one case of each family.")
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
@click.option("-x", "--exitfirst", is_flag=True, help="Stop at the first case that fails.")
@click.option("-v", "--verbose", is_flag=True, help="Name every case; show an error's traceback.")
@click.pass_context
def command(
    ctx: click.Context,
    target: str,
    families: tuple[str, ...],
    names: tuple[str, ...],
    quick: bool,
    listing: bool,
    form: str,
    jobs: int | None,
    exitfirst: bool,
    verbose: bool,
) -> None:
    """Compare a model's training with that of keras.Model, case by case, to the last bit.

    TARGET is the folder of a project that kscaffold wrote, or package.module:Class of any Keras
    model class on JAX. It is imported and run, so it must be code that you trust.

    exact: weights, optimizer state and history are equal. close: nearly. refuses: a class without
    support for sample weights says so. n/a: keras.Model itself fails, or the case is about a loss
    or metrics that the class has built in. The exit code is 0 if all cases are exact, refused or
    n/a, else 1.
    """
    ctx.meta["kscaffold.format"] = form
    ctx.meta["kscaffold.verbose"] = ctx.meta.get("kscaffold.verbose") or verbose
    from kscaffold.verify.cases import choose
    from kscaffold.verify.subjects import find_subject

    cases = choose(families, names, quick=quick)
    if listing:
        _list(cases, form)
        return
    subject = find_subject(target)
    _check_installed()
    outcomes = _run(subject, cases, jobs, exitfirst=exitfirst)
    _print(subject, outcomes, form, verbose=verbose)
    ctx.exit(0 if all(outcome.holds for outcome in outcomes) else 1)


def _check_installed() -> None:
    from importlib.util import find_spec

    if missing := [name for name in ("keras", "jax") if not find_spec(name)]:
        raise KscaffoldError(
            f"verify needs {' and '.join(missing)}: pip install 'kscaffold[jax]', into the"
            " environment in which the model runs"
        )


def _list(cases: tuple[Case, ...], form: str) -> None:
    if form == "json":
        listed = [{"family": c.family, "case": c.name, "quick": c.quick} for c in cases]
        click.echo(json.dumps(listed))
        return
    for case in cases:
        click.echo(f"{case.id}{'  (quick)' if case.quick else ''}")


def _run(
    subject: Subject, cases: tuple[Case, ...], jobs: int | None, *, exitfirst: bool
) -> list[Outcome]:
    from kscaffold.verify.pool import run_cases

    processes = jobs or max(1, min(os.cpu_count() or 1, len(cases) // FEWEST))
    order = {case.id: number for number, case in enumerate(cases)}
    outcomes: list[Outcome] = []
    with click.progressbar(
        run_cases(subject, cases, processes, stop_at_failure=exitfirst),
        length=len(cases),
        label=subject.place,
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    ) as bar:
        outcomes.extend(bar)
    return sorted(outcomes, key=lambda outcome: order[outcome.case.id])


def _print(subject: Subject, outcomes: list[Outcome], form: str, *, verbose: bool) -> None:
    from kscaffold.verify import report

    failures = [outcome for outcome in outcomes if not outcome.holds]
    if form == "json":
        cases = [report.as_json(outcome, subject) for outcome in outcomes]
        counted = {"holds": len(outcomes) - len(failures), "fails": len(failures)}
        code = 1 if failures else 0
        click.echo(
            json.dumps(
                {"target": subject.place, **counted, "cases": cases, "exit_code": code}, indent=1
            )
        )
        return
    as_markdown = form == "markdown"
    if verbose and not as_markdown:
        for outcome in outcomes:
            click.echo(f"{outcome.case.id}: {outcome.verdict}{_because(outcome)}")
        click.echo()
    click.echo(report.markdown_table(outcomes) if as_markdown else report.text_table(outcomes))
    for failure in failures:
        tell = report.markdown_failure if as_markdown else report.text_failure
        click.echo(f"\n{tell(failure, subject)}")


def _because(outcome: Outcome) -> str:
    return f" ({outcome.detail})" if outcome.detail else ""
