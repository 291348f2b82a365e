"""The questions on a terminal: arrow keys, defaults, each answer checked at once."""

from __future__ import annotations

from collections.abc import Callable

import click
import questionary

from kscaffold.answers import Interview, Value
from kscaffold.errors import AnswerError, TemplateError
from kscaffold.manifest import Question
from kscaffold.scaffold import Scaffold

BACK = "<"
BACK_CHOICE = "< back"
HINT = f"Enter takes the default; {BACK} goes back to the question before.\n"


def ask(scaffold: Scaffold, given: dict[str, object]) -> dict[str, object]:
    """Ask every question that applies and is not answered; returns all that is given then.

    Raises:
        AnswerError: what was given before is not accepted.
        click.Abort: the person pressed Ctrl-C.
    """
    click.echo(click.style(HINT, dim=True))
    questions = [
        question
        for name, question in scaffold.template.manifest.questions.items()
        if name not in given
    ]
    remembered: dict[str, Value] = {}
    asked: list[int] = []
    index = 0
    while index < len(questions):
        question = questions[index]
        before = {questions[i].name: remembered[questions[i].name] for i in asked}
        interview = Interview(
            scaffold.template.manifest, {**given, **before}, scaffold.tools, until=question
        )
        if not interview.applies(question) or _is_forced(interview, question):
            index += 1
            continue
        answer = _ask_one(question, interview, remembered.get(question.name), first=not asked)
        if answer == BACK:
            index = asked.pop() if asked else index
            continue
        remembered[question.name] = answer
        asked.append(index)
        index += 1
    return {**given, **{questions[i].name: remembered[questions[i].name] for i in asked}}


def _is_forced(interview: Interview, question: Question) -> bool:
    """Tell whether an earlier answer decides this one."""
    try:
        return any(
            question.name in rule.requires
            and interview.tools.evaluator.value(rule.when, interview.values)
            for rule in interview.manifest.rules
        )
    except TemplateError:  # the rule is about a later question
        return False


def _ask_one(question: Question, interview: Interview, remembered: Value, *, first: bool) -> Value:
    try:
        default = interview.default(question) if remembered is None else remembered
    except AnswerError:
        default = None
    if question.type in ("bool", "choice"):
        answer = _select(question, default, first=first)
    else:
        answer = questionary.text(
            question.help,
            default=str(default or ""),
            validate=_validator(question, interview),
        ).unsafe_ask()
    return answer if answer == BACK else interview.accept(question, answer)


def _select(question: Question, default: Value, *, first: bool) -> str:
    choices = list(question.choices) or ["yes", "no"]
    if isinstance(default, bool):
        default = "yes" if default else "no"
    back = [] if first else [questionary.Choice(BACK_CHOICE, value=BACK)]
    answer: str = questionary.select(
        question.help, choices=[*choices, *back], default=default
    ).unsafe_ask()
    return answer


def _validator(question: Question, interview: Interview) -> Callable[[str], bool | str]:
    def validate(text: str) -> bool | str:
        if text.strip() == BACK:
            return True
        try:
            interview.accept(question, text)
        except AnswerError as error:
            return str(error).partition(": ")[2]
        return True

    return validate
