"""The manifest of a template: all its kscaffold.toml files merged and checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from kscaffold.errors import Place, TemplateError
from kscaffold.hints import enumerated, near
from kscaffold.safety.escaping import unsafe_character
from kscaffold.safety.paths import path_problem
from kscaffold.template.manifest.tables import (
    AfterTable,
    FileTable,
    InspectTable,
    Kind,
    ManifestTable,
    QuestionTable,
    RuleTable,
    Value,
)
from kscaffold.template.overlays import MANIFEST
from kscaffold.toml import fits, words

__all__ = ["GIVEN", "After", "AnswerRule", "File", "Manifest", "Question", "Value"]

# What derived values and files see beside the answers.
GIVEN = frozenset({"kscaffold_version", "target_path"})
# Names with another meaning in templates.
TAKEN = GIVEN | frozenset({"target_name", "super", "self", "loop", "caller"})
_CHOOSING = ("choice", "multi-choice")
# The types of defaults. Except for a bool, a default may also be a template of earlier answers.
_TYPES = {
    "int": int,
    "float": float,
    "bool": bool,
    "multi-choice": tuple[str, ...],
    "list": tuple[str, ...],
}


class Settled(Struct, frozen=True):
    """The answer to a question that follows from a choice."""

    when: str  # the condition under which the choice is made
    by: str  # the question that the choice answers
    value: Value
    place: Place


class Question(QuestionTable, frozen=True, kw_only=True):
    """A question of a template, and the place where a manifest last defines or changes it."""

    name: str
    type: Kind
    help: str
    choices: tuple[str, ...] = ()
    folder: str = ""  # whose folders are the choices
    about: Mapping[str, str] = {}  # the description of each of these
    asked_with: str = ""  # the option that makes it apply, such as "--data csv"
    settled: tuple[Settled, ...] = ()  # by choices
    place: Place = Place(MANIFEST)

    @property
    def option(self) -> str:
        """The option of the command line, such as "--sample-weight"."""
        return f"--{self.name.replace('_', '-')}"

    def __post_init__(self) -> None:
        for key, reason in self._mistakes():
            raise TemplateError(reason, place=self.place, key=key)

    def _mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield each key that conflicts with others, and why."""
        if self.name in TAKEN:
            yield "", f"{self.name!r} has another meaning in templates; choose another name"
        if unsafe := unsafe_character(self.help):
            yield "help", f"must be one plain line, but holds {unsafe}"
        if bool(self.choices) != (self.type in _CHOOSING):
            yield "choices", "belongs to the types 'choice' and 'multi-choice', and only there"
        if self.folder and self.type != "choice":
            yield "choices", "a folder of choices belongs to the type 'choice'"
        if any("," in choice or not choice.strip() for choice in self.choices):
            yield "choices", "a choice is a word without commas, since the command line takes a,b"
        for key in ("pattern", "secret"):
            if getattr(self, key) and self.type != "str":
                yield key, "belongs to the type 'str'"
        try:
            re.compile(self.pattern or "")
        except (re.error, OverflowError, ValueError) as error:  # the latter for large numbers
            yield "pattern", f"is not a regular expression: {error}"
        yield from self._mistakes_of_defaults()

    def _mistakes_of_defaults(self) -> Iterator[tuple[str, str]]:
        if self.type == "bool" and not isinstance(self.default, bool):
            yield "default", "the type 'bool' needs a default, true or false"
        for key, value in (("default", self.default), ("otherwise", self.otherwise)):
            if value is None or (isinstance(value, str) and "{{" in value):
                continue
            if reason := self.mistyped(value):
                yield key, reason
            chosen = value if isinstance(value, tuple) else (value,)
            if key == "default" and self.choices and not {*chosen} <= {*self.choices}:
                yield key, f"must be {enumerated(self.choices)}, not {value!r}"

    def mistyped(self, value: Value) -> str:
        """Return why a value is not of the type of an answer, or ""."""
        kind = _TYPES.get(self.type, str)
        if fits(kind, value):
            return ""
        return f"must be {words(kind)} for the type {self.type!r}, not {value!r}"


class AnswerRule(RuleTable, frozen=True, kw_only=True):
    """A rule, and its place; `cause` is the `when` of a choice's rule without the choice."""

    cause: str = ""
    place: Place = Place(MANIFEST)

    def __post_init__(self) -> None:
        if not self.requires and not self.conflicts:
            raise TemplateError("requires or conflicts is missing", place=self.place)


class File(FileTable, frozen=True, kw_only=True):
    """A file to write, and its place."""

    place: Place = Place(MANIFEST)

    @property
    def executable(self) -> bool:
        """Whether it gets the executable bits."""
        return self.mode == "755"

    @property
    def target_problem(self) -> str | None:
        """Why its target cannot be written whatever the answers are, or None."""
        return path_problem(re.sub(r"{{.*?}}", "x", self.target))


class After(AfterTable, frozen=True, kw_only=True):
    """A command to run in the finished project, and its place."""

    place: Place = Place(MANIFEST)


class Manifest(ManifestTable, frozen=True, kw_only=True):
    """All manifests of a template together.

    `places` are those of the keys in tables without types of their own, such as ("derived", "a").
    """

    questions: Mapping[str, Question] = {}
    rules: tuple[AnswerRule, ...] = ()
    files: tuple[File, ...] = ()
    after: tuple[After, ...] = ()
    places: Mapping[tuple[str, str], Place] = {}

    def place_of(self, table: str, key: str) -> Place:
        """Return the place of a key in such a table."""
        return self.places.get((table, key), Place(MANIFEST, (table,)))

    @property
    def inspected(self) -> frozenset[str]:
        """The questions whose answers name files that the template reads."""
        return frozenset(name for _, _, look in self._looks() for name in look.arguments[:1])

    def _looks(self) -> Iterator[tuple[Place, str, InspectTable]]:
        """Yield each look at a file, with its place and key."""
        for question in self.questions.values():
            for key in ("inspect", "prompt", "suggest"):
                if isinstance(look := getattr(question, key), InspectTable):
                    yield question.place, key, look
        for key, look in self.found.items():
            yield self.place_of("found", key), key, look

    def leaking_secrets(self) -> Iterator[TemplateError]:
        """Yield an error for each secret that would be kept in an answer or in a path."""
        # What is secret, and the answer that it tells.
        secrets = {name: name for name, question in self.questions.items() if question.secret}
        if not secrets:
            return
        for name, expression in self.derived.items():
            for used in sorted(_names_in(f"{{{{ {expression} }}}}") & secrets.keys()):
                secrets[name] = secrets[used]
        texts = [
            *(
                (each.place, key, getattr(each, key))
                for each in self.questions.values()
                if not each.secret
                for key in ("default", "otherwise")
            ),
            *((file.place, "target", file.target) for file in self.files),
        ]
        for place, key, text in texts:
            for name in sorted(_names_in(text) & secrets.keys() if isinstance(text, str) else ()):
                reason = f"the answer to {secrets[name]!r} is secret, and this is kept"
                yield TemplateError(reason, place=place, key=key)

    def dangling_names(self, *, is_whole: bool) -> Iterator[TemplateError]:
        """Yield an error for each name that refers to nothing, or to two things.

        Placeholders are only checked if all choices are made (`is_whole`).
        """
        questions, derived = self.questions, self.derived
        named = [
            *((rule.place, "requires", name) for rule in self.rules for name in rule.requires),
            *((rule.place, "conflicts", name) for rule in self.rules for name in rule.conflicts),
        ]
        for place, key, look in self._looks():
            named += [(place, key, name) for name in look.arguments]
        named += [(file.place, "answer", file.answer) for file in self.files if file.answer]
        for place, key, name in named:
            if name not in questions:
                yield unknown_name("question", name, questions, place, key)
        for table in ("found", "derived"):
            for key in getattr(self, table).keys() & questions.keys():
                place = self.place_of(table, key)
                yield TemplateError("is a question already", place=place, key=key)
        values = {*questions, *self.found, *derived}
        for key, name in self.placeholders.items() if is_whole else ():
            if name not in values:
                place = self.place_of("placeholders", key)
                yield unknown_name("question or derived value", name, values, place, key)


def _names_in(template: str) -> set[str]:
    """Return the names that a template uses; none if it is invalid, which is an error later."""
    # Only for templates with secrets: others need it later, or not at all.
    import jinja2
    from jinja2 import nodes

    try:
        tree = jinja2.Environment(autoescape=False).parse(template)
        return {node.name for node in tree.find_all(nodes.Name)}
    except (jinja2.TemplateSyntaxError, RecursionError, ValueError):
        return set()


def unknown_name(
    kind: str, name: str, known: Iterable[str], place: Place, key: str = ""
) -> TemplateError:
    """Return the error for a name that refers to nothing."""
    return TemplateError(f"no {kind} {name!r}", place=place, key=key, hint=near(name, known))
