"""A template for the lint: also one whose manifest has keys that it does not know."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kscaffold.errors import TemplateError
from kscaffold.layers import MANIFEST, Layers
from kscaffold.lint.findings import Finding
from kscaffold.lint.keys import unknown_keys, without
from kscaffold.lint.lines import Key, index, line_of
from kscaffold.lint.subject import Said, Subject
from kscaffold.origins import BUILT_IN
from kscaffold.reading import Text, parse_manifest
from kscaffold.scaffold import prepare
from kscaffold.sources import Found, Template, find_all
from kscaffold.text import near
from kscaffold.toml import parse_toml

# What a message of the manifest's reader speaks of: a table, perhaps an array of them, and a key.
_NAMED = re.compile(r": (?:the manifest|(?P<open>\[+)(?P<table>[^\]]+)\]+):? ?(?P<key>\w*)")


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


def load(sources: Sequence[str], base: Path, ref: str | None = None) -> Loaded:
    """Load templates on top of each other, as `load_templates` does, but for unknown keys.

    Raises:
        AnswerError: there is no such source.
        TemplateError: one cannot be fetched, or its manifest is no TOML.
    """
    stack = find_all(sources, base, ref)
    named = frozenset(layer for layer, found in enumerate(stack) if found.is_named)
    findings = []
    texts = []
    for layer, found in enumerate(stack):
        values = parse_toml(found.text)
        unknown = dict(unknown_keys(values))
        findings += _unknown(found, layer, unknown)
        files = () if found.origin.kind == BUILT_IN else found.layer.files()
        known = without(values, frozenset(unknown))
        texts.append(Text(found.text, f"{found.layer.place}{MANIFEST}", files, known))
    try:
        manifest = parse_manifest(*texts)
    except TemplateError as error:
        return Loaded(None, (*findings, _broken(texts, str(error))), named)
    origins = tuple(each.origin for each in stack)
    template = Template(Layers(each.layer for each in stack), origins, manifest)
    said = tuple(Said(_values(text), index(text.text)) for text in texts)
    return Loaded(Subject(prepare(template, "project"), said), tuple(findings), named)


def _values(text: Text) -> Mapping[str, Any]:
    assert text.values is not None
    return text.values


def _unknown(found: Found, layer: int, unknown: Mapping[Key, frozenset[str]]) -> list[Finding]:
    findings = []
    lines = index(found.text)
    for key, known in unknown.items():
        names = sorted(known)
        mend = near(str(key[-1]), names).removeprefix("; ") or f"there are {', '.join(names)}"
        file, line = f"{found.layer.place}{MANIFEST}", line_of(lines, key)
        message = f"{'.'.join(map(str, key))} is no key of kscaffold.toml"
        findings.append(Finding("unknown-key", file, line, message, mend, layer))
    return findings


def _broken(texts: Sequence[Text], message: str) -> Finding:
    """Return a finding for what the manifest's reader says, with the line that it speaks of."""
    layer = max((n for n, text in enumerate(texts) if message.startswith(text.place)), default=0)
    place = texts[layer].place
    named = _NAMED.match(message, len(place))
    key: Key = ()
    if named and named["table"]:
        key = tuple(named["table"].split("."))
        if named["open"] == "[[":
            key = (*key, _first_broken(texts, layer, named["table"], message))
    if named and named["key"]:
        key = (*key, named["key"])
    line = line_of(index(texts[layer].text), key)
    reason = message.removeprefix(place).lstrip(": ")
    mend = "mend this first: nothing else is checked"
    return Finding("broken-manifest", place, line, reason, mend, layer)


def _first_broken(texts: Sequence[Text], layer: int, name: str, message: str) -> int:
    """Return which entry of an array of tables it is that the reader complains about."""
    values = _values(texts[layer])

    def is_broken(count: int) -> bool:
        fewer = replace(texts[layer], values={**values, name: values[name][:count]})
        try:
            parse_manifest(*texts[:layer], fewer, *texts[layer + 1 :])
        except TemplateError as error:
            return str(error) == message
        return False

    return bisect_left(range(1, len(values[name])), True, key=is_broken)
