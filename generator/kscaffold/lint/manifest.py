"""Checks of the manifest: expressions, questions, rules and targets."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from kscaffold.errors import AnswerError
from kscaffold.lint.findings import Finding
from kscaffold.lint.view import View
from kscaffold.project.answers import Interview
from kscaffold.template.manifest import File, Question, Value


def taken_names(view: View) -> Iterator[Finding]:
    """Find questions that have the name of another option."""
    for name in view.manifest.questions.keys() & view.taken:
        message = f"`kscaffold new` has an option {name!r}"
        yield view.location("questions", name).finding("taken-name", message, "choose another name")


def bad_defaults(view: View) -> Iterator[Finding]:
    """Find defaults, other than templates, that the question itself refuses."""
    for question in view.manifest.questions.values():
        value = question.default
        if value is None or (isinstance(value, str) and "{" in value):
            continue
        if reason := _refusal(view, question, value):
            location = view.location("questions", question.name, "default")
            message = f"the default is refused: {reason}"
            yield location.finding("bad-default", message, "give one that is accepted")


def impossible_rules(view: View) -> Iterator[Finding]:
    """Find rules about answers that their questions refuse."""
    for rule in view.manifest.rules:
        for key, answers in (("requires", rule.requires), ("conflicts", rule.conflicts)):
            for name, value in answers.items():
                if reason := _refusal(view, view.manifest.questions[name], value):
                    message = f"what it {key} is refused: {reason}"
                    location = view.location(key, place=rule.place)
                    fix = "give a value that the question accepts"
                    yield location.finding("rule-impossible", message, fix)


def _refusal(view: View, question: Question, value: Value) -> str | None:
    """Return why a question refuses a value, or None."""
    if question.type == "path":
        return None  # which depends on the files that are there
    first = next(iter(view.manifest.questions.values()))
    interview = Interview(view.manifest, {}, view.tools, until=first)
    try:
        accepted = interview.accept(question, value)
    except AnswerError as error:
        return str(error)
    return None if accepted == value else f"{question.name}: it is read as {accepted!r}"


def bad_paths(view: View) -> Iterator[Finding]:
    """Find targets that leave the project, or are not valid names on every system."""
    for file in view.manifest.files:
        if problem := file.target_problem:
            message = f"it is written to {file.target!r}: {problem}"
            location = view.location_of(file, "target")
            yield location.finding("bad-path", message, "give another target")


def same_targets(view: View) -> Iterator[Finding]:
    """Find files that the same answers write to the same target."""
    seen: dict[str, list[File]] = {}
    for file in view.manifest.files:
        others = seen.setdefault(unicodedata.normalize("NFC", file.target).casefold(), [])
        # Different conditions may exclude each other.
        for other in others:
            if None in (file.when, other.when) or file.when == other.when:
                same = other.target == file.target
                how = "" if same else ", one file on systems that ignore case"
                yield view.location_of(file, "target").finding(
                    "shadowed-file" if same else "case-collision",
                    f"both {other.target!r} and {file.target!r} are written{how}",
                    "give one of them another target, or each a `when` of its own",
                )
        if file.when not in [other.when for other in others]:
            others.append(file)
