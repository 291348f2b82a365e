"""Folders of a template that are choices, and their conditional manifests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kscaffold.errors import TemplateError
from kscaffold.hints import near
from kscaffold.template.manifest.tables import TemplateName
from kscaffold.template.overlays import MANIFEST
from kscaffold.template.parts import Part, read_part
from kscaffold.toml import fits, words

_FOLDER = re.compile(r"([a-z][a-z0-9_-]*)/\*")


def with_choices(layers: Sequence[Part]) -> list[Part]:
    """Return layers, each followed by its folders that are choices; raises `TemplateError`."""
    asked = [part.values.get("questions") for part in layers]  # not validated yet
    folders = {
        name: folder
        for questions in asked
        for name, keys in (questions.items() if isinstance(questions, dict) else ())
        if isinstance(keys, dict) and (folder := choice_folder(keys))
    }
    apart = frozenset(folders.values())
    parts = [
        replace(part, number=number, layer=replace(part.layer, apart=apart))
        for number, part in enumerate(layers)
    ]
    choices = [
        replace(_choice(part, f"{folder}/{path.name}"), number=part.number, question=question)
        for part in parts
        for question, folder in folders.items()
        for path in sorted((part.layer.root / folder).glob("*"))
        if (path / MANIFEST).is_file()
    ]
    return sorted([*parts, *_extending(choices)], key=lambda part: part.number)


def _extending(choices: Sequence[Part]) -> list[Part]:
    """Return choices with the answers that choose them; extended ones come first."""
    chains = {(each.question, each.answer): [each.answer] for each in choices}
    above = {(each.question, each.answer): each for each in choices if each.extends}
    for (question, _), chain in chains.items():
        while part := above.get((question, chain[-1])):
            if (question, part.extends) not in chains or part.extends in chain:
                reason = f"extends {part.extends!r}, which is no other choice of {question!r}"
                hint = near(str(part.extends), [name for of, name in chains if of == question])
                raise TemplateError(reason, place=part.place, hint=hint)
            chain.append(str(part.extends))
    return [
        replace(
            part,
            answers=frozenset(
                name
                for (question, name), chain in chains.items()
                if question == part.question and part.answer in chain and name[0] != "_"
            ),
        )
        for question in dict.fromkeys(question for question, _ in chains)
        for part in sorted(choices, key=lambda part: len(chains[part.question, part.answer]))
        if part.question == question
    ]


def _choice(part: Part, folder: str) -> Part:
    part.layer.path_of(f"{folder}/{MANIFEST}")  # raises for links out of the template
    name, place = f"{part.layer.name}/{folder}", f"{part.layer.place}{folder}/"
    found = read_part(part.layer.root / folder, part.origin, name, place)
    return replace(found, folder=folder)


def choice_folder(question: Mapping[str, Any]) -> str:
    """Return the folder whose folders are a question's choices; "" if the choices are words."""
    choices = question.get("choices")
    found = _FOLDER.fullmatch(choices) if isinstance(choices, str) else None
    return found[1] if found else ""


def check_choice(part: Part, asked: Mapping[str, Any]) -> None:
    """Refuse a choice with an invalid name, no description, or what it cannot decide."""
    table = part.place.below("template")
    if not fits(TemplateName, part.answer.removeprefix("_")):
        hint = f"a name is {words(TemplateName)}"
        reason = f"the folder {part.answer!r} cannot be a choice"
        raise TemplateError(reason, place=part.place, hint=hint)
    if "description" not in part.values.get("template", {}):
        raise TemplateError("a choice needs a description", place=table)
    for name, key in (("test", ""), ("messages", "before")):
        if name in part.values and (not key or key in part.values[name]):
            reason = "belongs to the template, since it counts before this choice is made"
            raise TemplateError(reason, place=part.place.below(name), key=key)
    for name in asked.keys() & part.values.get("questions", {}).keys():
        reason = f"is already asked by {asked[name]['place'].file}"
        raise TemplateError(reason, place=part.place.below("questions", name))


def conditional(part: Part, *, is_chosen: bool) -> dict[str, Any]:
    """Return a choice's manifest, with its questions and rules conditional on the choice."""
    questions, after = {}, part.question
    for name, keys in part.values.get("questions", {}).items():
        when = _both(condition(part), keys.get("when"))
        questions[name] = {"after": after, **keys, "when": when, "asked_with": part.option}
        after = name
    rules = [
        {**rule, "when": _both(condition(part), rule["when"]), "cause": rule["when"]}
        for rule in part.values.get("rules", [])
    ]
    apart = ("template", "remove", "answers")
    rest = {key: value for key, value in part.values.items() if key not in apart}
    return {**(rest if is_chosen else {}), "questions": questions, "rules": rules}


def condition(part: Part) -> str:
    """Return the expression that is true if the choice is made."""
    if len(part.answers) == 1:
        return f"{part.question} == '{min(part.answers)}'"
    return f"{part.question} in {sorted(part.answers)}"


def _both(one: str, other: str | None) -> str:
    return one if other is None else f"{one} and ({other})"
