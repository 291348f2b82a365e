"""Manifests put on top of each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from kscaffold.errors import Place, TemplateError
from kscaffold.hints import near
from kscaffold.template.manifest import Manifest, Question
from kscaffold.template.manifest.file import (
    Choice,
    ManifestFile,
    check_choice,
    choice_folder,
    of_choice,
)
from kscaffold.template.manifest.tables import ManifestTable
from kscaffold.toml import read_table


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
    for mistake in _dangling(manifest, is_chosen):
        raise mistake
    return manifest


class _Stack:
    """The manifests so far, each question, rule, file and command with its place."""

    def __init__(self) -> None:
        names = ("template", "questions", "derived", "folders")
        self.tables: dict[str, dict[str, Any]] = {name: {} for name in names}
        self.lists: dict[str, list[dict[str, Any]]] = {"rules": [], "files": [], "after": []}
        self.places: dict[tuple[str, str], Place] = {}
        self.about: dict[str, dict[str, str]] = {}  # of each question with folders, its choices
        self.derived_by: dict[bool, set[str]] = {False: set(), True: set()}  # by choices or not
        self.elsewhere: set[str] = set()  # files of choices that are not made

    def put(self, file: ManifestFile) -> None:
        """Put one more manifest on top."""
        said = read_table(ManifestTable, file.values, file.place)
        values = file.values
        if file.choice is None:
            self._check_layer(said, file.place)
        else:
            check_choice(file, file.choice.answer, self.tables["questions"])
            values = of_choice(file, file.choice)
            self._offer(file.choice, said, file.place)
        self.derived_by[file.choice is not None] |= {*said.derived}
        for name, value in values.items():
            self._put_key(name, value, file.place.below(name), extends=bool(said.extends))
        if file.is_chosen:
            self.lists["files"] += [*self._unlisted(file)]
            for name in said.remove:
                self._remove(name, file.place)
        else:
            self.elsewhere |= {*file.files, *(each.template for each in said.files)}

    def _offer(self, choice: Choice, said: ManifestTable, place: Place) -> None:
        """Add a choice to its question, and its answers to the questions that it settles."""
        about, questions = str(said.template.description), self.tables["questions"]
        self.about.setdefault(choice.question, {})[choice.answer] = about
        for name, value in said.answers.items():
            if name not in questions:
                hint, place = near(name, questions), place.below("answers")
                raise TemplateError(f"no question {name!r}", place=place, hint=hint)
            settled = (choice.condition, choice.option, value)
            questions[name]["settled"] = (*questions[name].get("settled", ()), settled)

    def _check_layer(self, said: ManifestTable, place: Place) -> None:
        if said.answers:
            raise TemplateError(
                "belongs to a folder that is a choice", place=place.below("answers")
            )
        if said.extends and not self.tables["template"]:
            raise TemplateError(f"extends {said.extends!r}, so it needs that below it", place=place)
        for key in ("name", "description"):
            if not said.extends and getattr(said.template, key) is None:
                raise TemplateError("is missing", place=place.below("template"), key=key)

    def _put_key(self, name: str, value: Any, place: Place, *, extends: bool) -> None:
        if name in self.lists:
            self.lists[name] += ({**v, "place": place.below(n)} for n, v in enumerate(value))
        elif name == "questions":
            for question, keys in value.items():
                self._put_question(question, keys, place.below(question))
        elif isinstance(value, dict) and not (name == "template" and extends):
            self.tables[name] = {**self.tables.get(name, {}), **value}
            self.places |= {(name, key): place for key in value}

    def _put_question(self, name: str, keys: Mapping[str, Any], place: Place) -> None:
        old = self.tables["questions"].get(name, {})
        fewer = keys.get("choices")
        if isinstance(fewer, (list, tuple)) and old.get("default") not in fewer:
            old = {key: value for key, value in old.items() if key != "default"}
        own = {"folder": folder} if (folder := choice_folder(keys)) else {}
        self.tables["questions"][name] = {**old, **keys, **own, "name": name, "place": place}

    def _unlisted(self, file: ManifestFile) -> Iterator[dict[str, Any]]:
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
        """Return what all of them say."""
        questions = {
            keys["name"]: read_table(Question, self._with_choices(keys), keys["place"])
            for keys in self._in_order()
        }
        tables = {**self.tables, "derived": self._derived(), "questions": questions}
        return msgspec.convert({**tables, **self.lists, "places": self.places}, Manifest)

    def _derived(self) -> dict[str, str]:
        """Return the derived values in their order.

        First those of the base that choices change, its defaults; then those that choices add;
        then the others, which see all of them.
        """
        base, choices = self.derived_by[False], self.derived_by[True]
        derived = self.tables["derived"]
        order = [name for name in derived if name in base & choices]
        order += [name for name in derived if name not in base]
        return {name: derived[name] for name in [*order, *derived]}

    def _with_choices(self, keys: dict[str, Any]) -> dict[str, Any]:
        """Return a question with the folders that are its choices, if they are folders."""
        about = dict(sorted(self.about.get(keys["name"], {}).items()))
        if not isinstance(keys.get("choices"), str):
            # An overlay may restrict folders to a list.
            return {**keys, "about": about}
        if not choice_folder(keys) or not about:
            reason = f"{keys['choices']!r} holds no folder with a kscaffold.toml"
            hint = "name a folder of the template, such as 'data/*'"
            raise TemplateError(reason, place=keys["place"], key="choices", hint=hint)
        return {**keys, "choices": tuple(about), "about": about}

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


def _is_part(path: str) -> bool:
    """Return whether a file is only for other templates to include, such as "_macros.jinja"."""
    name = path.rpartition("/")[2]
    return name.startswith("_") and not name.startswith("__")


def _dangling(manifest: Manifest, is_chosen: bool) -> Iterator[TemplateError]:
    """Yield an error for each name that refers to nothing, or to two things."""
    questions = manifest.questions
    values = {*questions, *manifest.derived}
    named = [
        *((rule.place, "requires", name) for rule in manifest.rules for name in rule.requires),
        *((rule.place, "conflicts", name) for rule in manifest.rules for name in rule.conflicts),
        *(
            (question.place, "inspect", name)
            for question in questions.values()
            for name in (question.inspect.arguments if question.inspect else ())
        ),
    ]
    for place, key, name in named:
        if name not in questions:
            reason, hint = f"no question {name!r}", near(name, questions)
            yield TemplateError(reason, place=place, key=key, hint=hint)
    for key in {*manifest.derived} & {*questions}:
        place = manifest.place_of("derived", key)
        yield TemplateError("is a question already", place=place, key=key)
    for key, name in manifest.placeholders.items() if is_chosen else ():
        if name not in values:
            place, hint = manifest.place_of("placeholders", key), near(name, values)
            reason = f"no question or derived value {name!r}"
            yield TemplateError(reason, place=place, key=key, hint=hint)
