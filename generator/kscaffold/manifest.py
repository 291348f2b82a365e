"""The manifest, kscaffold.toml: what a template asks, derives and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kscaffold.layers import MANIFEST

Value = str | bool | int | float | tuple[str, ...] | None


@dataclass(frozen=True)
class Inspection:
    """A default that is found by looking at a file: an inspector, and the questions it is told."""

    function: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """One thing that a template asks.

    `default` and `otherwise` (the value where `when` is false) may be templates of earlier
    answers; `when` is an expression of them. A `secret` answer is written into the files that
    ask for it and kept nowhere else. `place` is what errors call the question.
    """

    name: str
    type: str
    help: str
    default: Value = None
    otherwise: Value = None
    when: str | None = None
    choices: tuple[str, ...] = ()
    validate: str | None = None
    pattern: str | None = None
    message: str | None = None
    max_length: int = 10_000
    required: bool = False
    secret: bool = False
    reserved: tuple[str, ...] = ()
    must_exist: bool = False
    carried: Mapping[str, str] = field(default_factory=dict)
    inspect: Inspection | None = None
    place: str = MANIFEST

    @property
    def option(self) -> str:
        """The option of the command line, such as "--sample-weight"."""
        return f"--{self.name.replace('_', '-')}"


@dataclass(frozen=True)
class Rule:
    """What one answer asks of others: where `when` is true, these have, or have not, these values.

    An answer that a rule requires is given where nothing else was; one that conflicts is refused.
    """

    when: str
    message: str
    requires: Mapping[str, Value] = field(default_factory=dict)
    conflicts: Mapping[str, Value] = field(default_factory=dict)
    place: str = MANIFEST


@dataclass(frozen=True)
class File:
    """A file to write: `target` may be a template; `format` off keeps Python as it is rendered."""

    template: str
    target: str
    when: str | None = None
    executable: bool = False
    format: bool = True
    place: str = MANIFEST


@dataclass(frozen=True)
class After:
    """A command to run in the finished project: its words, each of which may be a template."""

    run: tuple[str, ...]
    when: str | None = None
    place: str = MANIFEST


@dataclass(frozen=True)
class Manifest:
    """All that a template says of itself.

    Attributes:
        folders: where files go that `files` does not name: folder of the template -> folder of
            the project, which may be a template.
        before: what is said before the first question, a template; empty: nothing.
        after_message: what is said when the project is written, a template; empty: nothing.
        train: the arguments to Python that train the project for a moment, each a template, in
            which `scratch` is a folder that is removed again.
        needs: the modules that this takes.
        places: what errors call "derived.NAME" and the messages.
    """

    name: str
    description: str
    placeholders: Mapping[str, str] = field(default_factory=dict)
    questions: Mapping[str, Question] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    derived: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)
    files: tuple[File, ...] = ()
    before: str = ""
    after_message: str = ""
    after: tuple[After, ...] = ()
    train: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)

    def place_of(self, name: str) -> str:
        """Return what errors call a part, such as "derived.a" or "messages.before"."""
        return self.places.get(name, MANIFEST)
