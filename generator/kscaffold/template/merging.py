"""Merge the manifests of layers and choices."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from kscaffold.errors import Place, TemplateError
from kscaffold.hints import near
from kscaffold.template.choices import check_choice, choice_folder, condition, conditional
from kscaffold.template.manifest import Manifest, Question, Settled, unknown_name
from kscaffold.template.manifest.tables import ManifestTable
from kscaffold.template.parts import Part
from kscaffold.toml import read_table


def merge(parts: Iterable[Part], taken: Container[Part] = (), *, is_whole: bool = True) -> Manifest:
    """Merge manifests, from the bottom to the top, and check the result.

    A later one adds questions, derived values, placeholders, folders, rules, files and commands;
    a table of the same name changes the keys that it has; `remove` drops files.

    `taken` are the choices that are made: of others, only questions and rules count. Only if all
    are made (`is_whole`) must all names exist. Raises `TemplateError` for whatever is wrong.
    """
    stack = _Stack()
    for part in parts:
        stack.put(part, is_chosen=not part.question or part in taken)
    manifest = stack.manifest()
    for mistake in (*manifest.dangling_names(is_whole=is_whole), *manifest.leaking_secrets()):
        raise mistake
    return manifest


class _Stack:
    """The manifests so far; each question, rule, file and command has its place."""

    def __init__(self) -> None:
        names = ("template", "questions", "derived", "folders")
        self.tables: dict[str, dict[str, Any]] = {name: {} for name in names}
        self.lists: dict[str, list[dict[str, Any]]] = {"rules": [], "files": [], "after": []}
        self.places: dict[tuple[str, str], Place] = {}
        self.about: dict[str, dict[str, str]] = {}  # of each question with folders, its choices
        self.derived_by: dict[bool, set[str]] = {False: set(), True: set()}  # by choices or not
        self.elsewhere: set[str] = set()  # files of choices that are not made

    def put(self, part: Part, *, is_chosen: bool) -> None:
        """Put one more manifest on top."""
        said = read_table(ManifestTable, part.values, part.place)
        values = part.values
        if part.question:
            check_choice(part, self.tables["questions"])
            values = conditional(part, is_chosen=is_chosen)
            self._offer(part, said)
        else:
            self._check_layer(said, part.place)
        self.derived_by[bool(part.question)] |= {*said.derived}
        for name, value in values.items():
            self._put_key(name, value, part.place.below(name), extends=bool(said.extends))
        files = part.layer.files()
        if is_chosen:
            self.lists["files"] += [*self._unlisted(files, part.place.below("folders"))]
            for name in said.remove:
                self._remove(name, part.place)
        else:
            self.elsewhere |= {*files, *(each.template for each in said.files)}

    def _offer(self, part: Part, said: ManifestTable) -> None:
        """Add a choice to its question, and its answers to other questions."""
        if part.is_offered:
            self.about.setdefault(part.question, {})[part.answer] = part.layer.description
        questions = self.tables["questions"]
        for name, value in said.answers.items():
            place = part.place.below("answers")
            if name not in questions:
                raise unknown_name("question", name, questions, place)
            settled = Settled(condition(part), part.question, value, place)
            # A choice comes before those that it extends.
            questions[name]["settled"] = (settled, *questions[name].get("settled", ()))

    def _check_layer(self, said: ManifestTable, place: Place) -> None:
        if said.answers:
            reason = "belongs to a folder that is a choice"
            raise TemplateError(reason, place=place.below("answers"))
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

    def _unlisted(self, files: Iterable[str], place: Place) -> Iterator[dict[str, Any]]:
        """Yield the files in [folders] that no [[files]] lists so far."""
        listed = {each["template"] for each in self.lists["files"]}
        for path in files:
            folder, _, rest = path.partition("/")
            into = self.tables["folders"].get(folder)
            # Files such as "_macros.jinja" are only there for others to include.
            is_partial = re.search(r"(^|/)_(?!_)[^/]*$", path)
            if path not in listed and rest and into is not None and not is_partial:
                target = "/".join(filter(None, (into.strip("/"), rest))).removesuffix(".jinja")
                yield {"template": path, "target": target, "place": place}

    def _remove(self, name: str, place: Place) -> None:
        files = self.lists["files"]
        kept = [file for file in files if name not in (file["template"], file["target"])]
        if len(kept) == len(files) and name not in self.elsewhere:
            known = (file["template"] for file in files)
            raise unknown_name("file", name, known, place, "remove")
        self.lists["files"] = kept

    def manifest(self) -> Manifest:
        """Return the merged manifest."""
        questions = {
            keys["name"]: read_table(Question, self._with_choices(keys), keys["place"])
            for keys in self._in_order()
        }
        _check_settled(questions)
        tables = {**self.tables, "derived": self._derived(), "questions": questions}
        return msgspec.convert({**tables, **self.lists, "places": self.places}, Manifest)

    def _derived(self) -> dict[str, str]:
        """Return the derived values in order.

        First the defaults of the base that choices change, then those that choices add, then all
        others, which see the former.
        """
        base, choices = self.derived_by[False], self.derived_by[True]
        derived = self.tables["derived"]
        defaults = [name for name in derived if name in base & choices]
        added = [name for name in derived if name not in base]
        return {name: derived[name] for name in [*defaults, *added, *derived]}

    def _with_choices(self, keys: dict[str, Any]) -> dict[str, Any]:
        """Return a question with the folders that are its choices, if it has such."""
        about = dict(sorted(self.about.get(keys["name"], {}).items()))
        if not isinstance(keys.get("choices"), str):
            # An overlay may restrict folders to a list.
            for name in keys.get("choices", ()) if keys.get("folder") else ():
                if name not in about:
                    raise unknown_name("choice", name, about, keys["place"], "choices")
            return {**keys, "about": about}
        if not choice_folder(keys) or not about:
            reason = f"{keys['choices']!r} has no folder with a kscaffold.toml"
            hint = "name a folder of the template, such as 'data/*'"
            raise TemplateError(reason, place=keys["place"], key="choices", hint=hint)
        return {**keys, "choices": tuple(about), "about": about}

    def _in_order(self) -> Iterator[dict[str, Any]]:
        """Return the questions in order; one with `after` follows the one that it names."""
        order: list[str] = []
        questions = self.tables["questions"]
        for name, keys in questions.items():
            after = keys.get("after")
            if after is not None and after not in order:
                raise unknown_name("earlier question", after, order, keys["place"], "after")
            order.insert(order.index(after) + 1 if after else len(order), name)
        return (questions[name] for name in order)


def _check_settled(questions: Mapping[str, Question]) -> None:
    """Refuse answers of choices that no question can have; raises `TemplateError`."""
    order = [*questions]
    for name, question in questions.items():
        for settled in question.settled:
            by, value = questions[settled.by], settled.value
            hint, reason = "", question.mistyped(value)
            if question.about and value not in question.about:
                reason, hint = f"no choice {value!r}", near(str(value), question.about)
            if order.index(by.name) > order.index(name):
                reason, hint = f"is asked before {by.option}", "use a rule instead"
            if reason:
                raise TemplateError(reason, place=settled.place, key=name, hint=hint)
