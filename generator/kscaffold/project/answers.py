"""Complete and validate what was given: Answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kscaffold.errors import AnswerError
from kscaffold.hints import near_or_all
from kscaffold.project.accept import spelled
from kscaffold.project.found import Tools
from kscaffold.project.interview import Interview
from kscaffold.tables.inspection import Inspection
from kscaffold.template.manifest import AnswerRule, Manifest, Question, Value

__all__ = ["Answers", "Interview", "Tools", "resolve", "spelled"]


@dataclass(frozen=True)
class Answers:
    """A legal answer to every question, in the manifest's order; None if one does not apply."""

    values: Mapping[str, Value]
    chosen: Mapping[str, Value]  # those given that differ from the defaults
    notices: tuple[str, ...]  # about answers that rules have set
    table: Inspection | None = None  # what is learned from the table that they name


def resolve(manifest: Manifest, given: Mapping[str, object], tools: Tools) -> Answers:
    """Complete what was given to a legal answer to every question.

    Raises:
        AnswerError: a question is unknown, or an answer is refused or conflicts with another.
        TemplateError: an expression of the manifest is broken.
    """
    tools.renderer.budget.renew()
    for name in given:
        if name not in manifest.questions:
            hint = near_or_all(name, manifest.questions)
            raise AnswerError(f"no question {name!r}", hint=hint)
    required: dict[str, Value] = {}
    notices: list[str] = []
    interview = Interview(manifest, given, tools)
    while forced := next(_broken(interview, "requires"), None):
        question, value, rule = forced
        cause = _cause(manifest, rule)
        if question.name in given or question.name in required:
            raise _conflict(question, interview.values[question.name], cause, rule)
        notices.append(f"{cause} needs {_shown(question, value)}: {rule.message}")
        required[question.name] = value
        interview = Interview(manifest, given, tools, required=required)
    for question, value, rule in _broken(interview, "conflicts"):
        raise _conflict(question, value, _cause(manifest, rule), rule)
    values = {name: interview.values[name] for name in manifest.questions}
    chosen = {n: values[n] for n in given if values[n] != interview.defaults.get(n)}
    return Answers(values, chosen, tuple(notices))


def _broken(interview: Interview, key: str) -> Iterator[tuple[Question, Value, AnswerRule]]:
    """Yield what breaks a rule: answers that it requires and lacks, or those that conflict."""
    for rule in interview.manifest.rules:
        answers: Mapping[str, Value] = getattr(rule, key)
        if not answers or not interview.holds(rule):
            continue
        for name, value in answers.items():
            is_answer = interview.values.get(name) == value
            if is_answer == (key == "conflicts"):
                yield interview.manifest.questions[name], value, rule


def _conflict(question: Question, value: Value, cause: str, rule: AnswerRule) -> AnswerError:
    return AnswerError(f"{_shown(question, value)} does not go with {cause}: {rule.message}")


def _shown(question: Question, value: Value) -> str:
    if question.secret:
        return f"{question.option} <{question.name}>"
    if isinstance(value, bool):
        return question.option if value else f"--no-{question.option[2:]}"
    return f"{question.option} {spelled(value)}"


def _cause(manifest: Manifest, rule: AnswerRule) -> str:
    cause = rule.cause or rule.when
    if cause == "true":
        return "this template"
    question = manifest.questions.get(cause)
    return question.option if question else cause
