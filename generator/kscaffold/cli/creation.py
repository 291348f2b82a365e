"""What `kscaffold new` does, step by step: ask, build, show or write, then git and training."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click

from kscaffold.answers import Answers, resolve
from kscaffold.cli import after, output
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
    if not request.json:
        for notice in answers.notices:
            click.echo(f"note: {notice}", err=True)
    if not request.writes:
        _show(request, answers, tree)
        return
    written = write_tree(request.target, tree, force=request.force)
    warning = after.start_repository(request.target, written.files) if request.git else None
    if request.train:
        after.train(request.target, str(answers.values["package"]), silent=_silent(request))
    _report(request, answers, tree, written, warning)


def _silent(request: Request) -> bool:
    return request.json or request.quiet


def _show(request: Request, answers: Answers, tree: Tree) -> None:
    if request.json:
        _print_json(request, "dry-run", answers, tuple(file.path for file in tree))
    elif request.diff:
        output.print_diff(request.target, tree)
    else:
        click.echo(output.tree_text(request.target.name or str(request.target), tree))


def _report(
    request: Request, answers: Answers, tree: Tree, written: Written, warning: str | None
) -> None:
    if request.json:
        _print_json(request, "written", answers, written.files, written.backups, warning)
        return
    if warning:
        click.echo(f"warning: {warning}", err=True)
    for backup in written.backups:
        click.echo(f"kept what was there: {request.target / backup}", err=True)
    if not request.quiet:
        output.print_summary(request.target, answers, tree, git=request.git)


def _print_json(
    request: Request,
    state: str,
    answers: Answers,
    files: tuple[str, ...],
    backups: tuple[str, ...] = (),
    warning: str | None = None,
) -> None:
    report = {
        "state": state,
        "path": str(request.target),
        "files": list(files),
        "backups": list(backups),
        "answers": dict(answers.values),
        "notices": [*answers.notices, *([warning] if warning else [])],
        "exit_code": 0,
    }
    click.echo(json.dumps(report))
