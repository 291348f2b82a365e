"""A template for the lint: also one whose manifest has keys that it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from msgspec import structs

from kscaffold.errors import Place, TemplateError, UnknownKeyError
from kscaffold.lint.findings import Finding
from kscaffold.lint.lines import index, line_of
from kscaffold.lint.view import View
from kscaffold.project.pipeline import prepare
from kscaffold.template.manifest.tables import ManifestTable
from kscaffold.template.overlays import MANIFEST
from kscaffold.template.sources import Part, Template, find_all, find_choices, stacked
from kscaffold.toml import mistakes


@dataclass(frozen=True)
class Loaded:
    """A template as far as it can be loaded.

    Attributes:
        views: the template with each of its choices made at least once; none where the manifests
            cannot be put together.
        findings: what is wrong with its manifests.
        named: the layers that were asked for, and not for the sake of what extends them.
    """

    views: tuple[View, ...]
    findings: tuple[Finding, ...]
    named: frozenset[int]


def load(sources: Sequence[str], base: Path, ref: str | None, taken: frozenset[str]) -> Loaded:
    """Load templates on top of each other; raises as `find_all` does."""
    stack, choices = find_choices(find_all(sources, base, ref))
    named = frozenset(layer for layer, found in enumerate(stack) if found.is_named)
    parts = [*(Part(found, layer) for layer, found in enumerate(stack)), *choices]
    findings: list[Finding] = []
    known = [_without_unknown_keys(part, findings) for part in parts]
    try:
        template = stacked([each.found for each in known[: len(stack)]], (*known[len(stack) :],))
        views = tuple(_view(template, taken, each) for each in _selections(choices))
    except TemplateError as error:
        findings.append(_finding("broken-manifest", error, parts))
        views = ()
    return Loaded(views, tuple(findings), named)


def _without_unknown_keys(part: Part, findings: list[Finding]) -> Part:
    """Return a part without the keys that a manifest does not have, which are found."""
    values: Any = deepcopy(part.found.values)
    for mistake in [*mistakes(ManifestTable, values, part.found.place)]:
        if isinstance(mistake, UnknownKeyError) and isinstance(mistake.place, Place):
            findings.append(_finding("unknown-key", mistake, [part]))
            table = values
            for key in mistake.place.table:
                table = table[key]
            del table[mistake.key]
    return replace(part, found=replace(part.found, values=values))


def _selections(choices: Sequence[Part]) -> list[dict[str, str]]:
    """Return answers in which each choice is made at least once."""
    answers: dict[str, list[str]] = {}
    for choice in choices:
        answers.setdefault(choice.question, []).append(choice.answer)
    most = max(map(len, answers.values()), default=1)
    return [{name: each[n % len(each)] for name, each in answers.items()} for n in range(most)]


def _view(template: Template, taken: frozenset[str], answers: dict[str, str]) -> View:
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
    return View(prepare(replace(chosen, manifest=manifest), "project"), taken)


def _finding(rule: str, error: TemplateError, parts: Sequence[Part]) -> Finding:
    """Return what is wrong with a manifest as a finding at its line."""
    place = error.place
    assert isinstance(place, Place)
    part = next(each for each in parts if each.found.place.file == place.file)
    at = " ".join(filter(None, (place.header, error.key)))
    message = ": ".join(filter(None, (at, error.reason)))
    hint = error.hint or "fix this first: nothing else is checked"
    key = (*place.table, *filter(None, [error.key]))
    line = line_of(index(part.found.layer.read(MANIFEST)), key)
    return Finding(rule, place.file, line, message, hint, part.number)
