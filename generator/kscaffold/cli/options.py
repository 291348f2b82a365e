"""The questions of a template as options of the command line, and back to what was given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from kscaffold.errors import AnswerError, TemplateError
from kscaffold.hints import visible
from kscaffold.project.answers import read_data_file, spelled
from kscaffold.template.manifest import Manifest, Question

ASSIGNED = "assigned"


class OneOf(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A choice that completes; what is no choice is refused later, as in every other way in."""

    name = "choice"

    def __init__(self, choices: tuple[str, ...]) -> None:
        self.choices = choices

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Show the choices."""
        return visible(f"[{'|'.join(self.choices)}]")

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the choices."""
        fitting = (choice for choice in self.choices if choice.startswith(incomplete))
        return [CompletionItem(choice) for choice in fitting if visible(choice) == choice]


class QuestionOption(click.Option):
    """An option that answers a question of the template.

    Attributes:
        asked_with: the option that it goes with, such as "--data csv"; empty: with any.
    """

    asked_with = ""


def names_of(params: Sequence[click.Parameter]) -> frozenset[str]:
    """Return the names that options and arguments have, such as "dry_run"."""
    names = [ASSIGNED, *(str(param.name) for param in params)]
    for param in params:
        names += (name for name in (*param.opts, *param.secondary_opts) if name[:2] == "--")
    return frozenset(name.removeprefix("--").replace("-", "_") for name in names)


def check_names(manifest: Manifest, taken: frozenset[str]) -> None:
    """Refuse a question that has the name of another option; raises `TemplateError`."""
    for name, question in manifest.questions.items():
        if name in taken:
            reason = "this name is an option of `kscaffold new` already"
            raise TemplateError(reason, place=question.place, hint="take another")


def question_options(manifest: Manifest) -> list[QuestionOption]:
    """Return an option for each question, in the manifest's order."""
    made = []
    for question in manifest.questions.values():
        option = _option(question)
        option.asked_with = question.asked_with
        made.append(option)
    return made


def _option(question: Question) -> QuestionOption:
    help_text = visible(question.help + _default_shown(question))
    if question.name == "data":
        # --data is also the long form of -d: a value with "=" is KEY=VALUE, another one the answer.
        return QuestionOption(
            ["-d", "--data", ASSIGNED],
            multiple=True,
            metavar=visible(f"KEY=VALUE or [{'|'.join(question.choices)}]"),
            type=OneOf(question.choices),
            help=f"{help_text} With KEY=VALUE: the answer to any question; may be repeated.",
        )
    if question.type == "bool":
        names = f"{question.option}/--no-{question.option[2:]}"
        return QuestionOption([names, question.name], default=None, help=help_text)
    if question.type == "multi-choice":
        return QuestionOption(
            [question.option, question.name],
            metavar=visible(f"[{','.join(question.choices)}]"),
            help=f"{help_text} Several with commas between.",
        )
    if question.type == "list":
        return QuestionOption(
            [question.option, question.name],
            multiple=True,
            metavar="TEXT",
            help=help_text,
        )
    kinds: dict[str, Any] = {"choice": OneOf(question.choices), "path": click.Path()}
    return QuestionOption(
        [question.option, question.name], type=kinds.get(question.type, str), help=help_text
    )


def _default_shown(question: Question) -> str:
    default = question.default
    if question.type == "choice" and question.inspect is None and default is None:
        default = question.choices[0]
    if isinstance(default, bool):
        return f"  [default: {'yes' if default else 'no'}]"
    if default in (None, "", ()) or "{{" in (shown := spelled(default)):
        return ""
    return f"  [default: {shown}]"


def assignment_option() -> click.Option:
    """Return -d for a template without a question of the name `data`."""
    return click.Option(
        ["-d", "--data", ASSIGNED],
        multiple=True,
        metavar="KEY=VALUE",
        help="Answer a question; may be repeated.",
    )


def collect(
    manifest: Manifest,
    options: Mapping[str, object],
    assigned: Iterable[str],
    data_file: str | None,
) -> dict[str, object]:
    """Return what was given, by question: options and -d go before the data file.

    Raises:
        AnswerError: the same question is answered in two ways, or -d has no KEY=VALUE.
    """
    given: dict[str, object] = {}
    for name, value in [*_assignments(manifest, assigned), *options.items()]:
        if value in (None, ()):
            continue
        if name in given and not _same(given[name], value):
            reason = f"given twice{_differing(manifest, name, given[name], value)}"
            raise AnswerError(reason, key=f"--{name.replace('_', '-')}")
        given[name] = value
    return {**(read_data_file(Path(data_file)) if data_file else {}), **given}


def _assignments(manifest: Manifest, assigned: Iterable[str]) -> Iterable[tuple[str, object]]:
    for text in assigned:
        key, equals, value = text.partition("=")
        if equals:
            yield key.strip().replace("-", "_"), value
        elif "data" in manifest.questions and text not in manifest.questions:
            yield "data", text
        else:
            raise AnswerError("has no value", key=f"-d {text}", hint="give KEY=VALUE")


def _differing(manifest: Manifest, name: str, one: object, other: object) -> str:
    question = manifest.questions.get(name)
    return "" if question and question.secret else f", as {one!r} and as {other!r}"


def _same(one: object, other: object) -> bool:
    from kscaffold.project.answers import WORDS

    if isinstance(one, bool) or isinstance(other, bool):
        return WORDS.get(str(one).lower()) == WORDS.get(str(other).lower())
    return one == other
