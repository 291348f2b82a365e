"""kscaffold.toml becomes a Manifest: one file, or those of several layers put together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from kscaffold.errors import TemplateError
from kscaffold.layers import MANIFEST
from kscaffold.manifest import After, File, Inspection, Manifest, Question, Rule, Value
from kscaffold.quoting import unsafe_character
from kscaffold.text import enumerated, near
from kscaffold.toml import TomlError, parse_toml

TYPES = ("str", "int", "float", "bool", "choice", "multi-choice", "path")
NAME = re.compile(r"[a-z][a-z0-9_]*")
TEMPLATE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# What a question cannot be called: options of `kscaffold new`, and names that templates have.
RESERVED = frozenset(
    {
        *("assigned", "data_file", "defaults", "diff", "dry_run", "force", "form", "format"),
        *("git", "help", "path", "quiet", "ref", "template", "train", "trust", "verbose"),
        *("commands", "target_name", "kscaffold_version", "super", "self", "loop", "caller"),
    }
)
# Nobody writes so long a manifest by hand.
LONGEST = 1_000_000
MODES = {"644": False, "755": True}
T = TypeVar("T")


@dataclass(frozen=True)
class Text:
    """The text of a manifest.

    Attributes:
        text: what stands in kscaffold.toml.
        place: what errors call it.
        files: the other files of its folder; those below one of `folders` are written without
            being listed under `[[files]]`.
        values: what the text says, where that has been read already.
    """

    text: str
    place: str = MANIFEST
    files: tuple[str, ...] = ()
    values: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Head:
    """What a manifest says before it is put on top of another one."""

    name: str | None
    description: str | None
    extends: str | None
    minimum_version: str | None


@dataclass(frozen=True)
class _Entry:
    """A part of a manifest, and the place of the file that said it last."""

    values: Any
    place: str


class _Table:
    """A table of the manifest that checks each key's type, and that no key is left over."""

    def __init__(self, values: object, place: str) -> None:
        if not isinstance(values, dict):
            raise TemplateError(f"{place} must be a table")
        self.values = dict(values)
        self.known: list[str] = []
        self.place = place

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        """Return a key's value; without a default the key must be there."""
        self.known.append(key)
        value = self.values.pop(key, default)
        if value is None:
            raise self.error(f"{key} is missing")
        # To Python a bool is an int; to the author of a manifest it is not.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
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

    def texts(self, key: str) -> dict[str, str]:
        """Return a table of strings."""
        values = self.take(key, dict, {})
        for name, value in values.items():
            if not isinstance(value, str):
                raise self.error(f"{key}: {name} must be a str, not {value!r}")
        return values

    def finish(self) -> None:
        """Refuse what nobody asked for."""
        for key in self.values:
            raise self.error(f"unknown key {key!r}{near(key, self.known)}")

    def error(self, message: str) -> TemplateError:
        return TemplateError(f"{self.place}: {message}")


def read_head(source: Text) -> Head:
    """Read what must be known before a manifest is put on top of others; raises `TemplateError`."""
    whole = _Table(_load(source), f"{source.place}: the manifest")
    about = _Table(whole.take("template", dict, {}), f"{source.place}: [template]")
    head = Head(
        name=about.maybe("name", str),
        description=about.maybe("description", str),
        extends=whole.maybe("extends", str),
        minimum_version=about.maybe("minimum_version", str),
    )
    if head.name is not None and not TEMPLATE_NAME.fullmatch(head.name):
        raise about.error("name must be letters, digits, dots, hyphens and underscores")
    if head.minimum_version is not None and not re.fullmatch(r"\d+(\.\d+)*", head.minimum_version):
        raise about.error("minimum_version must be numbers with dots, such as '0.1.0'")
    return head


def parse_manifest(*sources: Text | str) -> Manifest:
    """Read manifests, each on top of the one before.

    A later one adds questions, derived values, placeholders, folders, rules, files and commands;
    a table of the same name changes those keys that it has; `remove` drops files.

    Raises:
        TemplateError: one is no TOML, a key is unknown or missing, a value has the wrong type, or
            a name refers to nothing.
    """
    texts = [Text(source) if isinstance(source, str) else source for source in sources]
    manifest = _Merged()
    for source in texts:
        manifest.put(source)
    return manifest.parse()


def _load(source: Text) -> Mapping[str, Any]:
    if source.values is not None:
        return source.values
    if len(source.text) > LONGEST:
        raise TemplateError(f"{source.place}: more than {LONGEST} characters")
    try:
        return parse_toml(source.text)
    except TomlError as error:
        raise TemplateError(f"{source.place}: {error}") from None


class _Merged:
    """Manifests put on top of each other, each part with the place that it comes from."""

    def __init__(self) -> None:
        self.about: dict[str, str] = {}
        self.tables: dict[str, dict[str, _Entry]] = {
            "questions": {},
            "placeholders": {},
            "derived": {},
            "folders": {},
            "messages": {},
            "test": {},
        }
        self.lists: dict[str, list[_Entry]] = {"rules": [], "files": [], "after": []}

    def put(self, source: Text) -> None:
        """Put one more manifest on top."""
        whole = _Table(_load(source), f"{source.place}: the manifest")
        self._put_about(whole, source.place)
        removed = whole.strings("remove")
        for name, entries in self.tables.items():
            for key, values in whole.take(name, dict, {}).items():
                old = entries.get(key)
                if name == "questions" and old and isinstance(values, dict):
                    values = {**old.values, **values}
                entries[key] = _Entry(values, source.place)
        for name, listed in self.lists.items():
            listed += [_Entry(values, source.place) for values in whole.take(name, list, [])]
        whole.finish()
        self._add_found(source)
        for name in removed:
            self._remove(name, whole)

    def _add_found(self, source: Text) -> None:
        """Add the files that nothing lists; one that is listed further down takes its place."""
        listed = {
            entry.values.get("template")
            for entry in self.lists["files"]
            if isinstance(entry.values, dict)
        }
        for path in source.files:
            folder, _, rest = path.partition("/")
            entry = self.tables["folders"].get(folder)
            if path in listed or not rest or entry is None or _is_part(path):
                continue
            target = "/".join(filter(None, (str(entry.values).strip("/"), rest)))
            values = {"template": path, "target": target.removesuffix(".jinja")}
            self.lists["files"].append(_Entry(values, source.place))

    def _put_about(self, whole: _Table, place: str) -> None:
        extends = whole.maybe("extends", str)
        about = _Table(
            whole.take("template", dict, {} if extends else None), f"{place}: [template]"
        )
        if extends and not self.about:
            raise whole.error(f"extends {extends!r}, so it needs that below it")
        about.maybe("minimum_version", str)
        if not extends:
            self.about = {
                "name": about.take("name", str),
                "description": about.take("description", str),
            }
        else:
            about.maybe("name", str)
            about.maybe("description", str)
        about.finish()

    def _remove(self, name: str, whole: _Table) -> None:
        files = self.lists["files"]
        kept = [
            entry
            for entry in files
            if not isinstance(entry.values, dict)
            or name not in (entry.values.get("template"), entry.values.get("target"))
        ]
        if len(kept) == len(files):
            known = [entry.values.get("template", "") for entry in files]
            raise whole.error(f"remove: no file {name!r}{near(name, known)}")
        self.lists["files"] = kept

    def parse(self) -> Manifest:
        """Check it all and return it."""
        questions = {
            name: _question(name, entry) for name, entry in self._ordered_questions().items()
        }
        messages = _Table(*self._flat("messages"))
        test = _Table(*self._flat("test"))
        manifest = Manifest(
            **self.about,
            placeholders=self._texts("placeholders"),
            questions=questions,
            rules=tuple(map(_rule, self.lists["rules"])),
            derived=self._texts("derived"),
            folders=self._texts("folders"),
            files=tuple(map(_file, self.lists["files"])),
            before=messages.take("before", str, ""),
            after_message=messages.take("after", str, ""),
            after=tuple(map(_after, self.lists["after"])),
            train=test.strings("train"),
            needs=test.strings("needs"),
            places={
                f"{name}.{key}": f"{entry.place}: [{name}] {key}"
                for name in ("messages", "derived")
                for key, entry in self.tables[name].items()
            },
        )
        messages.finish()
        test.finish()
        self._check_references(manifest)
        return manifest

    def _flat(self, name: str) -> tuple[dict[str, Any], str]:
        entries = self.tables[name]
        place = next((entry.place for entry in reversed(entries.values())), MANIFEST)
        return {key: entry.values for key, entry in entries.items()}, f"{place}: [{name}]"

    def _texts(self, name: str) -> dict[str, str]:
        for key, entry in self.tables[name].items():
            if not isinstance(entry.values, str):
                raise TemplateError(f"{entry.place}: [{name}] {key} must be text in quotes")
        return {key: entry.values for key, entry in self.tables[name].items()}

    def _ordered_questions(self) -> dict[str, _Entry]:
        """Return the questions, each that says `after` behind the one that it names."""
        order: list[str] = []
        entries = self.tables["questions"]
        for name, entry in entries.items():
            after = entry.values.get("after") if isinstance(entry.values, dict) else None
            if not isinstance(after, str):
                order.append(name)
            elif after in order:
                order.insert(order.index(after) + 1, name)
            else:
                raise TemplateError(
                    f"{entry.place}: [questions.{name}]: after: no earlier question"
                    f" {after!r}{near(after, order)}"
                )
        return {name: entries[name] for name in order}

    def _check_references(self, manifest: Manifest) -> None:
        values = {*manifest.questions, *manifest.derived}
        for placeholder, value in manifest.placeholders.items():
            if value not in values:
                place = self.tables["placeholders"][placeholder].place
                raise TemplateError(
                    f"{place}: [placeholders] {placeholder}: no question or derived value"
                    f" {value!r}{near(value, values)}"
                )
        for rule, entry in zip(manifest.rules, self.lists["rules"], strict=True):
            for key, named in (("requires", rule.requires), ("conflicts", rule.conflicts)):
                _check_named(named, manifest.questions, f"{entry.place}: [[rules]] {key}")
        for name in manifest.derived:
            if name in manifest.questions:
                place = self.tables["derived"][name].place
                raise TemplateError(f"{place}: [derived] {name} is a question already")


def _is_part(path: str) -> bool:
    """Tell whether a file is only for other templates to include, such as "_macros.jinja"."""
    name = path.rpartition("/")[2]
    return name.startswith("_") and not name.startswith("__")


def _check_named(named: Mapping[str, Value], questions: Mapping[str, Question], place: str) -> None:
    for name in named:
        if name not in questions:
            raise TemplateError(f"{place}: no question {name!r}{near(name, questions)}")


def _question(name: str, entry: _Entry) -> Question:
    table = _Table(entry.values, f"{entry.place}: [questions.{name}]")
    if not NAME.fullmatch(name):
        raise table.error("a name is lower-case letters, digits and underscores")
    if name in RESERVED:
        raise table.error("this name is an option of `kscaffold new` already; take another")
    inspect = table.maybe("inspect", dict)
    table.maybe("after", str)
    question = Question(
        name=name,
        type=table.take("type", str),
        help=table.take("help", str),
        default=_value(table.maybe("default", str, bool, int, float, list)),
        otherwise=_value(table.maybe("otherwise", str, bool, int, float, list)),
        when=table.maybe("when", str),
        choices=table.strings("choices"),
        validate=table.maybe("validate", str),
        pattern=table.maybe("pattern", str),
        message=table.maybe("message", str),
        max_length=table.take("max_length", int, 10_000),
        required=table.take("required", bool, False),
        secret=table.take("secret", bool, False),
        reserved=table.strings("reserved"),
        must_exist=table.take("must_exist", bool, False),
        carried=table.texts("carried"),
        inspect=_inspection(inspect, table.place) if inspect else None,
        place=table.place,
    )
    table.finish()
    if unsafe := unsafe_character(question.help):
        raise table.error(f"help must be one plain line, but holds {unsafe}")
    _check_question(question, table)
    return question


def _value(raw: Any) -> Value:
    return tuple(raw) if isinstance(raw, list) else raw


def _check_question(question: Question, table: _Table) -> None:
    if question.type not in TYPES:
        raise table.error(f"type must be {enumerated(TYPES)}, not {question.type!r}")
    if bool(question.choices) != (question.type in ("choice", "multi-choice")):
        raise table.error("choices belong to the types 'choice' and 'multi-choice', and only there")
    if question.type == "bool" and not isinstance(question.default, bool):
        raise table.error("the type 'bool' needs a default, true or false")
    if question.validate not in (None, "module"):
        raise table.error(f"validate must be 'module', not {question.validate!r}")
    if question.pattern is not None:
        if question.type != "str":
            raise table.error("pattern belongs to the type 'str'")
        try:
            re.compile(question.pattern)
        except re.error as error:
            raise table.error(f"pattern is no regular expression: {error}") from None
    if any("," in choice or not choice.strip() for choice in question.choices):
        raise table.error("a choice is a word without commas, since the command line takes a,b")
    if question.secret and question.type != "str":
        raise table.error("secret belongs to the type 'str'")
    _check_default(question, table)


# What a default may be in TOML; every type but bool takes a template of earlier answers, too.
_DEFAULTS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "path": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "choice": (str,),
    "multi-choice": (tuple,),
}


def _check_default(question: Question, table: _Table) -> None:
    for key, value in (("default", question.default), ("otherwise", question.otherwise)):
        if value is None or (isinstance(value, str) and "{{" in value):
            continue
        kinds = _DEFAULTS[question.type]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise table.error(f"{key} does not fit the type {question.type!r}: {value!r}")
        if key == "default" and question.choices:
            chosen = value if isinstance(value, tuple) else (value,)
            for choice in chosen:
                if choice not in question.choices:
                    raise table.error(
                        f"default must be {enumerated(question.choices)}, not {choice!r}"
                    )


def _inspection(values: object, place: str) -> Inspection:
    table = _Table(values, f"{place}.inspect")
    inspection = Inspection(table.take("function", str), table.strings("arguments"))
    table.finish()
    return inspection


def _rule(entry: _Entry) -> Rule:
    table = _Table(entry.values, f"{entry.place}: [[rules]]")
    rule = Rule(
        when=table.take("when", str),
        message=table.take("message", str),
        requires={name: _value(v) for name, v in table.take("requires", dict, {}).items()},
        conflicts={name: _value(v) for name, v in table.take("conflicts", dict, {}).items()},
        place=table.place,
    )
    table.finish()
    if not rule.requires and not rule.conflicts:
        raise table.error("requires or conflicts is missing")
    return rule


def _file(entry: _Entry) -> File:
    table = _Table(entry.values, f"{entry.place}: [[files]]")
    mode = table.take("mode", str, "644")
    file = File(
        template=table.take("template", str),
        target=table.take("target", str),
        when=table.maybe("when", str),
        executable=MODES.get(mode, False),
        format=table.take("format", bool, True),
        place=table.place,
    )
    table.finish()
    if mode not in MODES:
        raise table.error(f"mode must be {enumerated(MODES)}, not {mode!r}")
    return file


def _after(entry: _Entry) -> After:
    table = _Table(entry.values, f"{entry.place}: [[after]]")
    after = After(run=table.strings("run"), when=table.maybe("when", str), place=table.place)
    table.finish()
    if not after.run:
        raise table.error('run is missing: the words of a command, such as ["git", "add", "."]')
    return after
