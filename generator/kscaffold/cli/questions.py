"""The questions of a template as options, and the answers given by options, -d and data files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from kscaffold.errors import AnswerError, TemplateError
from kscaffold.hints import visible
from kscaffold.project.accept import WORDS
from kscaffold.project.answers import spelled
from kscaffold.project.record import read_data_file
from kscaffold.template.manifest import Manifest, Question


class QuestionOption(click.Option):
    """An option that answers a question; `group` is its heading in the help.

    Validation is left to the question.
    """

    def __init__(self, question: Question) -> None:
        chosen = f"With {question.asked_with}" if question.asked_with else ""
        self.group = chosen or "Questions of the template"
        self.question = question
        name, several = question.option, question.type == "multi-choice"
        if question.type == "bool":
            name = f"{name}/--no-{name[2:]}"
        kinds: dict[str, Any] = {"bool": None, "path": click.Path()}
        choices = ("," if several else "|").join(question.choices)
        super().__init__(
            [name, question.name],
            default=None,
            multiple=question.type == "list",
            type=kinds.get(question.type, str),
            metavar=visible(f"[{choices}]") if choices else None,
            # A prompt's final colon or question mark has no place in a help text.
            help=visible(question.help.rstrip(":?") + _default_shown(question))
            + (" Separate several with commas." if several else ""),
        )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the choices that begin like the incomplete one, or what the type completes."""
        if self.question.type != "choice":
            return super().shell_complete(ctx, incomplete)
        fitting = (each for each in self.question.choices if each.startswith(incomplete))
        return [CompletionItem(choice) for choice in fitting if visible(choice) == choice]


def _default_shown(question: Question) -> str:
    default = question.default
    if question.type == "choice" and question.inspect is None and default is None:
        default = question.choices[0]
    if default in (None, "", ()) or "{{" in (shown := spelled(default)):
        return ""
    return f"  [default: {shown}]"


def check_names(manifest: Manifest, taken: frozenset[str]) -> None:
    """Refuse a question that has the name of another option; raises `TemplateError`."""
    for name, question in manifest.questions.items():
        if name in taken:
            reason = "this name is an option of `kscaffold new` already"
            raise TemplateError(reason, place=question.place, hint="choose another")


def collect(
    manifest: Manifest,
    options: Mapping[str, object],
    assigned: Iterable[str],
    data_file: str | None = None,
) -> dict[str, object]:
    """Return the given answers; options and -d override the data file. Raises `AnswerError`."""
    given: dict[str, object] = {}
    for name, value in [*_assignments(assigned), *options.items()]:
        if value in (None, ()):
            continue
        if not _same(given.setdefault(name, value), value):
            question = manifest.questions.get(name)
            is_secret = question is not None and question.secret
            both = "" if is_secret else f", as {given[name]!r} and as {value!r}"
            raise AnswerError(f"given twice{both}", key=f"--{name.replace('_', '-')}")
    return {**(read_data_file(Path(data_file)) if data_file is not None else {}), **given}


def _assignments(assigned: Iterable[str]) -> Iterator[tuple[str, object]]:
    for text in assigned:
        key, equals, value = text.partition("=")
        if not equals:
            raise AnswerError("has no value", key=f"-d {text}", hint="give KEY=VALUE")
        yield key.strip().replace("-", "_"), value


def _same(one: object, other: object) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return WORDS.get(str(one).lower()) == WORDS.get(str(other).lower())
    return one == other
