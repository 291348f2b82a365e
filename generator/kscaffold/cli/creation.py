"""What `kscaffold new` does, step by step: ask, build, show or write, then git and training."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from kscaffold.answers import Answers, resolve
from kscaffold.cli import after, output
from kscaffold.errors import KscaffoldError
from kscaffold.scaffold import build_tree, prepare
from kscaffold.sources import Template
from kscaffold.tree import Tree
from kscaffold.write import Written, check_target, write_tree


@dataclass(frozen=True)
class Request:
    """What the command line asks for, apart from the answers."""

    target: Path
    name: str
    ask: bool
    dry_run: bool
    diff: bool
    force: bool
    git: bool
    train: bool
    json: bool
    quiet: bool

    @property
    def writes(self) -> bool:
        """Whether anything is written."""
        return not (self.dry_run or self.diff)


def create(template: Template, given: dict[str, object], request: Request) -> None:
    """Create the project, or show it; raises `KscaffoldError`."""
    if request.writes:
        if request.train:
            after.check_can_train()
        # Before the first question: a dozen answers should not be lost to a target in the way.
        check_target(request.target, force=request.force)
    scaffold = prepare(template, request.name)
    if request.ask:
        from kscaffold.cli.prompts import ask

        given = ask(scaffold, given)
    answers = resolve(template.manifest, given, scaffold.tools)
    tree = build_tree(scaffold, answers)
    _say(request, (f"note: {notice}" for notice in answers.notices))
    if request.writes:
        _write(request, answers, tree)
    elif request.json:
        _print_json(request, "dry-run", answers, Written(tuple(file.path for file in tree)))
    elif not request.quiet:
        _show(request, tree)


def _show(request: Request, tree: Tree) -> None:
    if request.diff:
        output.print_diff(request.target, tree)
    else:
        click.echo(output.tree_text(str(request.target), tree))


def _write(request: Request, answers: Answers, tree: Tree) -> None:
    written = write_tree(request.target, tree, force=request.force)
    _say(request, (f"kept what was there: {request.target / name}" for name in written.backups))
    warning = after.start_repository(request.target, written.files) if request.git else None
    if warning and not request.json:
        click.echo(f"warning: {warning}", err=True)
    failure = _train(request, str(answers.values["package"])) if request.train else None
    if request.json:
        _print_json(request, "written", answers, written, warning, failure)
    elif failure:
        raise KscaffoldError(failure)
    elif not request.quiet:
        output.print_summary(request.target, answers, tree, git=request.git)
    if failure:
        raise click.exceptions.Exit(KscaffoldError.exit_code)


def _train(request: Request, package: str) -> str | None:
    silent = request.json or request.quiet
    if not silent:
        click.echo("Training for one epoch, as a check; its run folder is removed again")
    return after.train(request.target, package, silent=silent)


def _say(request: Request, lines: Iterable[str]) -> None:
    for line in () if request.json or request.quiet else lines:
        click.echo(line, err=True)


def _print_json(
    request: Request,
    state: str,
    answers: Answers,
    written: Written,
    warning: str | None = None,
    failure: str | None = None,
) -> None:
    report = {
        "state": state,
        "path": str(request.target),
        "files": list(written.files),
        "backups": list(written.backups),
        "answers": dict(answers.values),
        "notices": [*answers.notices, *([warning] if warning else [])],
        "exit_code": 0,
    }
    if failure:
        report |= {"error": failure, "exit_code": KscaffoldError.exit_code}
    click.echo(json.dumps(report))
