"""The expressions and templates of a manifest, each with the names that it may use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from kscaffold.lint.findings import Location
from kscaffold.lint.parsing import Parsed, parse_expression, parse_text
from kscaffold.lint.view import View
from kscaffold.template.manifest import GIVEN


@dataclass(frozen=True)
class _Text:
    """A text of a manifest, if it is there: an expression, or else a template."""

    text: str | None
    location: Location
    sees: frozenset[str]  # the names that it may use
    is_expression: bool = False


@lru_cache(maxsize=1)  # several checks in turn look at the same view
def expressions(view: View) -> tuple[tuple[Parsed, frozenset[str]], ...]:
    """Return every expression and template of the manifests, with the names that it may use."""
    return tuple(
        (
            (parse_expression if each.is_expression else parse_text)(each.text, each.location),
            each.sees,
        )
        for part in (_of_answers, _of_derived, _of_files, _of_others)
        for each in part(view)
        if each.text is not None
    )


def names_in_files(view: View) -> frozenset[str]:
    """Return the names that template files may use."""
    manifest = view.manifest
    return frozenset({*manifest.questions, *manifest.found, *manifest.derived, *GIVEN})


def _of_answers(view: View) -> Iterator[_Text]:
    sees = frozenset({"target_name"})
    for name, question in view.manifest.questions.items():
        for key in ("when", "default", "otherwise"):
            if isinstance(text := getattr(question, key), str):
                location = view.location("questions", name, key)
                yield _Text(text, location, sees, is_expression=key == "when")
        sees |= {name}
    for rule in view.manifest.rules:
        location = view.location("when", place=rule.place)
        yield _Text(rule.when, location, sees, is_expression=True)


def _of_derived(view: View) -> Iterator[_Text]:
    sees = frozenset({*view.manifest.questions, *view.manifest.found, *GIVEN})
    for name, text in view.manifest.derived.items():
        yield _Text(text, view.location("derived", name), sees, is_expression=True)
        sees |= {name}


def _of_files(view: View) -> Iterator[_Text]:
    sees = names_in_files(view)
    for file in view.manifest.files:
        yield _Text(file.target, view.location_of(file, "target"), sees)
        yield _Text(file.when, view.location_of(file, "when"), sees, is_expression=True)


def _of_others(view: View) -> Iterator[_Text]:
    manifest, sees = view.manifest, names_in_files(view)
    before = frozenset({"target_name"})
    yield _Text(manifest.messages.before, view.location("messages", "before"), before)
    yield _Text(manifest.messages.after, view.location("messages", "after"), sees)
    for word in manifest.test.train:
        yield _Text(word, view.location("test", "train"), sees | {"scratch"})
    for command in manifest.after:
        location = view.location(place=command.place)
        yield _Text(command.when, location, sees, is_expression=True)
        yield from (_Text(word, location, sees) for word in command.run)
