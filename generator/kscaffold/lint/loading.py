"""A template for the lint: also one whose manifest has keys that it does not know."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kscaffold.errors import TemplateError
from kscaffold.layers import MANIFEST, Layer, Layers
from kscaffold.lint.findings import Finding
from kscaffold.lint.keys import unknown_keys
from kscaffold.lint.lines import Key, index, line_of, without
from kscaffold.lint.subject import Said, Subject
from kscaffold.origins import BUILT_IN, Origin
from kscaffold.reading import Text, parse_manifest
from kscaffold.scaffold import prepare
from kscaffold.sources import DEEPEST, Template, find, load_templates
from kscaffold.text import near


@dataclass(frozen=True)
class Loaded:
    """A template as far as it can be loaded, and what is wrong with its manifests.

    Attributes:
        subject: None where the manifests cannot be put together.
        named: the layers that are what was asked for, and not what that extends.
    """

    subject: Subject | None
    findings: tuple[Finding, ...]
    named: frozenset[int]


@dataclass(frozen=True)
class _Stacked:
    layer: Layer
    origin: Origin
    text: str


def load(sources: Sequence[str], base: Path, ref: str | None = None) -> Loaded:
    """Load templates on top of each other, as `load_templates` does.

    Unknown keys become findings, and the rest is loaded without them.

    Raises:
        AnswerError, TemplateError: as `load_templates`, if there is more to it than unknown keys.
    """
    try:
        template = load_templates(sources, base, ref)
    except TemplateError as error:
        stack = _stack(sources, base, error)
        return _load_without_unknown(stack, _named(stack, sources, base), error)
    stack = [
        _Stacked(layer, origin, layer.read(MANIFEST))
        for layer, origin in zip(template.layers, template.origins, strict=True)
    ]
    findings = tuple(_unknown(stack))
    return Loaded(_subject(template, stack), findings, _named(stack, sources, base))


def _subject(template: Template, stack: list[_Stacked]) -> Subject:
    said = tuple(Said(tomllib.loads(each.text), index(each.text)) for each in stack)
    return Subject(prepare(template, "project"), said)


def _named(stack: list[_Stacked], sources: Sequence[str], base: Path) -> frozenset[int]:
    paths = [(base / Path(source).expanduser()).resolve().as_posix() for source in sources]
    named = {*sources, *paths} if sources else {BUILT_IN}
    return frozenset(n for n, each in enumerate(stack) if each.origin.source in named)


def _stack(sources: Sequence[str], base: Path, error: TemplateError) -> list[_Stacked]:
    """Return the layers of folders and what they extend; for what is fetched, raise the error."""
    stack: list[_Stacked] = []
    for source in sources:
        above: list[_Stacked] = []
        wanted: str | None = source
        while wanted is not None and wanted not in [each.layer.name for each in stack]:
            found = find(wanted, base)
            if len(above) > DEEPEST or found.origin.kind in ("git", "zip"):
                raise error
            above.insert(0, _Stacked(found.layer, found.origin, found.text))
            wanted, base = found.head.extends, found.layer.root
        stack = [*stack, *above] if wanted is not None else above
    return stack


def _load_without_unknown(
    stack: list[_Stacked], named: frozenset[int], error: TemplateError
) -> Loaded:
    findings = tuple(_unknown(stack))
    if not findings:
        raise error
    mended = [
        _Stacked(each.layer, each.origin, without(each.text, _unknown_of(each))) for each in stack
    ]
    texts = [
        Text(
            each.text,
            f"{each.layer.place}{MANIFEST}",
            () if each.origin.kind == BUILT_IN else each.layer.files(),
        )
        for each in mended
    ]
    try:
        manifest = parse_manifest(*texts)
    except TemplateError as second:
        return Loaded(None, (*findings, _broken(stack, str(second))), named)
    layers = Layers(each.layer for each in stack)
    template = Template(layers, tuple(each.origin for each in stack), manifest)
    return Loaded(_subject(template, mended), findings, named)


def _unknown_of(each: _Stacked) -> list[Key]:
    return [key for key, _ in unknown_keys(tomllib.loads(each.text))]


def _unknown(stack: list[_Stacked]) -> list[Finding]:
    findings = []
    for layer, each in enumerate(stack):
        lines = index(each.text)
        for key, known in unknown_keys(tomllib.loads(each.text)):
            names = sorted(known)
            mend = near(str(key[-1]), names).removeprefix("; ") or f"there are {', '.join(names)}"
            file, line = f"{each.layer.place}{MANIFEST}", line_of(lines, key) or 1
            message = f"{'.'.join(map(str, key))} is no key of kscaffold.toml"
            findings.append(Finding("unknown-key", file, line, message, mend, layer))
    return findings


def _broken(stack: list[_Stacked], message: str) -> Finding:
    """Return a finding for what the manifest's reader says, with the line that it speaks of."""
    for layer, each in reversed([*enumerate(stack)]):
        file = f"{each.layer.place}{MANIFEST}"
        if message.startswith(file):
            named = re.search(r"\[+([\w.]+)\]+:? ?(\w*)", message)
            key = (*named[1].split("."), named[2]) if named else ()
            reason = message[len(file) :].lstrip(": ")
            line = line_of(index(each.text), key) or 1
            return Finding("broken-manifest", file, line, reason, "mend this first", layer)
    return Finding("broken-manifest", MANIFEST, 1, message, "mend this first")
