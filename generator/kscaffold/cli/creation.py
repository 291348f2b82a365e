"""The steps of `kscaffold new`: ask, build, show or write, start a repository, run commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from kscaffold.cli import output
from kscaffold.cli.commands import (
    RUN_FOLDER,
    AfterCommand,
    check_can_train,
    commands,
    not_trusted,
    training,
)
from kscaffold.cli.report import InterruptError
from kscaffold.cli.repository import start_repository
from kscaffold.cli.terminal import echo, echo_json, shell_join
from kscaffold.errors import AnswerError, KscaffoldError, place_named
from kscaffold.project.answers import Answers, resolve
from kscaffold.project.pipeline import Scaffold, build_tree, choose, derived_values, prepare
from kscaffold.project.redaction import answers_named, masked, public, secrets_hidden
from kscaffold.project.tree import Tree
from kscaffold.safety.files import read_regular
from kscaffold.tables.summary import as_data, as_lines
from kscaffold.template.stack import Template
from kscaffold.write import Written, check_target, write_tree


@dataclass(frozen=True)
class Wanted:
    """The options of the command line, apart from the answers."""

    target: Path
    name: str
    ask: bool
    trusted: bool
    json: bool
    dry_run: bool
    diff: bool
    force: bool
    git: bool
    train: bool
    commands: bool
    quiet: bool

    @property
    def writes(self) -> bool:
        """Whether anything is written."""
        return not (self.dry_run or self.diff)

    @property
    def silent(self) -> bool:
        """Whether nothing but the result is printed."""
        return self.json or self.quiet

    def say(self, lines: Iterable[str]) -> None:
        """Print lines that are not the result, such as notices."""
        for line in () if self.silent else lines:
            echo(line, err=True, keep="\n")


@dataclass(frozen=True)
class Draft:
    """All that is to be written, run and printed; after this, the template can cause no error.

    `answers` are without secrets; `message` is what the template prints at the end.
    """

    template: Template
    answers: Answers
    tree: Tree
    commands: tuple[AfterCommand, ...]
    message: list[str]


def create(template: Template, given: dict[str, object], wanted: Wanted) -> int:
    """Create the project, or show it; returns the exit code, or raises `KscaffoldError`."""
    if wanted.train and not wanted.commands:
        reason = "runs a command of the template, which --no-commands forbids"
        raise AnswerError(reason, key="--train")
    if wanted.writes:
        if wanted.train:
            check_can_train(template.manifest)
        # Before the first question, so that no answers are lost to an error about the target.
        check_target(wanted.target, force=wanted.force)
    trains = wanted.writes and wanted.train
    with TemporaryDirectory(prefix="kscaffold-") if trains else nullcontext() as folder:
        return _create(template, given, wanted, f"{folder}/run" if folder else RUN_FOLDER)


def _create(template: Template, given: dict[str, object], wanted: Wanted, run_folder: str) -> int:
    try:
        scaffold = prepare(template, wanted.name, wanted.target)
        if wanted.ask:
            from kscaffold.cli.prompts import ask

            wanted.say(_message(scaffold, "before", {"target_name": wanted.name}))
            given = ask(scaffold, given)
        with secrets_hidden(template.manifest, given):
            draft = _draft(scaffold, given, wanted, run_folder)
    except (KeyboardInterrupt, EOFError):
        raise InterruptError("Interrupted. Nothing was written.") from None
    wanted.say(as_lines(draft.answers.table) if draft.answers.table else ())
    wanted.say(f"note: {notice}" for notice in draft.answers.notices)
    with secrets_hidden(template.manifest, given):
        return _write(draft, wanted) if wanted.writes else _show(draft, wanted)


def _draft(scaffold: Scaffold, given: dict[str, object], wanted: Wanted, run_folder: str) -> Draft:
    answers = resolve(scaffold.template.manifest, given, scaffold.tools)
    scaffold = choose(scaffold, answers)
    manifest = scaffold.template.manifest
    with answers_named(manifest, answers):
        asked = [*commands(scaffold, answers)] if wanted.commands else []
        if wanted.train and manifest.test.train:
            asked.append(training(scaffold, answers, run_folder))
        message = []
        if manifest.messages.after:
            values = derived_values(scaffold, masked(manifest, answers))
            message = _message(scaffold, "after", values)
        if wanted.writes and asked and not wanted.trusted:
            raise not_trusted(asked)
        tree = build_tree(scaffold, answers)
    notices = (*scaffold.template.notices, *answers.notices)
    table = scaffold.finder(answers).table()
    shown = replace(public(manifest, answers), notices=notices, table=table)
    return Draft(scaffold.template, shown, tree, tuple(asked), message)


def _show(draft: Draft, wanted: Wanted) -> int:
    if wanted.json:
        written = Written(tuple(file.path for file in draft.tree))
        echo_json(_report(draft, wanted, "dry-run", written))
    elif not wanted.quiet:
        show = output.print_diff if wanted.diff else output.print_tree
        show(wanted.target, draft.tree)
        wanted.say(f"would run: {shell_join(command.shown)}" for command in draft.commands)
    return 0


def _message(scaffold: Scaffold, name: str, values: dict[str, object]) -> list[str]:
    manifest = scaffold.template.manifest
    text: str = getattr(manifest.messages, name)
    with place_named(manifest.place_of("messages", name), name):
        return [scaffold.renderer.text(text, values).rstrip("\n")] if text else []


def _write(draft: Draft, wanted: Wanted) -> int:
    is_ready = not wanted.git
    try:
        written = write_tree(wanted.target, draft.tree, force=wanted.force)
        wanted.say(f"kept what was there: {wanted.target / name}" for name in written.backups)
        warnings = [*start_repository(wanted.target, draft.tree)] if wanted.git else []
        is_ready = True
        for warning in () if wanted.json else warnings:
            echo(f"warning: {warning}", err=True)
        failure = _run(draft, wanted)
        if wanted.json:
            code = KscaffoldError.exit_code if failure else 0
            more = {"error": failure, "exit_code": code} if failure else {}
            echo_json({**_report(draft, wanted, "written", written, warnings), **more})
            return code
        if failure:
            raise KscaffoldError(failure)
        if not wanted.quiet:
            output.print_summary(
                wanted.target, draft.answers, draft.tree, draft.template, git=wanted.git
            )
            for text in draft.message:
                echo(f"\n{text}", keep="\n")
    except KeyboardInterrupt:
        raise _interrupted(draft, wanted, is_ready=is_ready) from None
    return 0


def _run(draft: Draft, wanted: Wanted) -> str | None:
    """Run the commands one after the other; returns the first error message, or None."""
    for command in draft.commands:
        shown = shell_join(command.shown)
        if not command.trains:
            wanted.say([f"running: {shown}"])
        elif not wanted.silent:
            echo(f"Training for one epoch, as a check; its run folder is removed: {shown}")
        if failure := command.run(wanted.target, silent=wanted.silent):
            return failure
    return None


def _interrupted(draft: Draft, wanted: Wanted, *, is_ready: bool) -> InterruptError:
    """Return the error that says what is written, and how to finish it."""
    target = wanted.target
    try:
        is_written = all(
            read_regular(target / file.path, len(file.data)) == file.data for file in draft.tree
        )
    except OSError:
        is_written = False
    if not is_written:
        return InterruptError("Interrupted. Nothing was written.")
    if is_ready or (target / ".git").exists():
        return InterruptError(f"Interrupted. {target} is written.")
    again = output.recreate_command(target, draft.answers, draft.template, git=True)
    if any(file.secret for file in draft.tree):  # which no command shows
        again = "the same command with"
    reason = f"Interrupted. {target} is written, but not its git repository."
    return InterruptError(f"{reason} To make it: {again} --force")


def _report(
    draft: Draft, wanted: Wanted, state: str, written: Written, warnings: Sequence[str] = ()
) -> dict[str, object]:
    return {
        "state": state,
        "path": str(wanted.target),
        "files": list(written.files),
        "backups": list(written.backups),
        "answers": dict(draft.answers.values),
        "commands": [list(command.shown) for command in draft.commands],
        "notices": [*draft.answers.notices, *warnings],
        **({"table": as_data(draft.answers.table)} if draft.answers.table else {}),
        "exit_code": 0,
    }
