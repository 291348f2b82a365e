"""What a template asks, derives and writes: its manifests put together and checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from kscaffold.errors import Place, TemplateError
from kscaffold.hints import enumerated, near
from kscaffold.safety.escaping import unsafe_character
from kscaffold.template.manifest.tables import (
    AfterTable,
    FileTable,
    ManifestTable,
    QuestionTable,
    RuleTable,
)
from kscaffold.template.manifest.types import Kind, Value
from kscaffold.template.overlays import MANIFEST
from kscaffold.toml import fits, words

__all__ = ["After", "AnswerRule", "File", "Manifest", "Question", "Value"]

# Names with another meaning in templates.
TAKEN = frozenset({"target_name", "kscaffold_version", "super", "self", "loop", "caller"})
_CHOOSING = ("choice", "multi-choice")
# The type of a default. Except for a bool, it may also be a template of earlier answers.
_TYPES = {"int": int, "float": float, "bool": bool, "multi-choice": tuple[str, ...]}


class Question(QuestionTable, frozen=True, kw_only=True):
    """A question of a template.

    Attributes:
        name: what its answer is called.
        choices: the choices, also where each is a folder.
        folder: the folder of these; empty: they are no folders.
        about: what each of these folders says of itself, in one line.
        asked_with: the option that it is asked with, such as "--data csv"; empty: with any.
        settled: which choices answer it: an expression, the option and the answer of each.
        place: where a manifest last says something of it.
    """

    name: str
    type: Kind
    help: str
    choices: tuple[str, ...] = ()
    folder: str = ""
    about: Mapping[str, str] = {}
    asked_with: str = ""
    settled: tuple[tuple[str, str, Value], ...] = ()
    place: Place = Place(MANIFEST)

    @property
    def option(self) -> str:
        """The option of the command line, such as "--sample-weight"."""
        return f"--{self.name.replace('_', '-')}"

    def __post_init__(self) -> None:
        for key, reason in self._mistakes():
            raise TemplateError(reason, place=self.place, key=key)

    def _mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield each key that does not go with the others, and why."""
        if self.name in TAKEN:
            yield "", f"{self.name!r} has another meaning in templates; take another name"
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
        except re.error as error:
            yield "pattern", f"is not a regular expression: {error}"
        yield from self._mistakes_of_defaults()

    def _mistakes_of_defaults(self) -> Iterator[tuple[str, str]]:
        if self.type == "bool" and not isinstance(self.default, bool):
            yield "default", "the type 'bool' needs a default, true or false"
        kind = _TYPES.get(self.type, str)
        for key, value in (("default", self.default), ("otherwise", self.otherwise)):
            if value is None or (isinstance(value, str) and "{{" in value):
                continue
            if not fits(kind, value):
                yield key, f"must be {words(kind)} for the type {self.type!r}, not {value!r}"
            chosen = value if isinstance(value, tuple) else (value,)
            if key == "default" and self.choices and not {*chosen} <= {*self.choices}:
                yield key, f"must be {enumerated(self.choices)}, not {value!r}"


class AnswerRule(RuleTable, frozen=True, kw_only=True):
    """A rule, and its place.

    An answer that it requires is given where nothing else was; one that conflicts is refused.

    Attributes:
        cause: of a rule of a choice, its `when` without the choice.
    """

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
        """Whether it may be run."""
        return self.mode == "755"


class After(AfterTable, frozen=True, kw_only=True):
    """A command to run in the finished project, and its place."""

    place: Place = Place(MANIFEST)


class Manifest(ManifestTable, frozen=True, kw_only=True):
    """What all manifests of a template say together.

    Attributes:
        places: where each key of the tables of texts stands, such as ("derived", "a").
    """

    questions: Mapping[str, Question] = {}
    rules: tuple[AnswerRule, ...] = ()
    files: tuple[File, ...] = ()
    after: tuple[After, ...] = ()
    places: Mapping[tuple[str, str], Place] = {}

    def place_of(self, table: str, key: str) -> Place:
        """Return where a key of a table of texts stands, such as "derived" and "a"."""
        return self.places.get((table, key), Place(MANIFEST, (table,)))

    def dangling_names(self, *, is_whole: bool) -> Iterator[TemplateError]:
        """Yield an error for each name that refers to nothing, or to two things.

        Args:
            is_whole: whether all choices are made, so that placeholders must stand for something.
        """
        questions, derived = self.questions, self.derived
        named = [
            *((rule.place, "requires", name) for rule in self.rules for name in rule.requires),
            *((rule.place, "conflicts", name) for rule in self.rules for name in rule.conflicts),
        ]
        for question in questions.values():
            if question.inspect:
                named += [(question.place, "inspect", name) for name in question.inspect.arguments]
        for place, key, name in named:
            if name not in questions:
                yield unknown_name("question", name, questions, place, key)
        for key in derived.keys() & questions.keys():
            place = self.place_of("derived", key)
            yield TemplateError("is a question already", place=place, key=key)
        values = {*questions, *derived}
        for key, name in self.placeholders.items() if is_whole else ():
            if name not in values:
                place = self.place_of("placeholders", key)
                yield unknown_name("question or derived value", name, values, place, key)


def unknown_name(
    kind: str, name: str, known: Iterable[str], place: Place, key: str = ""
) -> TemplateError:
    """Return the error for a name that refers to no question, file or the like."""
    return TemplateError(f"no {kind} {name!r}", place=place, key=key, hint=near(name, known))
