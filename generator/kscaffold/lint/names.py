"""Checks of names: undefined and unused ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

from kscaffold.hints import near
from kscaffold.lint.expressions import expressions, names_in_files
from kscaffold.lint.findings import Finding
from kscaffold.lint.parsing import Parsed
from kscaffold.lint.view import View

REMOVE = "use it, or remove it"


def undefined_names(view: View) -> Iterator[Finding]:
    """Find names that are not answers or derived values, and that no file sets."""
    values, others = names_in_files(view), _from_others(view)
    for name, parsed in view.parsed.items():
        yield from _undefined(parsed, values | parsed.bound | others[name])
        yield from _taken_from_nowhere(view, parsed)
    for parsed, sees in expressions(view):
        yield from _undefined(parsed, sees)


def _undefined(parsed: Parsed, known: Set[str]) -> Iterator[Finding]:
    for name, line in parsed.free.items():
        if name not in known and name not in parsed.optional:
            fix = near(name, known) or "ask for it, or derive it"
            message = f"{name!r} is not defined here"
            yield parsed.location.at(line).finding("undefined-name", message, fix)


def _from_others(view: View) -> dict[str, set[str]]:
    """Return the names that each file gets from files that it extends, or that use it."""
    links = [
        (name, parsed, ref, ref.target)
        for name, parsed in view.parsed.items()
        for ref in parsed.references
        if ref.target is not None and ref.target in view.parsed
    ]
    above: dict[str, set[str]] = {name: set() for name in view.parsed}
    below: dict[str, set[str]] = {name: set() for name in view.parsed}
    count = -1
    while count != (count := sum(map(len, [*above.values(), *below.values()]))):
        for name, parsed, ref, target in links:
            if ref.kind == "extends":
                above[name] |= view.parsed[target].exported | above[target]
                below[target] |= parsed.exported | below[name]
            elif ref.shares:
                below[target] |= parsed.bound | below[name] | above[name]
    return {name: above[name] | below[name] for name in view.parsed}


def _taken_from_nowhere(view: View, parsed: Parsed) -> Iterator[Finding]:
    for ref in parsed.references:
        target = view.parsed.get(ref.target or "")
        if target is None or target.tree is None:
            continue
        for each in sorted(ref.takes - target.exported):
            message = f"{ref.name!r} has no {each!r} to import"
            fix = near(each, target.exported) or "define it there"
            yield parsed.location.at(ref.line).finding("undefined-name", message, fix)


def unused_names(view: View) -> Iterator[Finding]:
    """Find questions and derived values that nothing uses."""
    used = _used(view)
    if used is None:
        return
    for name in view.manifest.questions.keys() - used:
        message = f"the answer to {name!r} changes nothing"
        location = view.location("questions", name)
        yield location.finding("unused-question", message, "use it, or do not ask")
    for name in view.manifest.derived.keys() - used:
        location = view.location("derived", name)
        yield location.finding("unused-derived", f"nothing uses {name!r}", REMOVE)


def _used(view: View) -> set[str] | None:
    """Return the names that something uses; None if that is not known."""
    stated = [parsed for parsed, _ in expressions(view)]
    if not view.is_known or not all(each.tree for each in stated):
        return None
    used = {*view.manifest.placeholders.values()}
    used.update(*(parsed.free for parsed in (*view.rendered, *stated)))
    for rule in view.manifest.rules:
        used |= {*rule.requires, *rule.conflicts}
    for question in view.manifest.questions.values():
        used |= {*question.inspect.arguments} if question.inspect else set()
        # The answer to such a question chooses a file or folder of the template.
        used |= {question.name} if question.carried or question.folder else set()
    return used


def unused_placeholders(view: View) -> Iterator[Finding]:
    """Find placeholders that no Python template contains."""
    texts = [each.text for each in view.parsed.values() if each.location.path.endswith(".py.jinja")]
    for name in view.manifest.placeholders:
        if not any(re.search(rf"\b{re.escape(name)}\b", text) for text in texts):
            message = f"no Python template contains {name!r}"
            yield view.location("placeholders", name).finding("unused-placeholder", message, REMOVE)
