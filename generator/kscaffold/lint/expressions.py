"""The expressions and small templates of a manifest, each with its place and what it sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from kscaffold.lint.findings import Spot
from kscaffold.lint.parsed import Parsed, parse_expression, parse_text
from kscaffold.lint.subject import Subject
from kscaffold.template.manifest import Question


@dataclass(frozen=True)
class Expression:
    """Something in a manifest that is evaluated or rendered.

    Attributes:
        spot: where it stands.
        parsed: what it is.
        sees: the names that it may use.
    """

    spot: Spot
    parsed: Parsed
    sees: frozenset[str]


def expressions(subject: Subject) -> Iterator[Expression]:
    """Yield every expression and template of the manifests."""
    parts = (_of_questions, _of_rules, _of_derived, _of_files, _of_others)
    return chain.from_iterable(part(subject) for part in parts)


def visible(subject: Subject) -> frozenset[str]:
    """Return the names that a template file sees."""
    manifest = subject.manifest
    return frozenset({*manifest.questions, *manifest.found, *manifest.derived, "kscaffold_version"})


def _of_questions(subject: Subject) -> Iterator[Expression]:
    sees = {"target_name"}
    for name, question in subject.manifest.questions.items():
        for key, text, is_text in _parts(question):
            parsed = (parse_text if is_text else parse_expression)(subject.renderer, text)
            spot = subject.spot("questions", name, key)
            yield Expression(spot, parsed, frozenset(sees))
        sees.add(name)


def _parts(question: Question) -> Iterator[tuple[str, str, bool]]:
    if question.when is not None:
        yield "when", question.when, False
    for key, value in (("default", question.default), ("otherwise", question.otherwise)):
        if isinstance(value, str):
            yield key, value, True


def _of_rules(subject: Subject) -> Iterator[Expression]:
    sees = frozenset({*subject.manifest.questions, "target_name"})
    for rule in subject.manifest.rules:
        spot = subject.spot("when", place=rule.place)
        yield Expression(spot, parse_expression(subject.renderer, rule.when), sees)


def _of_derived(subject: Subject) -> Iterator[Expression]:
    sees = {*subject.manifest.questions, *subject.manifest.found, "kscaffold_version"}
    for name, text in subject.manifest.derived.items():
        spot = subject.spot("derived", name)
        parsed = parse_expression(subject.renderer, text)
        yield Expression(spot, parsed, frozenset(sees))
        sees.add(name)


def _of_files(subject: Subject) -> Iterator[Expression]:
    sees = visible(subject)
    for file in subject.manifest.files:
        target = parse_text(subject.renderer, file.target)
        yield Expression(subject.spot_of(file, "target"), target, sees)
        if file.when is not None:
            when = parse_expression(subject.renderer, file.when)
            yield Expression(subject.spot_of(file, "when"), when, sees)


def _of_others(subject: Subject) -> Iterator[Expression]:
    manifest, renderer, sees = subject.manifest, subject.renderer, visible(subject)
    before = parse_text(renderer, manifest.messages.before)
    spot = subject.spot("messages", "before")
    yield Expression(spot, before, frozenset({"target_name"}))
    after = parse_text(renderer, manifest.messages.after)
    yield Expression(subject.spot("messages", "after"), after, sees)
    for word in manifest.test.train:
        spot = subject.spot("test", "train")
        yield Expression(spot, parse_text(renderer, word), sees | {"scratch"})
    for command in manifest.after:
        spot = subject.spot(place=command.place)
        for word in command.run:
            yield Expression(spot, parse_text(renderer, word), sees)
        if command.when is not None:
            yield Expression(spot, parse_expression(renderer, command.when), sees)
