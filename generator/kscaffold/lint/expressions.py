"""The expressions and templates of a manifest, each with the names that it may use."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from kscaffold.lint.parsing import Parsed, parse_expression, parse_text
from kscaffold.lint.view import View
from kscaffold.template.manifest import GIVEN

Scoped = tuple[Parsed, frozenset[str]]


def expressions(view: View) -> Iterator[Scoped]:
    """Yield every expression and template of the manifests, with the names that it may use."""
    parts = (_of_questions, _of_rules, _of_derived, _of_files, _of_others)
    return chain.from_iterable(part(view) for part in parts)


def names_in_files(view: View) -> frozenset[str]:
    """Return the names that template files may use."""
    manifest = view.manifest
    return frozenset({*manifest.questions, *manifest.found, *manifest.derived, *GIVEN})


def _of_questions(view: View) -> Iterator[Scoped]:
    sees = frozenset({"target_name"})
    for name, question in view.manifest.questions.items():
        for key in ("when", "default", "otherwise"):
            text = getattr(question, key)
            if isinstance(text, str):
                parse = parse_expression if key == "when" else parse_text
                yield parse(view.renderer, text, view.location("questions", name, key)), sees
        sees |= {name}


def _of_rules(view: View) -> Iterator[Scoped]:
    sees = frozenset({*view.manifest.questions, "target_name"})
    for rule in view.manifest.rules:
        location = view.location("when", place=rule.place)
        yield parse_expression(view.renderer, rule.when, location), sees


def _of_derived(view: View) -> Iterator[Scoped]:
    sees = frozenset({*view.manifest.questions, *view.manifest.found, *GIVEN})
    for name, text in view.manifest.derived.items():
        yield parse_expression(view.renderer, text, view.location("derived", name)), sees
        sees |= {name}


def _of_files(view: View) -> Iterator[Scoped]:
    sees = names_in_files(view)
    for file in view.manifest.files:
        yield parse_text(view.renderer, file.target, view.location_of(file, "target")), sees
        if file.when is not None:
            yield parse_expression(view.renderer, file.when, view.location_of(file, "when")), sees


def _of_others(view: View) -> Iterator[Scoped]:
    manifest, sees = view.manifest, names_in_files(view)
    texts = [
        (manifest.messages.before, view.location("messages", "before"), frozenset({"target_name"})),
        (manifest.messages.after, view.location("messages", "after"), sees),
    ]
    texts += [
        (word, view.location("test", "train"), sees | {"scratch"}) for word in manifest.test.train
    ]
    for command in manifest.after:
        location = view.location(place=command.place)
        texts += [(word, location, sees) for word in command.run]
        if command.when is not None:
            yield parse_expression(view.renderer, command.when, location), sees
    for text, location, seen in texts:
        yield parse_text(view.renderer, text, location), seen
