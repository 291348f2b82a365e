"""A template for the lint: also one whose manifest has keys that it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from msgspec import structs

from kscaffold.errors import Place, TemplateError, UnknownKeyError
from kscaffold.lint.findings import Finding
from kscaffold.lint.lines import Key, index, line_of
from kscaffold.lint.subject import Subject
from kscaffold.project.pipeline import prepare
from kscaffold.template.manifest.tables import ManifestTable
from kscaffold.template.overlays import MANIFEST
from kscaffold.template.sources import Found, Part, Template, find_all, find_choices, stacked
from kscaffold.toml import mistakes


@dataclass(frozen=True)
class Loaded:
    """A template as far as it can be loaded, and what is wrong with its manifests.

    Attributes:
        subjects: the template with each of its choices made at least once; none where the manifests
            cannot be put together.
        named: the layers that were asked for, and not for the sake of what extends them.
    """

    subjects: tuple[Subject, ...]
    findings: tuple[Finding, ...]
    named: frozenset[int]


def load(sources: Sequence[str], base: Path, ref: str | None, taken: frozenset[str]) -> Loaded:
    """Load templates on top of each other, as `load_templates` does, but for unknown keys.

    Raises:
        AnswerError: there is no such source.
        TemplateError: one cannot be fetched, or its manifest is no TOML.
    """
    stack, choices = find_choices(find_all(sources, base, ref))
    named = frozenset(layer for layer, found in enumerate(stack) if found.is_named)
    parts = [Part(found, layer) for layer, found in enumerate(stack)] + [*choices]
    unknown = [
        mistake
        for part in parts
        for mistake in mistakes(ManifestTable, part.found.values, part.found.place)
        if isinstance(mistake, UnknownKeyError)
    ]
    findings = [_finding("unknown-key", mistake, parts) for mistake in unknown]
    keys = {(mistake.place, mistake.key) for mistake in unknown}
    try:
        template = stacked(
            [_known(found, keys) for found in stack],
            tuple(replace(choice, found=_known(choice.found, keys)) for choice in choices),
        )
        subjects = tuple(_subject(template, taken, each) for each in _selections(choices))
    except TemplateError as error:
        findings.append(_finding("broken-manifest", error, parts))
        return Loaded((), tuple(findings), named)
    return Loaded(subjects, tuple(findings), named)


def _known(found: Found, unknown: set[tuple[Place | str, str]]) -> Found:
    return replace(found, values=_without(found.values, found.place, unknown))


def _selections(choices: Sequence[Part]) -> list[dict[str, str]]:
    """Return answers in which each choice is made at least once."""
    answers: dict[str, list[str]] = {}
    for choice in choices:
        answers.setdefault(choice.question, []).append(choice.answer)
    most = max(map(len, answers.values()), default=1)
    return [{name: each[n % len(each)] for name, each in answers.items()} for n in range(most)]


def _subject(template: Template, taken: frozenset[str], answers: dict[str, str]) -> Subject:
    """Return the template with some choices made, and the questions that are then asked."""
    chosen = template.chosen(answers)
    files = {f"{layer.place}{MANIFEST}" for layer in chosen.layers}
    questions = {
        name: question
        for name, question in chosen.manifest.questions.items()
        if question.place.file in files
    }
    rules = tuple(rule for rule in chosen.manifest.rules if rule.place.file in files)
    manifest = structs.replace(chosen.manifest, questions=questions, rules=rules)
    scaffold = prepare(replace(chosen, manifest=manifest), "project")
    lines = tuple(index(layer.read(MANIFEST)) for layer in chosen.layers)
    return Subject(scaffold, lines, taken)


def _without(values: Any, place: Place, keys: set[tuple[Place | str, str]]) -> Any:
    """Return a manifest's values without some keys."""
    if isinstance(values, list):
        return [_without(value, place.below(number), keys) for number, value in enumerate(values)]
    if isinstance(values, dict):
        return {
            key: _without(value, place.below(key), keys)
            for key, value in values.items()
            if (place, key) not in keys
        }
    return values


def _finding(rule: str, error: TemplateError, parts: Sequence[Part]) -> Finding:
    """Return what is wrong with a manifest as a finding at its line."""
    place = error.place
    assert isinstance(place, Place)
    part = next(each for each in parts if each.found.place.file == place.file)
    key: Key = (*place.table, *((error.key,) if error.key else ()))
    at = " ".join(filter(None, (place.header, error.key)))
    message = ": ".join(filter(None, (at, error.reason)))
    hint = error.hint or "fix this first: nothing else is checked"
    line = line_of(index(part.found.layer.read(MANIFEST)), key)
    return Finding(rule, place.file, line, message, hint, part.number)
