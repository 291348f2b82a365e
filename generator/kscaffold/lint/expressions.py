"""The expressions and templates of a manifest, each with the names that it may use."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from kscaffold.lint.parsing import Parsed, parse_value
from kscaffold.lint.view import View
from kscaffold.template.manifest import GIVEN

Expression = tuple[Parsed, frozenset[str]]


@lru_cache(maxsize=1)  # several checks in turn look at the same view
def expressions(view: View) -> tuple[Expression, ...]:
    """Return every expression and template of the manifests, with the names that it may use."""
    return (*_of_answers(view), *_of_derived(view), *_of_files(view), *_of_others(view))


def names_in_files(view: View) -> frozenset[str]:
    """Return the names that template files may use."""
    manifest = view.manifest
    return frozenset({*manifest.questions, *manifest.found, *manifest.derived, *GIVEN})


def _of_answers(view: View) -> Iterator[Expression]:
    sees = frozenset({"target_name"})
    for name, question in view.manifest.questions.items():
        for key in ("when", "default", "otherwise"):
            if isinstance(text := getattr(question, key), str):
                location = view.location("questions", name, key)
                yield parse_value(text, location, is_expression=key == "when"), sees
        sees |= {name}
    for rule in view.manifest.rules:
        location = view.location("when", place=rule.place)
        yield parse_value(rule.when, location, is_expression=True), sees


def _of_derived(view: View) -> Iterator[Expression]:
    sees = frozenset({*view.manifest.questions, *view.manifest.found, *GIVEN})
    for name, text in view.manifest.derived.items():
        yield parse_value(text, view.location("derived", name), is_expression=True), sees
        sees |= {name}


def _of_files(view: View) -> Iterator[Expression]:
    sees = names_in_files(view)
    for file in view.manifest.files:
        yield parse_value(file.target, view.location_of(file, "target")), sees
        if file.when is not None:
            location = view.location_of(file, "when")
            yield parse_value(file.when, location, is_expression=True), sees


def _of_others(view: View) -> Iterator[Expression]:
    manifest, sees = view.manifest, names_in_files(view)
    before = frozenset({"target_name"})
    yield parse_value(manifest.messages.before, view.location("messages", "before")), before
    yield parse_value(manifest.messages.after, view.location("messages", "after")), sees
    for word in manifest.test.train:
        yield parse_value(word, view.location("test", "train")), sees | {"scratch"}
    for command in manifest.after:
        location = view.location(place=command.place)
        if command.when is not None:
            yield parse_value(command.when, location, is_expression=True), sees
        for word in command.run:
            yield parse_value(word, location), sees
