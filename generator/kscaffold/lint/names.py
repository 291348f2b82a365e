"""Names: those that nothing defines, and those that nothing uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from kscaffold.hints import near
from kscaffold.lint.expressions import expressions, visible
from kscaffold.lint.findings import Finding, Spot
from kscaffold.lint.parsed import Parsed
from kscaffold.lint.subject import Subject


def faults(subject: Subject) -> Iterator[Finding]:
    """Find what Jinja cannot read, and filters and tests that there are not."""
    for _, spot, parsed in subject.templates():
        yield from _faults(subject, spot, parsed)
    for each in expressions(subject):
        yield from _faults(subject, each.spot, each.parsed)


def _faults(subject: Subject, spot: Spot, parsed: Parsed) -> Iterator[Finding]:
    for fault in parsed.faults:
        where = replace(spot, line=spot.line + fault.line - 1)
        yield subject.finding(fault.rule, where, fault.message, fault.fix)


def taken_names(subject: Subject) -> Iterator[Finding]:
    """Find questions that have the name of another option."""
    for name in subject.manifest.questions:
        if name in subject.taken:
            spot, message = (
                subject.spot("questions", name),
                f"`kscaffold new` has an option {name!r}",
            )
            yield subject.finding("taken-name", spot, message, "take another name")


def undefined_names(subject: Subject) -> Iterator[Finding]:
    """Find names that are no answer, no derived value, and that no file sets."""
    values = visible(subject)
    others = _from_others(subject)
    for name, spot, parsed in subject.templates():
        yield from _undefined(subject, spot, parsed, values | parsed.bound | others[name])
        yield from _taken_from_nowhere(subject, name, spot)
    for expression in expressions(subject):
        yield from _undefined(subject, expression.spot, expression.parsed, expression.sees)


def _from_others(subject: Subject) -> dict[str, set[str]]:
    """Return the names that each file sees of the files that it goes with."""
    links = [
        (name, ref, ref.target)
        for name in subject.parsed
        for ref in subject.references(name)
        if ref.target is not None and ref.target in subject.parsed
    ]
    above: dict[str, set[str]] = {name: set() for name in subject.parsed}
    below: dict[str, set[str]] = {name: set() for name in subject.parsed}
    count = -1
    while count != (count := sum(map(len, [*above.values(), *below.values()]))):
        for name, ref, target in links:
            parsed = subject.parsed[name]
            if ref.kind == "extends":
                above[name] |= subject.parsed[target].exported | above[target]
                below[target] |= parsed.exported | below[name]
            elif ref.shares:
                below[target] |= parsed.bound | below[name] | above[name]
    return {name: above[name] | below[name] for name in subject.parsed}


def _taken_from_nowhere(subject: Subject, name: str, spot: Spot) -> Iterator[Finding]:
    for ref in subject.references(name):
        target = subject.parsed.get(ref.target or "")
        if target is None or target.tree is None:
            continue
        for each in sorted(ref.takes - target.exported):
            message = f"{ref.name!r} has no {each!r} to import"
            fix = near(each, target.exported) or "define it there"
            yield subject.finding("undefined-name", replace(spot, line=ref.line), message, fix)


def _undefined(
    subject: Subject, spot: Spot, parsed: Parsed, known: frozenset[str] | set[str]
) -> Iterator[Finding]:
    for name, line in parsed.free.items():
        if name not in known and name not in parsed.optional:
            fix = near(name, known) or "ask for it, or derive it"
            where = replace(spot, line=spot.line + line - 1)
            yield subject.finding("undefined-name", where, f"{name!r} is not defined here", fix)


def unused_questions(subject: Subject) -> Iterator[Finding]:
    """Find questions whose answer nothing looks at."""
    used = _used(subject)
    if used is None:
        return
    for name in subject.manifest.questions:
        if name not in used:
            message = f"the answer to {name!r} changes nothing"
            spot = subject.spot("questions", name)
            yield subject.finding("unused-question", spot, message, "use it, or do not ask")


def unused_derived(subject: Subject) -> Iterator[Finding]:
    """Find derived values that nothing looks at."""
    used = _used(subject)
    if used is None:
        return
    for name in subject.manifest.derived:
        if name not in used:
            spot, message = subject.spot("derived", name), f"nothing uses {name!r}"
            yield subject.finding("unused-derived", spot, message, "use it, or remove it")


def unused_placeholders(subject: Subject) -> Iterator[Finding]:
    """Find placeholders that stand in no Python template."""
    texts = [
        parsed.text for _, spot, parsed in subject.templates() if spot.path.endswith(".py.jinja")
    ]
    for name in subject.manifest.placeholders:
        if not any(re.search(rf"\b{re.escape(name)}\b", text) for text in texts):
            spot, message = subject.spot("placeholders", name), f"no Python template has {name!r}"
            yield subject.finding("unused-placeholder", spot, message, "use it, or remove it")


def _used(subject: Subject) -> set[str] | None:
    """Return the names that something looks at; None where that cannot be told."""
    manifest = subject.manifest
    stated = [*expressions(subject)]
    if not subject.is_known or not all(each.parsed.tree for each in stated):
        return None
    used = set(manifest.placeholders.values())
    used.update(*(subject.parsed[name].free for name in subject.reached_templates))
    used.update(*(each.parsed.free for each in stated))
    for rule in manifest.rules:
        used |= {*rule.requires, *rule.conflicts}
    for question in manifest.questions.values():
        used |= set(question.inspect.arguments if question.inspect else ())
        # It is used if its answer is a file that the template carries, or a folder of it.
        used |= {question.name} if question.carried or question.folder else set()
    return used
