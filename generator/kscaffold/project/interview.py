"""The questions of a template, answered one after the other from what was given and defaults."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kscaffold.errors import AnswerError, TemplateError, place_named
from kscaffold.project.accept import accept, instead, option_named, spelled
from kscaffold.project.inspectors import InspectionError
from kscaffold.template.manifest import AnswerRule, Manifest, Question, Value

if TYPE_CHECKING:
    from kscaffold.project.render import Renderer

# What is taken where a question has no default.
_EMPTY: dict[str, Value] = {"str": "", "int": 0, "float": 0.0, "multi-choice": ()}


@dataclass(frozen=True)
class Tools:
    """What the answers are worked out with.

    Attributes:
        renderer: evaluates templates and expressions of the manifest.
        inspect: calls an inspector by its name, with arguments.
        carried: finds a file that the template carries, by its path in the template.
        target_name: the last component of the project's path, for defaults.
        matches: returns whether a pattern matches a whole text.
    """

    renderer: Renderer
    inspect: Callable[..., str]
    carried: Callable[[str], str]
    target_name: str
    matches: Callable[[str, str], bool] = lambda pattern, text: bool(re.fullmatch(pattern, text))


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
            with option_named(question):
                self.values[question.name] = self._settle(question)

    def applies(self, question: Question) -> bool:
        """Return whether a question's `when` holds, and no choice answers it."""
        if self._settled(question):
            return False
        if question.when is None:
            return True
        with place_named(question.place, "when"):
            return bool(self.tools.renderer.value(question.when, self.values))

    def holds(self, rule: AnswerRule) -> bool:
        """Return whether a rule's `when` holds."""
        with place_named(rule.place, "when"):
            return bool(self.tools.renderer.value(rule.when, self.values))

    def default(self, question: Question) -> Value:
        """Return what is taken if nothing is given."""
        if question.inspect and self._are_given(question, question.inspect.arguments):
            return self._inspected(question, question.inspect.function, question.inspect.arguments)
        if isinstance(question.default, str):
            with place_named(question.place, "default"), option_named(question):
                return self.tools.renderer.text(question.default, self.values)
        if question.type == "choice":
            return question.choices[0]
        return _EMPTY.get(question.type) if question.default is None else question.default

    def accept(self, question: Question, raw: object) -> Value:
        """Return the value of an answer; raises `AnswerError` if the question refuses it."""
        value = accept(question, raw)
        if question.pattern:
            with place_named(question.place, "pattern"):
                matches = self.tools.matches(question.pattern, str(value))
            if not matches:
                reason = question.message or f"must match {question.pattern}"
                raise AnswerError(f"{reason}{instead(question, value)}", key=question.option)
        return value

    def _settle(self, question: Question) -> Value:
        name = question.name
        if not self.applies(question):
            value = self._otherwise(question)
            # The record of a project's answers has this one, too.
            given = self.given.get(name, value)
            if (tuple(given) if isinstance(given, list) else given) != value:
                raise AnswerError(self._why_not_asked(question))
            return value
        if name not in self.given:
            self.defaults[name] = self.accept(question, self.default(question))
            return self.defaults[name]
        # What was given makes a default unnecessary.
        with suppress(AnswerError):
            self.defaults[name] = self.default(question)
        return self.accept(question, self.given[name])

    def _settled(self, question: Question) -> tuple[str, Value] | None:
        """Return the option of the choice that answers a question, and the answer."""
        for when, option, value in question.settled:
            if self.tools.renderer.value(when, self.values):
                return option, self.accept(question, value)
        return None

    def _why_not_asked(self, question: Question) -> str:
        if settled := self._settled(question):
            return f"is {spelled(settled[1])} with {settled[0]}"
        return f"is only asked when {question.when}"

    def _otherwise(self, question: Question) -> Value:
        if settled := self._settled(question):
            return settled[1]
        if isinstance(question.otherwise, str):
            with place_named(question.place, "otherwise"):
                return self.tools.renderer.text(question.otherwise, self.values)
        return question.otherwise

    def _are_given(self, question: Question, names: tuple[str, ...]) -> bool:
        """Return whether what an inspector looks at is answered, and not left out."""
        for name in names:
            if name not in self.values:
                reason = f"no earlier question {name!r}"
                raise TemplateError(reason, place=question.place, key="inspect")
        return all(self.values[name] is not None for name in names)

    def _inspected(self, question: Question, function: str, names: tuple[str, ...]) -> str:
        """Return the default that is found in a file; an error names the question to blame."""
        asked = [self.manifest.questions[name] for name in names]
        others = [str(self.values[name]) for name in names[1:]]
        with place_named(question.place, "inspect"):
            file = self._readable(question, asked[0] if asked else None)
            try:
                return self.tools.inspect(function, file, *others)
            except InspectionError as error:
                key = asked[error.argument].option
                raise AnswerError(error.reason, key=key, hint=error.hint) from None

    def _readable(self, question: Question, asked: Question | None) -> str:
        """Return the path of a file that the user names, or that the template carries.

        Any other file of the user's is none of the template's business.
        """
        if asked is None or asked.type != "path":
            raise TemplateError("its first argument must be a question of the type 'path'")
        value = str(self.values[asked.name])
        if value in asked.carried:
            return self.tools.carried(asked.carried[value])
        if asked.name not in self.users:
            hint = f"give {asked.option} FILE (its default is {value}), or {question.option}"
            reason = "a template reads no file that you do not name"
            raise AnswerError(reason, key=asked.option, hint=hint)
        return value
