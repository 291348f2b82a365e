"""The expressions and templates of a manifest, each with the names that it may use."""

from __future__ import annotations

from collections.abc import Iterator

from kscaffold.lint.findings import Location
from kscaffold.lint.parsing import Parsed, parse_expression, parse_text
from kscaffold.lint.view import View
from kscaffold.template.manifest import GIVEN

# A text, whether it is an expression, its place, and the names that it may use.
_Text = tuple[str | None, bool, Location, frozenset[str]]


def expressions(view: View) -> Iterator[tuple[Parsed, frozenset[str]]]:
    """Yield every expression and template of the manifests, with the names that it may use."""
    for part in (_of_answers, _of_derived, _of_files, _of_others):
        for text, is_expression, location, sees in part(view):
            if text is not None:
                parse = parse_expression if is_expression else parse_text
                yield parse(view.renderer, text, location), sees


def names_in_files(view: View) -> frozenset[str]:
    """Return the names that template files may use."""
    manifest = view.manifest
    return frozenset({*manifest.questions, *manifest.found, *manifest.derived, *GIVEN})


def _of_answers(view: View) -> Iterator[_Text]:
    sees = frozenset({"target_name"})
    for name, question in view.manifest.questions.items():
        for key in ("when", "default", "otherwise"):
            if isinstance(text := getattr(question, key), str):
                yield text, key == "when", view.location("questions", name, key), sees
        sees |= {name}
    for rule in view.manifest.rules:
        yield rule.when, True, view.location("when", place=rule.place), sees


def _of_derived(view: View) -> Iterator[_Text]:
    sees = frozenset({*view.manifest.questions, *view.manifest.found, *GIVEN})
    for name, text in view.manifest.derived.items():
        yield text, True, view.location("derived", name), sees
        sees |= {name}


def _of_files(view: View) -> Iterator[_Text]:
    sees = names_in_files(view)
    for file in view.manifest.files:
        yield file.target, False, view.location_of(file, "target"), sees
        yield file.when, True, view.location_of(file, "when"), sees


def _of_others(view: View) -> Iterator[_Text]:
    manifest, sees = view.manifest, names_in_files(view)
    before = frozenset({"target_name"})
    yield manifest.messages.before, False, view.location("messages", "before"), before
    yield manifest.messages.after, False, view.location("messages", "after"), sees
    for word in manifest.test.train:
        yield word, False, view.location("test", "train"), sees | {"scratch"}
    for command in manifest.after:
        location = view.location(place=command.place)
        yield command.when, True, location, sees
        yield from ((word, False, location, sees) for word in command.run)
