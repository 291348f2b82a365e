"""The manifest, kscaffold.toml: what a template asks, derives and writes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kscaffold.errors import TemplateError
from kscaffold.text import enumerated, near

TYPES = ("str", "bool", "choice", "path")
NAME = re.compile(r"[a-z][a-z0-9_]*")
T = TypeVar("T")


@dataclass(frozen=True)
class Inspection:
    """A default that is found by looking at a file: an inspector, and the questions it is told."""

    function: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """One thing that a template asks.

    `default` and `otherwise` (the value where `when` is false) may be templates of earlier
    answers; `when` is an expression of them.
    """

    name: str
    type: str
    help: str
    default: str | bool | None = None
    otherwise: str | bool | None = None
    when: str | None = None
    choices: tuple[str, ...] = ()
    validate: str | None = None
    pattern: str | None = None
    message: str | None = None
    max_length: int = 10_000
    required: bool = False
    reserved: tuple[str, ...] = ()
    must_exist: bool = False
    carried: Mapping[str, str] = field(default_factory=dict)
    inspect: Inspection | None = None

    @property
    def option(self) -> str:
        """The option of the command line, such as "--sample-weight"."""
        return f"--{self.name.replace('_', '-')}"


@dataclass(frozen=True)
class Rule:
    """What one answer asks of others: where `when` is true, these have these values."""

    when: str
    requires: Mapping[str, str | bool]
    message: str


@dataclass(frozen=True)
class File:
    """A file to write: `target` may be a template; `format` off keeps Python as it is rendered."""

    template: str
    target: str
    when: str | None = None
    executable: bool = False
    format: bool = True


@dataclass(frozen=True)
class Manifest:
    """All that a template says of itself."""

    name: str
    description: str
    placeholders: Mapping[str, str]
    questions: Mapping[str, Question]
    rules: tuple[Rule, ...]
    derived: Mapping[str, str]
    files: tuple[File, ...]


class _Table:
    """A table of the manifest that checks each key's type, and that no key is left over."""

    def __init__(self, values: object, place: str) -> None:
        if not isinstance(values, dict):
            raise TemplateError(f"kscaffold.toml: {place} must be a table")
        self.values = dict(values)
        self.known: list[str] = []
        self.place = place

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        """Return a key's value; without a default the key must be there."""
        self.known.append(key)
        value = self.values.pop(key, default)
        if value is None:
            raise self.error(f"{key} is missing")
        if not isinstance(value, kind):
            raise self.error(f"{key} must be a {kind.__name__}, not {value!r}")
        return value

    def maybe(self, key: str, *kinds: type) -> Any:
        """Return a key's value, or None."""
        self.known.append(key)
        value = self.values.pop(key, None)
        if value is not None and not isinstance(value, kinds):
            names = enumerated(kind.__name__ for kind in kinds)
            raise self.error(f"{key} must be a {names}, not {value!r}")
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        """Return a list of strings."""
        values = self.take(key, list, [])
        if not all(isinstance(value, str) for value in values):
            raise self.error(f"{key} must be a list of strings, not {values!r}")
        return tuple(values)

    def finish(self) -> None:
        """Refuse what nobody asked for."""
        for key in self.values:
            raise self.error(f"unknown key {key!r}{near(key, self.known)}")

    def error(self, message: str) -> TemplateError:
        return TemplateError(f"kscaffold.toml: {self.place}: {message}")


def parse_manifest(text: str) -> Manifest:
    """Read a manifest.

    Raises:
        TemplateError: it is no TOML, a key is unknown or missing, a value has the wrong type, or
            a name refers to nothing.
    """
    try:
        whole = _Table(tomllib.loads(text), "the manifest")
    except tomllib.TOMLDecodeError as error:
        raise TemplateError(f"kscaffold.toml: {error}") from None
    about = _Table(whole.take("template", dict), "[template]")
    manifest = Manifest(
        name=about.take("name", str),
        description=about.take("description", str),
        placeholders=whole.take("placeholders", dict, {}),
        questions={
            name: _question(name, values)
            for name, values in whole.take("questions", dict, {}).items()
        },
        rules=tuple(map(_rule, whole.take("rules", list, []))),
        derived=whole.take("derived", dict, {}),
        files=tuple(map(_file, whole.take("files", list, []))),
    )
    about.finish()
    whole.finish()
    _check_references(manifest)
    return manifest


def _question(name: str, values: object) -> Question:
    table = _Table(values, f"[questions.{name}]")
    if not NAME.fullmatch(name):
        raise table.error("a name is lower-case letters, digits and underscores")
    inspect = table.maybe("inspect", dict)
    question = Question(
        name=name,
        type=table.take("type", str),
        help=table.take("help", str),
        default=table.maybe("default", str, bool),
        otherwise=table.maybe("otherwise", str, bool),
        when=table.maybe("when", str),
        choices=table.strings("choices"),
        validate=table.maybe("validate", str),
        pattern=table.maybe("pattern", str),
        message=table.maybe("message", str),
        max_length=table.take("max_length", int, 10_000),
        required=table.take("required", bool, False),
        reserved=table.strings("reserved"),
        must_exist=table.take("must_exist", bool, False),
        carried=table.take("carried", dict, {}),
        inspect=_inspection(inspect, table.place) if inspect else None,
    )
    table.finish()
    if question.type not in TYPES:
        raise table.error(f"type must be {enumerated(TYPES)}, not {question.type!r}")
    if bool(question.choices) != (question.type == "choice"):
        raise table.error("choices belong to the type 'choice', and only to it")
    if question.type == "bool" and not isinstance(question.default, bool):
        raise table.error("the type 'bool' needs a default, true or false")
    if question.validate not in (None, "module"):
        raise table.error(f"validate must be 'module', not {question.validate!r}")
    return question


def _inspection(values: object, place: str) -> Inspection:
    table = _Table(values, f"{place}.inspect")
    inspection = Inspection(table.take("function", str), table.strings("arguments"))
    table.finish()
    return inspection


def _rule(values: object) -> Rule:
    table = _Table(values, "[[rules]]")
    rule = Rule(table.take("when", str), table.take("requires", dict), table.take("message", str))
    table.finish()
    return rule


def _file(values: object) -> File:
    table = _Table(values, "[[files]]")
    file = File(
        template=table.take("template", str),
        target=table.take("target", str),
        when=table.maybe("when", str),
        executable=table.take("executable", bool, False),
        format=table.take("format", bool, True),
    )
    table.finish()
    return file


def _check_references(manifest: Manifest) -> None:
    values = {*manifest.questions, *manifest.derived}
    for placeholder, value in manifest.placeholders.items():
        if value not in values:
            raise TemplateError(
                f"kscaffold.toml: [placeholders] {placeholder}: no question or derived value"
                f" {value!r}{near(str(value), values)}"
            )
    for rule in manifest.rules:
        for name in rule.requires:
            if name not in manifest.questions:
                hint = near(name, manifest.questions)
                raise TemplateError(
                    f"kscaffold.toml: [[rules]] requires: no question {name!r}{hint}"
                )
    for name, expression in manifest.derived.items():
        if not isinstance(expression, str):
            raise TemplateError(f"kscaffold.toml: [derived] {name} must be an expression in quotes")
        if name in manifest.questions:
            raise TemplateError(f"kscaffold.toml: [derived] {name} is a question already")
