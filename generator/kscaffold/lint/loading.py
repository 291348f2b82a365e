"""A template for the lint: also one whose manifest has keys that it does not know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kscaffold.errors import Place, TemplateError, UnknownKeyError
from kscaffold.layers import MANIFEST
from kscaffold.lint.findings import Finding
from kscaffold.lint.lines import Key, index, line_of
from kscaffold.lint.subject import Subject
from kscaffold.manifest.merging import merge
from kscaffold.manifest.tables import ManifestTable
from kscaffold.scaffold import prepare
from kscaffold.sources import Found, find_all, stacked
from kscaffold.toml import mistakes


@dataclass(frozen=True)
class Loaded:
    """A template as far as it can be loaded, and what is wrong with its manifests.

    Attributes:
        subject: None where the manifests cannot be put together.
        named: the layers that were asked for, and not for the sake of what extends them.
    """

    subject: Subject | None
    findings: tuple[Finding, ...]
    named: frozenset[int]


def load(sources: Sequence[str], base: Path, ref: str | None, taken: frozenset[str]) -> Loaded:
    """Load templates on top of each other, as `load_templates` does, but for unknown keys.

    Raises:
        AnswerError: there is no such source.
        TemplateError: one cannot be fetched, or its manifest is no TOML.
    """
    stack = find_all(sources, base, ref)
    named = frozenset(layer for layer, found in enumerate(stack) if found.is_named)
    lines = [index(found.layer.read(MANIFEST)) for found in stack]
    unknown = [
        mistake
        for found in stack
        for mistake in mistakes(ManifestTable, found.values, found.place)
        if isinstance(mistake, UnknownKeyError)
    ]
    findings = [_finding("unknown-key", mistake, stack, lines) for mistake in unknown]
    try:
        keys = {(mistake.place, mistake.key) for mistake in unknown}
        known = [_without(found.values, found.place, keys) for found in stack]
        manifest = merge(found.manifest(values) for found, values in zip(stack, known, strict=True))
    except TemplateError as error:
        findings.append(_finding("broken-manifest", error, stack, lines))
        return Loaded(None, tuple(findings), named)
    scaffold = prepare(stacked(stack, manifest), "project")
    return Loaded(Subject(scaffold, tuple(lines), taken), tuple(findings), named)


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


def _finding(
    rule: str, error: TemplateError, stack: Sequence[Found], lines: Sequence[Mapping[Key, int]]
) -> Finding:
    """Return what is wrong with a manifest as a finding at its line."""
    place = error.place
    assert isinstance(place, Place)
    layer = next(n for n, found in enumerate(stack) if found.place.file == place.file)
    key: Key = (*place.table, *((error.key,) if error.key else ()))
    at = " ".join(filter(None, (place.header, error.key)))
    message = ": ".join(filter(None, (at, error.reason)))
    hint = error.hint or "fix this first: nothing else is checked"
    return Finding(rule, place.file, line_of(lines[layer], key), message, hint, layer)
