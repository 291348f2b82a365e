"""Load a template for linting, even if its manifest has unknown keys."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from msgspec import structs

from kscaffold.errors import Place, TemplateError, UnknownKeyError
from kscaffold.lint.findings import Finding
from kscaffold.lint.lines import index, line_of
from kscaffold.lint.view import View
from kscaffold.project.pipeline import Scaffold, prepare
from kscaffold.template.choices import with_choices
from kscaffold.template.manifest.tables import ManifestTable
from kscaffold.template.overlays import MANIFEST
from kscaffold.template.parts import Part
from kscaffold.template.sources import find_all, pinned
from kscaffold.template.stack import Template, stacked
from kscaffold.toml import mistakes


def load(
    sources: Sequence[str], base: Path, ref: str | None, taken: frozenset[str]
) -> tuple[tuple[View, ...], list[Finding]]:
    """Load templates on top of each other; raises like `find_all`.

    Returns views in which each choice is made at least once, or none if the manifests cannot be
    merged; and the findings about the manifests.
    """
    parts = with_choices(find_all(pinned(sources, [] if ref is None else [ref]), base))
    named = frozenset(part.number for part in parts if part.is_named)
    findings: list[Finding] = []
    known = [_without_unknown_keys(part, findings) for part in parts]
    try:
        template = stacked(known)
        chosen = [_scaffold(template, each) for each in _selections(template.choices)]
    except TemplateError as error:
        return (), [*findings, _finding("broken-manifest", error, parts)]
    return tuple(View(scaffold, taken, named) for scaffold in chosen), findings


def _without_unknown_keys(part: Part, findings: list[Finding]) -> Part:
    """Return a part without unknown keys, which become findings."""
    values: Any = deepcopy(part.values)
    for mistake in [*mistakes(ManifestTable, values, part.place)]:
        if isinstance(mistake, UnknownKeyError) and isinstance(mistake.place, Place):
            findings.append(_finding("unknown-key", mistake, [part]))
            table = values
            for key in mistake.place.table:
                table = table[key]
            del table[mistake.key]
    return replace(part, values=values)


def _selections(choices: Sequence[Part]) -> list[dict[str, str]]:
    """Return answers that make each choice at least once."""
    answers: dict[str, list[str]] = {}
    for choice in choices:
        if choice.is_offered:
            answers.setdefault(choice.question, []).append(choice.answer)
    most = max(map(len, answers.values()), default=1)
    return [{name: each[n % len(each)] for name, each in answers.items()} for n in range(most)]


def _scaffold(template: Template, answers: dict[str, str]) -> Scaffold:
    """Return the template with some choices made, and only their questions and rules."""
    chosen = template.chosen(answers)
    files = {f"{layer.place}{MANIFEST}" for layer in chosen.layers}
    questions = {
        name: question
        for name, question in chosen.manifest.questions.items()
        if question.place.file in files
    }
    rules = tuple(rule for rule in chosen.manifest.rules if rule.place.file in files)
    manifest = structs.replace(chosen.manifest, questions=questions, rules=rules)
    return prepare(replace(chosen, manifest=manifest), "project")


def _finding(rule: str, error: TemplateError, parts: Sequence[Part]) -> Finding:
    """Return an error about a manifest as a finding."""
    place = error.place
    assert isinstance(place, Place)
    part = next(each for each in parts if each.place.file == place.file)
    at = " ".join(filter(None, (place.header, error.key)))
    message = ": ".join(filter(None, (at, error.reason)))
    hint = error.hint or "fix this first: nothing else is checked"
    key = (*place.table, *filter(None, [error.key]))
    line = line_of(index(part.layer.read(MANIFEST)), key)
    return Finding(rule, place.file, line, message, hint, part.number)
