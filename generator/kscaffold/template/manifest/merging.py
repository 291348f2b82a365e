"""Manifests put on top of each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from kscaffold.errors import Place, TemplateError
from kscaffold.hints import near
from kscaffold.template.manifest import Manifest, Question
from kscaffold.template.manifest.tables import ManifestTable, TemplateName
from kscaffold.toml import TomlError, fits, parse_toml, read_table, words

# Longer than any manifest written by hand.
LONGEST = 1_000_000
_FOLDER = re.compile(r"([a-z][a-z0-9_-]*)/\*")


class Choice(NamedTuple):
    """An answer to a question that is a folder.

    Attributes:
        question: the question.
        answer: the answer.
        chosen_by: the answers that choose the folder: its own, and those that extend it.
    """

    question: str
    answer: str
    chosen_by: tuple[str, ...]

    @property
    def condition(self) -> str:
        """The expression that holds if the folder is chosen."""
        if len(self.chosen_by) == 1:
            return f"{self.question} == '{self.answer}'"
        return f"{self.question} in {list(self.chosen_by)}"


@dataclass(frozen=True)
class ManifestFile:
    """A kscaffold.toml.

    Attributes:
        values: what it says, not checked yet.
        place: what errors call it.
        files: the other files of its folder; those in one of `folders` are written without being
            listed under `[[files]]`.
        choice: of a folder that is a choice, which one.
        is_chosen: whether that is the answer, so that more than its questions counts.
    """

    values: Mapping[str, Any]
    place: Place
    files: tuple[str, ...] = ()
    choice: Choice | None = None
    is_chosen: bool = True


def parse_manifest(text: str, file: str) -> dict[str, Any]:
    """Parse a kscaffold.toml; raises `TemplateError`."""
    if len(text) > LONGEST:
        raise TemplateError(f"more than {LONGEST} characters", place=file)
    try:
        return parse_toml(text)
    except TomlError as error:
        raise TemplateError(str(error), place=file) from None


def merge(files: Iterable[ManifestFile], is_chosen: bool = True) -> Manifest:
    """Put manifests on top of each other, the first one at the bottom, and check the whole.

    A later one adds questions, derived values, placeholders, folders, rules, files and commands;
    a table of the same name changes those keys that it has; `remove` drops files.

    Args:
        files: the manifests.
        is_chosen: whether it is known which folders are chosen, so that all names must be there.

    Raises:
        TemplateError: a key is unknown or missing, a value has the wrong type, or a name refers to
            nothing.
    """
    stack = _Stack()
    for file in files:
        stack.put(file)
    manifest = stack.manifest()
    for mistake in _dangling_names(manifest):
        raise mistake
    for mistake in _dangling_placeholders(manifest) if is_chosen else ():
        raise mistake
    return manifest


class _Stack:
    """The manifests so far, each question, rule, file and command with its place."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Any]] = {"template": {}, "folders": {}, "questions": {}}
        self.lists: dict[str, list[dict[str, Any]]] = {"rules": [], "files": [], "after": []}
        self.places: dict[tuple[str, str], Place] = {}
        self.of_base: set[str] = set()  # derived values that others have
        self.offered: dict[str, dict[str, str]] = {}
        self.folders: dict[str, str] = {}
        self.of_choices: dict[str, None] = {}  # derived values that choices have
        self.settled: dict[str, list[tuple[str, str, Any]]] = {}
        self.elsewhere: set[str] = set()  # files of choices that are not made

    def put(self, file: ManifestFile) -> None:
        """Put one more manifest on top."""
        said = read_table(ManifestTable, file.values, file.place)
        values = file.values
        if file.choice is None:
            self.of_base |= {*said.derived}
            if said.answers:
                reason = "belongs to a folder that is a choice"
                raise TemplateError(reason, place=file.place.below("answers"))
            self._check_extends(said, file.place)
        else:
            values = self._of_choice(file, file.choice)
        for name, value in values.items():
            place = file.place.below(name)
            if name in self.lists:
                self.lists[name] += ({**v, "place": place.below(n)} for n, v in enumerate(value))
            elif name == "questions":
                self._put_questions(value, place)
            elif isinstance(value, dict) and not (name == "template" and said.extends):
                self.tables[name] = {**self.tables.get(name, {}), **value}
                self.places.update({(name, key): place for key in value})
        if not file.is_chosen:
            listed = {each["template"] for each in file.values.get("files", ())}
            self.elsewhere |= {*file.files, *listed}
            return
        self.lists["files"] += [*self._found(file)]
        for name in said.remove:
            self._remove(name, file.place)

    def _of_choice(self, file: ManifestFile, choice: Choice) -> dict[str, Any]:
        """Return what a choice's manifest says: its questions and rules hold if it is chosen."""
        question, answer, _ = choice
        if not fits(TemplateName, answer):
            reason = f"the folder {answer!r} is no name of a choice"
            hint = f"a name is {words(TemplateName)}"
            raise TemplateError(reason, place=file.place, hint=hint)
        about = file.values.get("template", {}).get("description")
        if about is None:
            reason = "a choice has a description"
            raise TemplateError(reason, place=file.place.below("template"))
        self.offered.setdefault(question, {})[answer] = about
        self.of_choices |= dict.fromkeys(file.values.get("derived", {}))
        chosen, after = choice.condition, question
        option = f"--{question.replace('_', '-')} {answer}"
        questions, rules = {}, []
        for name, keys in file.values.get("questions", {}).items():
            if name in self.tables["questions"]:
                reason = f"is asked by {self.tables['questions'][name]['place'].file} already"
                raise TemplateError(reason, place=file.place.below("questions", name))
            own = {"when": _both(chosen, keys.get("when")), "asked_with": option}
            questions[name] = {"after": after, **keys, **own}
            after = name
        for rule in file.values.get("rules", []):
            rules.append({**rule, "when": _both(chosen, rule["when"]), "cause": rule["when"]})
        for name, value in file.values.get("answers", {}).items():
            if name not in self.tables["questions"]:
                hint = near(name, self.tables["questions"])
                place = file.place.below("answers")
                raise TemplateError(f"no question {name!r}", place=place, hint=hint)
            # What extends another choice has the last word.
            self.settled.setdefault(name, []).insert(0, (chosen, option, value))
        rest = {k: v for k, v in file.values.items() if k not in ("template", "remove", "answers")}
        return {**(rest if file.is_chosen else {}), "questions": questions, "rules": rules}

    def _check_extends(self, said: ManifestTable, place: Place) -> None:
        if said.extends and not self.tables["template"]:
            raise TemplateError(f"extends {said.extends!r}, so it needs that below it", place=place)
        for key in ("name", "description"):
            if not said.extends and getattr(said.template, key) is None:
                raise TemplateError("is missing", place=place.below("template"), key=key)

    def _put_questions(self, questions: Mapping[str, Mapping[str, Any]], place: Place) -> None:
        table = self.tables["questions"]
        for name, keys in questions.items():
            place_of_it = place.below(name)
            old = table.get(name, {})
            fewer = keys.get("choices")
            if isinstance(fewer, (list, tuple)) and old.get("default") not in fewer:
                old = {key: value for key, value in old.items() if key != "default"}
            self.folders |= {name: folder} if (folder := choice_folder(keys)) else {}
            table[name] = {**old, **keys, "name": name, "place": place_of_it}

    def _found(self, file: ManifestFile) -> Iterator[dict[str, Any]]:
        """Yield the files that nothing lists; one that is listed further down takes its place."""
        listed = {each["template"] for each in self.lists["files"]}
        for path in file.files:
            folder, _, rest = path.partition("/")
            into = self.tables["folders"].get(folder)
            if path not in listed and rest and into is not None and not _is_part(path):
                target = "/".join(filter(None, (into.strip("/"), rest))).removesuffix(".jinja")
                yield {"template": path, "target": target, "place": file.place.below("folders")}

    def _remove(self, name: str, place: Place) -> None:
        files = self.lists["files"]
        kept = [file for file in files if name not in (file["template"], file["target"])]
        if len(kept) == len(files) and name not in self.elsewhere:
            hint = near(name, (file["template"] for file in files))
            raise TemplateError(f"no file {name!r}", place=place, key="remove", hint=hint)
        self.lists["files"] = kept

    def manifest(self) -> Manifest:
        """Return all of it."""
        questions = {
            keys["name"]: read_table(Question, self._with_choices(keys), keys["place"])
            for keys in self._in_order()
        }
        self.tables["derived"] = self._derived()
        parts = {**self.tables, **self.lists, "questions": questions, "places": self.places}
        return msgspec.convert(parts, Manifest)

    def _derived(self) -> dict[str, str]:
        """Return the derived values in their order.

        First those of the base that choices change, its defaults; then those that choices add;
        then the others, which see all of them.
        """
        derived = self.tables.get("derived", {})
        defaults = [name for name in derived if name in self.of_choices and name in self.of_base]
        added = [name for name in derived if name in self.of_choices and name not in self.of_base]
        return {name: derived[name] for name in [*defaults, *added, *derived]}

    def _with_choices(self, keys: dict[str, Any]) -> dict[str, Any]:
        """Return a question with the folders that are its choices, if they are folders."""
        keys = {**keys, "settled": tuple(self.settled.get(keys["name"], ()))}
        about = dict(sorted(self.offered.get(keys["name"], {}).items()))
        if not isinstance(keys.get("choices"), str):
            # An overlay may restrict folders to a list.
            return {**keys, "about": about, "folder": self.folders.get(keys["name"], "")}
        folder = choice_folder(keys)
        if not folder or not about:
            reason = f"{keys['choices']!r} holds no folder with a kscaffold.toml"
            hint = "name a folder of the template, such as 'data/*'"
            raise TemplateError(reason, place=keys["place"], key="choices", hint=hint)
        return {**keys, "choices": tuple(about), "folder": folder, "about": about}

    def _in_order(self) -> Iterator[dict[str, Any]]:
        """Return the questions, each that says `after` behind the one that it names."""
        order: list[str] = []
        questions = self.tables["questions"]
        for name, keys in questions.items():
            after = keys.get("after")
            if after is not None and after not in order:
                reason, hint = f"no earlier question {after!r}", near(after, order)
                raise TemplateError(reason, place=keys["place"], key="after", hint=hint)
            order.insert(order.index(after) + 1 if after else len(order), name)
        return (questions[name] for name in order)


def choice_folder(question: Mapping[str, Any]) -> str:
    """Return the folder of which a question's choices are the folders; "" if they are words."""
    choices = question.get("choices")
    found = _FOLDER.fullmatch(choices) if isinstance(choices, str) else None
    return found[1] if found else ""


def _both(one: str, other: str | None) -> str:
    """Return an expression that is true if both are."""
    return one if other is None else f"{one} and ({other})"


def _is_part(path: str) -> bool:
    """Return whether a file is only for other templates to include, such as "_macros.jinja"."""
    name = path.rpartition("/")[2]
    return name.startswith("_") and not name.startswith("__")


def _dangling_names(manifest: Manifest) -> Iterator[TemplateError]:
    """Yield an error for each name that refers to nothing, or to two things."""
    questions = manifest.questions
    named = [
        *((rule.place, "requires", name) for rule in manifest.rules for name in rule.requires),
        *((rule.place, "conflicts", name) for rule in manifest.rules for name in rule.conflicts),
        *(
            (question.place, key, name)
            for question in questions.values()
            for key in ("inspect", "prompt", "suggest")
            for name in getattr(getattr(question, key), "arguments", ())
        ),
        *(
            (manifest.place_of("found", key), key, name)
            for key, inspect in manifest.found.items()
            for name in inspect.arguments
        ),
        *((file.place, "answer", file.answer) for file in manifest.files if file.answer),
    ]
    for place, key, name in named:
        if name not in questions:
            reason, hint = f"no question {name!r}", near(name, questions)
            yield TemplateError(reason, place=place, key=key, hint=hint)
    for table in ("found", "derived"):
        for key in {*getattr(manifest, table)} & {*questions}:
            place = manifest.place_of(table, key)
            yield TemplateError("is a question already", place=place, key=key)


def _dangling_placeholders(manifest: Manifest) -> Iterator[TemplateError]:
    """Yield an error for each placeholder that stands for nothing."""
    values = {*manifest.questions, *manifest.found, *manifest.derived}
    for key, name in manifest.placeholders.items():
        if name not in values:
            place, hint = manifest.place_of("placeholders", key), near(name, values)
            reason = f"no question or derived value {name!r}"
            yield TemplateError(reason, place=place, key=key, hint=hint)
