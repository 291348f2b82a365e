"""What the manifest says of its own questions: defaults and rules that they refuse."""

from __future__ import annotations

from collections.abc import Iterator

from kscaffold.errors import AnswerError
from kscaffold.lint.findings import Finding
from kscaffold.lint.subject import Subject
from kscaffold.project.answers import Interview
from kscaffold.template.manifest import Question, Value


def bad_defaults(subject: Subject) -> Iterator[Finding]:
    """Find defaults, other than templates, that the question itself refuses."""
    for question in subject.manifest.questions.values():
        value = question.default
        if value is None or (isinstance(value, str) and "{" in value) or question.type == "path":
            continue
        if reason := _refusal(subject, question, value):
            spot = subject.spot("questions", question.name, "default")
            message = f"the default is refused: {reason}"
            yield subject.finding("bad-default", spot, message, "give one that is accepted")


def impossible_rules(subject: Subject) -> Iterator[Finding]:
    """Find rules that speak of an answer that its question never takes."""
    for rule in subject.manifest.rules:
        for key, answers in (("requires", rule.requires), ("conflicts", rule.conflicts)):
            for name, value in answers.items():
                question = subject.manifest.questions[name]
                if question.type != "path" and (reason := _refusal(subject, question, value)):
                    spot = subject.spot(key, place=rule.place)
                    fix = "give a value that the question takes"
                    message = f"what it {key} is refused: {reason}"
                    yield subject.finding("rule-impossible", spot, message, fix)


def _refusal(subject: Subject, question: Question, value: Value) -> str | None:
    """Return why a question refuses a value, or None."""
    first = next(iter(subject.manifest.questions.values()))
    interview = Interview(subject.manifest, {}, subject.scaffold.tools, until=first)
    try:
        accepted = interview.accept(question, value)
    except AnswerError as error:
        return str(error)
    return None if accepted == value else f"{question.name}: it is read as {accepted!r}"
