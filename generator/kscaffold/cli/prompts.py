"""Ask the questions on a terminal; each answer is checked at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import questionary
from prompt_toolkit.completion import Completer, PathCompleter, WordCompleter

from kscaffold.cli.terminal import Styled, echo
from kscaffold.errors import AnswerError, TemplateError
from kscaffold.hints import visible
from kscaffold.project.accept import accept
from kscaffold.project.answers import Interview, resolve, spelled
from kscaffold.project.pipeline import Scaffold, choose
from kscaffold.template.manifest import Question, Value

BACK = "<"
BACK_CHOICE = "< back"
HINT = f"Enter accepts the default, {BACK} goes back, Ctrl-C quits.\n"


def ask(scaffold: Scaffold, given: dict[str, object]) -> dict[str, object]:
    """Ask every open question; returns all answers, or raises `AnswerError` for a given one."""
    _check_given(scaffold, given)
    echo(Styled(HINT, dim=True), keep="\n")
    remembered: dict[str, Value] = {}
    asked: list[str] = []
    while True:
        answers = {**given, **{name: remembered[name] for name in asked}}
        try:
            upcoming = _upcoming(scaffold, answers, asked)
        except AnswerError as error:
            if not asked:
                raise
            # The last answer conflicts with the others: ask it again.
            echo(Styled(f"  {error}", fg="red"))
            del remembered[asked.pop()]
            continue
        if upcoming is None:
            return answers
        question, interview, default = upcoming
        default = remembered.get(question.name, default)
        answer = _ask_one(question, interview, default, first=not asked)
        if answer != BACK:
            remembered[question.name] = answer
            asked.append(question.name)
        elif asked:
            asked.pop()


def _check_given(scaffold: Scaffold, given: dict[str, object]) -> None:
    """Check what was given before the first question is asked; raises `AnswerError`."""
    manifest, tools = scaffold.template.manifest, scaffold.tools
    interview = Interview(manifest, {}, tools, until=next(iter(manifest.questions.values())))
    for name, raw in given.items():
        if name in manifest.questions:
            interview.accept(manifest.questions[name], raw)
        else:
            resolve(manifest, {name: raw}, tools)


def _upcoming(
    scaffold: Scaffold, answers: dict[str, object], asked: list[str]
) -> tuple[Question, Interview, Value] | None:
    """Return the next question, the interview so far and its default; raises `AnswerError`."""
    manifest, tools = scaffold.template.manifest, scaffold.tools
    tools.renderer.budget.renew()
    for question in manifest.questions.values():
        if question.name in answers or len(question.choices) == 1:
            continue
        interview = Interview(manifest, answers, tools, until=question)
        if not interview.applies(question) or _is_forced(interview, question):
            continue
        if interview.is_prompted(question):
            return question, interview, _default(interview, question, asked)
    settled = resolve(manifest, answers, tools)
    # What is found in a table is a reason to refuse answers, too.
    choose(scaffold, settled).finder(settled).found()
    return None


def _is_forced(interview: Interview, question: Question) -> bool:
    """Return whether an earlier answer decides this one."""
    try:
        return any(
            question.name in rule.requires and interview.holds(rule)
            for rule in interview.manifest.rules
        )
    except TemplateError:  # the rule is about a later question
        return False


def _default(interview: Interview, question: Question, asked: list[str]) -> Value:
    try:
        default = interview.default(question)
        # The template reads this file, so its name must come from the user.
        if question.name in interview.manifest.inspected and default not in question.carried:
            return None
        return default
    except AnswerError as error:
        # A default that is read from the file of the last answer shows that answer to be wrong.
        if asked and error.key == interview.manifest.questions[asked[-1]].option:
            raise
        return None


def _ask_one(question: Question, interview: Interview, default: Value, *, first: bool) -> Value:
    text = visible(question.help)
    back = [] if first else [questionary.Choice(BACK_CHOICE, value=BACK)]
    answer: object
    if question.type in ("bool", "choice"):
        choices = [*_choices(question.choices or ("yes", "no")), *back]
        is_known = isinstance(default, bool) or default in question.choices
        preset = spelled(default) if is_known else None
        answer = questionary.select(text, choices=choices, default=preset).unsafe_ask()
    elif question.type == "multi-choice":
        chosen = _preset(question, default)
        choices = [*_choices(question.choices, chosen), *back]
        several = questionary.checkbox(text, choices=choices).unsafe_ask()
        answer = BACK if BACK in several else tuple(several)
    else:
        answer = _typed(question, interview, "" if default is None else spelled(default))
        if question.type == "list" and answer != BACK:
            answer = [word.strip() for word in str(answer).split(",") if word.strip()]
    return answer if answer == BACK else interview.accept(question, answer)


def _preset(question: Question, default: Value) -> tuple[str, ...]:
    """Return the choices that a default names; it may be the text of a template."""
    try:
        value = accept(question, default)
    except AnswerError:
        return ()
    return value if isinstance(value, tuple) else ()


def _choices(names: Sequence[str], chosen: Sequence[str] = ()) -> list[questionary.Choice]:
    return [questionary.Choice(visible(name), name, checked=name in chosen) for name in names]


def _completer(question: Question, interview: Interview) -> Completer:
    """Return what completes an answer: paths, or what the template suggests."""
    if question.type == "path":
        return PathCompleter(expanduser=True)
    words = interview.suggestions(question)
    shown = [word for word in words if visible(word) == word]
    return WordCompleter(shown, sentence=True, match_middle=True)


def _typed(question: Question, interview: Interview, default: str) -> str:
    """Ask for text; an empty answer takes the default, which is shown in grey."""

    def validate(text: str) -> bool | str:
        if text.strip() == BACK:
            return True
        try:
            interview.accept(question, text or default)
        except AnswerError as error:
            return visible("; ".join(filter(None, (error.reason, error.hint))))
        return True

    ask_for = questionary.password if question.secret else questionary.text
    shown: dict[str, Any] = {
        "validate_while_typing": False,
        "placeholder": [("fg:ansibrightblack", visible(default))],
        "completer": _completer(question, interview),
    }
    answer: str = ask_for(
        visible(question.help), validate=validate, **({} if question.secret else shown)
    ).unsafe_ask()
    return BACK if answer.strip() == BACK else answer or default
