"""Answer the questions of a template in order, from what was given and from defaults."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from kscaffold.errors import AnswerError, TemplateError, place_named
from kscaffold.project.accept import accept, instead, option_named, spelled
from kscaffold.project.found import Finder, Tools
from kscaffold.template.manifest import AnswerRule, Manifest, Question, Value
from kscaffold.template.manifest.tables import InspectTable

# The answers to questions without a default.
_EMPTY: dict[str, Value] = {"str": "", "int": 0, "float": 0.0, "multi-choice": (), "list": ()}


class Interview:
    """The answers to the questions, in order.

    `given` are the user's answers, and `required` those of the template's rules. The interview
    stops before the question `until`, so that a prompt can ask it with its default.
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
        return self._not_asked(question) is None

    def holds(self, rule: AnswerRule) -> bool:
        """Return whether a rule's `when` holds."""
        with place_named(rule.place, "when"):
            return bool(self.tools.renderer.value(rule.when, self.values))

    def default(self, question: Question) -> Value:
        """Return the answer if none is given."""
        if question.inspect and self._are_given(question, question.inspect.arguments):
            return self._inspected(question, question.inspect)
        if isinstance(question.default, str):
            with place_named(question.place, "default"), option_named(question):
                return self.tools.renderer.text(question.default, self.values)
        if question.type == "choice":
            return question.choices[0]
        return _EMPTY.get(question.type) if question.default is None else question.default

    def accept(self, question: Question, raw: object) -> Value:
        """Return the value of an answer; raises `AnswerError`."""
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
        if not_asked := self._not_asked(question):
            value, reason = not_asked
            # It may be given nevertheless, such as by the record of a project.
            given = self.given.get(name, value)
            if (tuple(given) if isinstance(given, list) else given) != value:
                raise AnswerError(reason)
            return value
        if name not in self.given:
            self.defaults[name] = self.accept(question, self.default(question))
            return self.defaults[name]
        with suppress(AnswerError):  # a default is not needed
            self.defaults[name] = self.default(question)
        return self.accept(question, self.given[name])

    def _not_asked(self, question: Question) -> tuple[Value, str] | None:
        """Return the answer to a question that is not asked, and why; None: it is asked."""
        for settled in question.settled:
            if self.tools.renderer.value(settled.when, self.values):
                value = self.accept(question, settled.value)
                option = f"{self.manifest.questions[settled.by].option} {self.values[settled.by]}"
                return value, f"is {spelled(value)} with {option}"
        with place_named(question.place, "when"):
            if question.when is None or self.tools.renderer.value(question.when, self.values):
                return None
        value = question.otherwise
        if isinstance(value, str):
            with place_named(question.place, "otherwise"):
                value = self.tools.renderer.text(value, self.values)
        return value, f"is only asked when {question.when}"

    def _are_given(self, question: Question, names: tuple[str, ...]) -> bool:
        """Return whether the questions that an inspector depends on have answers."""
        for name in names:
            if name not in self.values:
                reason = f"no earlier question {name!r}"
                raise TemplateError(reason, place=question.place, key="inspect")
        return all(self.values[name] is not None for name in names)

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

    def _inspected(self, question: Question, inspect: InspectTable, key: str = "inspect") -> str:
        """Return what is found in a file; an error names the question to blame."""
        finder = Finder(self.manifest, self.values, self.users, self.tools)
        return finder.run(inspect, question.place, key)
