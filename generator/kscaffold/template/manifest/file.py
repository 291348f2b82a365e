"""A kscaffold.toml before it is put on top of others, and what it says as one of several choices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kscaffold.errors import Place, TemplateError
from kscaffold.template.manifest.tables import TemplateName
from kscaffold.toml import TomlError, fits, parse_toml, words

# Longer than any manifest written by hand.
LONGEST = 1_000_000
_FOLDER = re.compile(r"([a-z][a-z0-9_-]*)/\*")


class Choice(NamedTuple):
    """A folder that is an answer to a question."""

    question: str
    answer: str

    @property
    def option(self) -> str:
        """The option that chooses it, such as "--data csv"."""
        return f"--{self.question.replace('_', '-')} {self.answer}"

    @property
    def condition(self) -> str:
        """An expression that is true if it is chosen."""
        return f"{self.question} == '{self.answer}'"


@dataclass(frozen=True)
class ManifestFile:
    """A kscaffold.toml.

    Attributes:
        values: what it says, not checked yet.
        place: what errors call it.
        files: the other files of its folder; those in one of `folders` are written without being
            listed under `[[files]]`.
        choice: what its folder is a choice of, if it is one.
        is_chosen: whether that is made, so that more than its questions and rules counts.
    """

    values: Mapping[str, Any]
    place: Place
    files: tuple[str, ...] = ()
    choice: Choice | None = None
    is_chosen: bool = True


def parse_manifest(text: str, file: str) -> dict[str, Any]:
    """Parse a kscaffold.toml; raises `TemplateError`."""
    if len(text) > LONGEST:
        raise TemplateError(f"more than {LONGEST} characters", place=file)
    try:
        return parse_toml(text)
    except TomlError as error:
        raise TemplateError(str(error), place=file) from None


def choice_folder(question: Mapping[str, Any]) -> str:
    """Return the folder of which a question's choices are the folders; "" if they are words."""
    choices = question.get("choices")
    found = _FOLDER.fullmatch(choices) if isinstance(choices, str) else None
    return found[1] if found else ""


def check_choice(file: ManifestFile, answer: str, asked: Mapping[str, Any]) -> None:
    """Refuse the manifest of a folder that is no choice, or that asks what others ask already."""
    table = file.place.below("template")
    if not fits(TemplateName, answer):
        hint = f"a name is {words(TemplateName)}"
        reason = f"the folder {answer!r} is no name of a choice"
        raise TemplateError(reason, place=file.place, hint=hint)
    if "description" not in file.values.get("template", {}):
        raise TemplateError("a choice has a description", place=table)
    if "extends" in file.values:
        raise TemplateError("a choice extends nothing", place=table)
    for name in asked.keys() & file.values.get("questions", {}).keys():
        reason = f"is asked by {asked[name]['place'].file} already"
        raise TemplateError(reason, place=file.place.below("questions", name))


def of_choice(file: ManifestFile, choice: Choice) -> dict[str, Any]:
    """Return what a choice's manifest says: its questions and rules hold if it is chosen."""
    questions, after = {}, choice.question
    for name, keys in file.values.get("questions", {}).items():
        when = _both(choice.condition, keys.get("when"))
        questions[name] = {"after": after, **keys, "when": when, "asked_with": choice.option}
        after = name
    rules = [
        {**rule, "when": _both(choice.condition, rule["when"])}
        for rule in file.values.get("rules", [])
    ]
    apart = ("template", "remove", "answers")
    rest = {key: value for key, value in file.values.items() if key not in apart}
    return {**(rest if file.is_chosen else {}), "questions": questions, "rules": rules}


def _both(one: str, other: str | None) -> str:
    """Return an expression that is true if both are."""
    return one if other is None else f"{one} and ({other})"
