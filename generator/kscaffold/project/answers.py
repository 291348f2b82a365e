"""Manifest and what was given become Answers: complete, validated, frozen."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from kscaffold.errors import AnswerError, Place, TemplateError, place_named
from kscaffold.hints import enumerated, near, near_or_all
from kscaffold.project.inspectors import InspectionError, inspected
from kscaffold.project.package_names import refusal
from kscaffold.safety.escaping import quote, unsafe_character
from kscaffold.safety.files import MAX_TEXT, read_regular
from kscaffold.tables.inspection import Inspection
from kscaffold.template.manifest import Manifest, Question, Rule, Value
from kscaffold.template.manifest.tables import InspectTable
from kscaffold.toml import TomlError, parse_toml

WORDS = {
    **dict.fromkeys(("yes", "true", "on", "1", "y"), True),
    **dict.fromkeys(("no", "false", "off", "0", "n"), False),
}


class Evaluator(Protocol):
    """What evaluates the templates and expressions of a manifest."""

    def text(self, template: str, values: Mapping[str, object]) -> str:
        """Render a template."""

    def value(self, expression: str, values: Mapping[str, object]) -> object:
        """Evaluate an expression."""


@dataclass(frozen=True)
class Tools:
    """What the answers are worked out with.

    Attributes:
        evaluator: evaluates templates and expressions of the manifest.
        inspect: calls an inspector by its name, with arguments.
        carried: finds a file that the template carries, by its path in the template.
        target_name: the last component of the project's path, for defaults.
        matches: tells whether a pattern matches a whole text.
    """

    evaluator: Evaluator
    inspect: Callable[..., str]
    carried: Callable[[str], str]
    target_name: str
    matches: Callable[[str, str], bool] = lambda pattern, text: bool(re.fullmatch(pattern, text))


@dataclass(frozen=True)
class Answers:
    """A legal answer to every question.

    Attributes:
        values: each question's answer, in the manifest's order; None where it does not apply.
        chosen: the answers that were given and are not what would have been taken anyway.
        notices: what was decided along the way and should be said.
        found: what the manifest looks up in tables; None: it was not looked up yet.
        table: what is learned from the table that they name; None: there is none.
    """

    values: Mapping[str, Value]
    chosen: Mapping[str, Value]
    notices: tuple[str, ...]
    found: Mapping[str, str] | None = None
    table: Inspection | None = None


def resolve(manifest: Manifest, given: Mapping[str, object], tools: Tools) -> Answers:
    """Complete what was given to a legal answer to every question.

    Raises:
        AnswerError: a key or a value that the template does not accept, or answers that do not go
            together.
        TemplateError: an expression of the manifest is broken.
    """
    for name in given:
        if name not in manifest.questions:
            hint = near_or_all(name, manifest.questions)
            raise AnswerError(f"no question {name!r}", hint=hint)
    required: dict[str, Value] = {}
    notices: list[str] = []
    interview = Interview(manifest, given, tools)
    while forced := next(interview.forced(), None):
        name, value, rule = forced
        question = manifest.questions[name]
        cause = _cause(manifest, rule)
        if name in given or name in required:
            raise _conflict(question, interview.values[name], cause, rule)
        notices.append(f"{cause} needs {_shown(question, value)}: {rule.message}")
        required[name] = value
        interview = Interview(manifest, given, tools, required=required)
    interview.check_conflicts()
    values = {name: interview.values[name] for name in manifest.questions}
    chosen = {n: values[n] for n in given if values[n] != interview.defaults.get(n)}
    return Answers(values, chosen, tuple(notices))


class Interview:
    """The questions answered in their order, from what was given and from defaults.

    `until` stops before a question, so that a prompt can ask it with its default. `required` are
    the answers that the template's rules give; those of `given` are the user's own.
    """

    def __init__(
        self,
        manifest: Manifest,
        given: Mapping[str, object],
        tools: Tools,
        until: Question | None = None,
        required: Mapping[str, object] | None = None,
    ) -> None:
        self.manifest = manifest
        self.given = {**(required or {}), **given}
        self.users = frozenset(given)
        self.tools = tools
        self.values: dict[str, Value] = {"target_name": tools.target_name}
        self.defaults: dict[str, Value] = {}
        for question in manifest.questions.values():
            if question is until:
                return
            self.values[question.name] = self._settle(question)

    def applies(self, question: Question) -> bool:
        """Return whether a question's `when` holds, and no choice answers it."""
        if self._settled(question):
            return False
        if question.when is None:
            return True
        with place_named(question.place, "when"):
            return bool(self.tools.evaluator.value(question.when, self.values))

    def _settled(self, question: Question) -> tuple[str, Value] | None:
        """Return the option of the choice that answers a question, and the answer."""
        for when, option, value in question.settled:
            if self.tools.evaluator.value(when, self.values):
                return option, self.accept(question, value)
        return None

    def holds(self, rule: Rule) -> bool:
        """Return whether a rule's `when` holds."""
        with place_named(rule.place, "when"):
            return bool(self.tools.evaluator.value(rule.when, self.values))

    def forced(self) -> Iterator[tuple[str, Value, Rule]]:
        """Yield each answer that a rule asks for and that is another one."""
        for rule in self.manifest.rules:
            if self.holds(rule):
                for name, value in rule.requires.items():
                    if self.values.get(name) != value:
                        yield name, value, rule

    def check_conflicts(self) -> None:
        """Refuse answers that a rule does not let go together; raises `AnswerError`."""
        for rule in self.manifest.rules:
            if rule.conflicts and self.holds(rule):
                for name, value in rule.conflicts.items():
                    if self.values.get(name) == value:
                        question, cause = self.manifest.questions[name], _cause(self.manifest, rule)
                        raise _conflict(question, value, cause, rule)

    def default(self, question: Question) -> Value:
        """Return what is taken if nothing is given."""
        if question.inspect is not None and self._has_values(question, question.inspect):
            return self._inspected(question, question.inspect)
        if isinstance(question.default, str):
            with place_named(question.place, "default"), _option_named(question):
                return self.tools.evaluator.text(question.default, self.values)
        if question.type == "choice":
            return question.choices[0]
        if question.default is None:
            return _EMPTY.get(question.type)
        return question.default

    def accept(self, question: Question, raw: object) -> Value:
        """Return the value of an answer; raises `AnswerError` if the question refuses it."""
        value = _ACCEPT[question.type](question, raw)
        if question.pattern and not self._matches(question, question.pattern, str(value)):
            reason = question.message or f"must match {question.pattern}"
            raise _refusal(question, f"{reason}{_not(question, value)}")
        return value

    def _matches(self, question: Question, pattern: str, text: str) -> bool:
        with place_named(question.place, "pattern"):
            return self.tools.matches(pattern, text)

    def _settle(self, question: Question) -> Value:
        if not self.applies(question):
            value = self._otherwise(question)
            # The record of a project's answers has this one, too.
            given = self.given.get(question.name, value)
            if (tuple(given) if isinstance(given, list) else given) != value:
                raise _refusal(question, self._why_not_asked(question))
            return value
        if question.name not in self.given:
            value = self.accept(question, self.default(question))
            self.defaults[question.name] = value
            return value
        # What was given makes a default unnecessary.
        with suppress(AnswerError):
            self.defaults[question.name] = self.default(question)
        return self.accept(question, self.given[question.name])

    def _why_not_asked(self, question: Question) -> str:
        if settled := self._settled(question):
            return f"is {spelled(settled[1])} with {settled[0]}"
        return f"is only asked when {question.when}"

    def _otherwise(self, question: Question) -> Value:
        if settled := self._settled(question):
            return settled[1]
        if isinstance(question.otherwise, str):
            with place_named(question.place, "otherwise"):
                return self.tools.evaluator.text(question.otherwise, self.values)
        return question.otherwise

    def _has_values(self, question: Question, inspect: InspectTable) -> bool:
        """Return whether what an inspector looks at is answered, and not left out."""
        for name in inspect.arguments:
            if name not in self.values:
                reason = f"no earlier question {name!r}"
                raise TemplateError(reason, place=question.place, key="inspect")
        return all(self.values[name] is not None for name in inspect.arguments)

    def _inspected(self, question: Question, inspect: InspectTable, key: str = "inspect") -> str:
        """Return what is found in a file; an error names the question to blame."""
        place = question.place
        return look_up(self.manifest, inspect, place, key, self.values, self.users, self.tools)

    def is_prompted(self, question: Question) -> bool:
        """Return whether a question is asked on a terminal."""
        if isinstance(question.prompt, bool):
            return question.prompt
        return bool(self._inspected(question, question.prompt, "prompt"))

    def suggestions(self, question: Question) -> list[str]:
        """Return words that complete an answer."""
        if question.suggest is None:
            return []
        return self._inspected(question, question.suggest, "suggest").splitlines()


def find_values(manifest: Manifest, answers: Answers, tools: Tools) -> Answers:
    """Return the answers with what the manifest looks up in tables; it is looked up once.

    Raises:
        AnswerError: a table cannot be used.
    """
    if answers.found is not None:
        return answers
    found = {}
    for name, inspect in manifest.found.items():
        if all(answers.values[each] is not None for each in inspect.arguments):
            place = manifest.place_of("found", name)
            found[name] = look_up(
                manifest, inspect, place, name, answers.values, {*answers.chosen}, tools
            )
    return replace(answers, found=found)


def with_table(manifest: Manifest, answers: Answers, tools: Tools) -> Answers:
    """Return the answers with what is learned from the table that they name, if they name one."""
    for inspect in manifest.found.values():
        if inspect.function == "csv_columns":
            named, *others = (answers.values[name] for name in inspect.arguments)
            asked = manifest.questions[inspect.arguments[0]]
            file = readable(asked, answers.values, {*answers.chosen}, tools)
            made = inspected(file, *others)  # type: ignore[arg-type]
            look = replace(made.look, path=Path(str(named)))
            return replace(answers, table=replace(made, look=look))
    return answers


def look_up(
    manifest: Manifest,
    inspect: InspectTable,
    place: Place,
    key: str,
    values: Mapping[str, Value],
    named: Collection[str],
    tools: Tools,
) -> str:
    """Return what an inspector finds in a file.

    Args:
        manifest: whose questions are its arguments.
        inspect: the inspector.
        place: where it is called.
        key: the key that calls it.
        values: the answers.
        named: the questions that the user answered.
        tools: how it is called.

    Raises:
        AnswerError: an answer is to blame.
        TemplateError: the template is.
    """
    asked = [manifest.questions[name] for name in inspect.arguments]
    with place_named(place, key):
        file = readable(asked[0] if asked else None, values, named, tools)
        try:
            return tools.inspect(inspect.function, file, *(values[each.name] for each in asked[1:]))
        except InspectionError as error:
            raise _refusal(asked[error.argument], error.reason, error.hint) from None


def readable(
    asked: Question | None, values: Mapping[str, Value], named: Collection[str], tools: Tools
) -> str:
    """Return the path of a file that the user names, or that the template carries.

    Any other file of the user's is none of the template's business.
    """
    if asked is None or asked.type != "path":
        raise TemplateError("its first argument must be a question of the type 'path'")
    value = str(values[asked.name])
    if value in asked.carried:
        return tools.carried(asked.carried[value])
    if asked.name not in named:
        hint = f"give {asked.option} FILE (its default is {value})"
        raise _refusal(asked, "a template reads no file that you do not name", hint)
    return value


def _accept_bool(question: Question, raw: object) -> Value:
    value = raw if isinstance(raw, bool) else WORDS.get(str(raw).strip().lower())
    if value is None:
        raise _refusal(question, f"must be yes or no, not {raw!r}")
    return value


def _accept_choice(question: Question, raw: object) -> Value:
    if raw not in question.choices:
        hint = near(str(raw), question.choices)
        raise _refusal(question, f"must be {enumerated(question.choices)}, not {raw!r}", hint)
    return str(raw)


def _accept_str(question: Question, raw: object) -> Value:
    if not isinstance(raw, str):
        raise _refusal(question, f"must be text{_not(question, raw)}")
    text = raw.strip()
    if len(text) > question.max_length:
        hint = f"at most {question.max_length}"
        raise _refusal(question, f"{len(text)} characters are too many", hint)
    if unsafe := unsafe_character(text):
        raise _refusal(question, f"must be one plain line, but holds {unsafe}")
    if question.required and not text:
        raise _refusal(question, "must not be empty")
    if question.validate == "module":
        _check_module(question, text)
    return text


def _check_module(question: Question, text: str) -> None:
    reserved = "is a module that the project imports or uses" if text in question.reserved else None
    if reason := reserved or refusal(text):
        raise _refusal(question, f"{text!r} {reason}")


def _accept_int(question: Question, raw: object) -> Value:
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    if not re.fullmatch(r"[+-]?\d{1,18}", str(raw).strip(), re.ASCII):
        raise _refusal(question, f"must be a whole number, not {raw!r}")
    return int(str(raw))


def _accept_float(question: Question, raw: object) -> Value:
    try:
        value = float(raw) if isinstance(raw, (str, int, float)) else math.nan
    except (ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value) or isinstance(raw, bool):
        raise _refusal(question, f"must be a number, not {raw!r}")
    return value


def _accept_several(question: Question, raw: object) -> Value:
    listed = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(listed, (list, tuple)):
        raise _refusal(question, f"must be a list, not {raw!r}")
    given = [str(choice).strip() for choice in listed]
    for choice in filter(None, given):
        _accept_choice(question, choice)
    # In the manifest's order, so that the order of the answer changes nothing.
    return tuple(choice for choice in question.choices if choice in given)


def _accept_list(question: Question, raw: object) -> Value:
    listed = (raw,) if isinstance(raw, str) else raw
    if not isinstance(listed, (list, tuple)):
        raise _refusal(question, f"must be a list, not {raw!r}")
    return tuple(str(_accept_str(question, each)) for each in listed)


def _accept_path(question: Question, raw: object) -> Value:
    text = _accept_str(question, raw)
    if text in question.carried:
        return text
    path = Path(os.path.abspath(os.path.expanduser(str(text))))  # noqa: PTH100, PTH111
    if question.must_exist and not path.is_file():
        raise _refusal(question, f"no such file: {path}")
    return path.as_posix()


_ACCEPT: dict[str, Callable[[Question, object], Value]] = {
    "bool": _accept_bool,
    "int": _accept_int,
    "float": _accept_float,
    "multi-choice": _accept_several,
    "choice": _accept_choice,
    "str": _accept_str,
    "path": _accept_path,
    "list": _accept_list,
}

# What is taken where a question has no default.
_EMPTY: dict[str, Value] = {"str": "", "int": 0, "float": 0.0, "multi-choice": (), "list": ()}


@contextmanager
def _option_named(question: Question) -> Iterator[None]:
    """Give an error about an answer from within the question's option."""
    try:
        yield
    except AnswerError as error:
        error.key = error.key or question.option
        raise


def _refusal(question: Question, reason: str, hint: str = "") -> AnswerError:
    return AnswerError(reason, key=question.option, hint=hint)


def _conflict(question: Question, value: Value, cause: str, rule: Rule) -> AnswerError:
    return AnswerError(f"{_shown(question, value)} does not go with {cause}: {rule.message}")


def _not(question: Question, raw: object) -> str:
    """Return what was given instead, for an error; a secret is not shown."""
    return "" if question.secret else f", not {raw!r}"


def _shown(question: Question, value: Value) -> str:
    if question.secret:
        return f"{question.option} <{question.name}>"
    if isinstance(value, bool):
        return question.option if value else f"--no-{question.option[2:]}"
    return f"{question.option} {spelled(value)}"


def spelled(value: Value) -> str:
    """Return an answer as the command line takes it."""
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _cause(manifest: Manifest, rule: Rule) -> str:
    cause = rule.cause or rule.when
    if cause == "true":
        return "this template"
    question = manifest.questions.get(cause)
    return question.option if question else cause


def to_toml(values: Mapping[str, Value]) -> str:
    """Return answers as lines of TOML; an answer of None is left out."""
    return "".join(
        f"{name} = {str(value).lower() if isinstance(value, bool) else quote(value)}\n"
        for name, value in values.items()
        if value is not None
    )


def read_data_file(path: Path) -> dict[str, object]:
    """Read answers from TOML: a flat file, or the answers.toml of a project.

    Raises:
        AnswerError: it cannot be read, or is no TOML.
    """
    try:
        values = parse_toml(read_regular(path, MAX_TEXT))
    except OSError as error:
        reason = str(error.strerror)
    except TomlError as error:
        reason = f"is not valid TOML: {error}"
    else:
        answers = values.get("answers")
        return dict(answers) if isinstance(answers, dict) and "kscaffold" in values else values
    raise AnswerError(reason, place="--data-file", key=str(path))
