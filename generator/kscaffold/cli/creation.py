"""What `kscaffold new` does, step by step: ask, build, show or write, then git and training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from kscaffold.cli import after, output
from kscaffold.cli.after import Command
from kscaffold.cli.interrupt import as_error
from kscaffold.cli.repository import start_repository
from kscaffold.cli.terminal import echo, echo_json, shell_join
from kscaffold.errors import AnswerError, KscaffoldError, TrustError, place_named
from kscaffold.project.answers import Answers, resolve, with_table
from kscaffold.project.pipeline import Scaffold, build_tree, choose, derived_values, prepare
from kscaffold.project.redaction import answers_named, masked, public, secrets_hidden
from kscaffold.project.tree import Tree
from kscaffold.tables.summary import as_data, as_lines
from kscaffold.template.sources import Template
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
    commands: bool
    trusted: bool
    json: bool
    quiet: bool

    @property
    def writes(self) -> bool:
        """Whether anything is written."""
        return not (self.dry_run or self.diff)


def create(template: Template, given: dict[str, object], request: Request) -> None:
    """Create the project, or show it; raises `KscaffoldError`."""
    if request.train and not request.commands:
        reason = "runs a command of the template, which --no-commands forbids"
        raise AnswerError(reason, key="--train")
    if request.writes:
        if request.train:
            after.check_can_train(template.manifest)
        # Before the first question: a dozen answers should not be lost to a target in the way.
        check_target(request.target, force=request.force)
    scaffold = prepare(template, request.name, request.target)
    if request.ask:
        from kscaffold.cli.prompts import ask

        _say(request, _message(scaffold, "before", {"target_name": request.name}))
        given = ask(scaffold, given)
    with secrets_hidden(template.manifest, given):
        _create(scaffold, given, request)


def _create(scaffold: Scaffold, given: dict[str, object], request: Request) -> None:
    manifest = scaffold.template.manifest
    answers = resolve(manifest, given, scaffold.tools)
    scaffold = choose(scaffold, answers)
    answers = replace(answers, notices=(*scaffold.template.notices, *answers.notices))
    # All that a template can break comes before anything is written.
    with answers_named(manifest, answers):
        commands = _commands(scaffold, answers, request)
        message = _message_after(scaffold, answers)
        if request.writes and commands and not request.trusted:
            raise _not_trusted(commands)
        tree = build_tree(scaffold, answers)
        answers = with_table(scaffold.template.manifest, answers, scaffold.tools)
    _say(request, as_lines(answers.table) if answers.table else ())
    _say(request, (f"note: {notice}" for notice in answers.notices))
    if request.writes:
        _write(request, scaffold, answers, tree, commands, message)
    elif request.json:
        written = Written(tuple(file.path for file in tree))
        _print_json(request, "dry-run", public(manifest, answers), written, commands)
    elif not request.quiet:
        _show(request, tree)
        _say(request, (f"would run: {shell_join(command.shown)}" for command in commands))


def _commands(scaffold: Scaffold, answers: Answers, request: Request) -> tuple[Command, ...]:
    """Return all that is to run in the finished project; raises `TemplateError`."""
    commands = after.commands(scaffold, answers) if request.commands else ()
    if request.train and scaffold.template.manifest.train:
        return (*commands, after.training(scaffold, answers))
    return commands


def _not_trusted(commands: tuple[Command, ...]) -> TrustError:
    shown = ", ".join(f"`{shell_join(command.shown)}`" for command in commands)
    *others, last = commands
    without = "" if last.trains and not others else "--no-commands"
    if last.trains:
        without += f"{' and ' if without else ''}leaving out --train"
    return TrustError(
        f"the template wants to run commands, {shown}",
        hint=f"--trust lets it, {without} goes without; nothing is written",
    )


def _message(scaffold: Scaffold, name: str, values: Mapping[str, object]) -> list[str]:
    manifest = scaffold.template.manifest
    text = {"before": manifest.messages.before, "after": manifest.messages.after}[name]
    with place_named(manifest.place_of("messages", name), name):
        return [scaffold.renderer.text(text, values).rstrip("\n")] if text else []


def _message_after(scaffold: Scaffold, answers: Answers) -> list[str]:
    if not scaffold.template.manifest.messages.after:
        return []
    public = masked(scaffold.template.manifest, answers)
    return _message(scaffold, "after", derived_values(scaffold, public))


def _show(request: Request, tree: Tree) -> None:
    if request.diff:
        output.print_diff(request.target, tree)
    else:
        output.print_tree(request.target, tree)


def _write(
    request: Request,
    scaffold: Scaffold,
    answers: Answers,
    tree: Tree,
    commands: tuple[Command, ...],
    message: list[str],
) -> None:
    told = public(scaffold.template.manifest, answers)
    is_ready = not request.git
    try:
        written = write_tree(request.target, tree, force=request.force)
        _say(request, (f"kept what was there: {request.target / name}" for name in written.backups))
        warnings = [*_start_repository(request, tree)]
        is_ready = True
        for warning in () if request.json else warnings:
            echo(f"warning: {warning}", err=True)
        failure = _run(request, scaffold, answers, commands)
    except KeyboardInterrupt:
        command = output.recreate_command(request.target, told, scaffold.template, git=request.git)
        raise as_error(request.target, tree, None if is_ready else command) from None
    if request.json:
        _print_json(request, "written", told, written, commands, warnings, failure)
    elif failure:
        raise KscaffoldError(failure)
    elif not request.quiet:
        output.print_summary(request.target, told, tree, scaffold.template, git=request.git)
        for text in message:
            echo(f"\n{text}", keep="\n")
    if failure:
        raise click.exceptions.Exit(KscaffoldError.exit_code)


def _start_repository(request: Request, tree: Tree) -> Iterator[str]:
    """Make a git repository of all but the files with secrets; yields what should be said."""
    if not request.git:
        return
    secret = {file.path for file in tree if file.secret}
    files = tuple(file.path for file in tree if not file.secret)
    if warning := start_repository(request.target, files):
        yield warning
    for path in sorted(secret):
        yield f"{path} holds a secret, so it is not committed; see that .gitignore names it"


def _run(
    request: Request, scaffold: Scaffold, answers: Answers, commands: Iterable[Command]
) -> str | None:
    """Run the commands, one after the other; returns what went wrong, or None."""
    silent = request.json or request.quiet
    for command in commands:
        shown = shell_join(command.shown)
        if not command.trains:
            _say(request, [f"running: {shown}"])
            failure = after.run(request.target, command, silent=silent)
        else:
            if not silent:
                echo(f"Training for one epoch, as a check; its run folder is removed: {shown}")
            failure = after.train(request.target, scaffold, answers, silent=silent)
        if failure:
            return failure
    return None


def _say(request: Request, lines: Iterable[str]) -> None:
    for line in () if request.json or request.quiet else lines:
        echo(line, err=True, keep="\n")


def _print_json(
    request: Request,
    state: str,
    answers: Answers,
    written: Written,
    commands: tuple[Command, ...],
    warnings: Sequence[str] = (),
    failure: str | None = None,
) -> None:
    report = {
        "state": state,
        "path": str(request.target),
        "files": list(written.files),
        "backups": list(written.backups),
        "answers": dict(answers.values),
        "commands": [list(command.shown) for command in commands],
        "notices": [*answers.notices, *warnings],
        "exit_code": 0,
    }
    if answers.table:
        report["table"] = as_data(answers.table)
    if failure:
        report |= {"error": failure, "exit_code": KscaffoldError.exit_code}
    echo_json(report)
