"""The class under test: of a generated project, or any other."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from kscaffold.errors import AnswerError, KscaffoldError
from kscaffold.safety.files import MAX_TEXT, read_regular
from kscaffold.toml import TomlError, parse_toml
from kscaffold.verify.cases import Counting, Declared, Problem


@dataclass(frozen=True)
class Subject:
    """A class under test.

    Attributes:
        place: where it is imported from, such as "my_model.trainer:CustomModel".
        folder: what is put on the import path for that; None for the current one.
        declared: what it brings along.
    """

    place: str
    folder: str | None = None
    declared: Declared = field(default_factory=Declared)

    def load(self) -> type[Any]:
        """Import the class.

        Raises:
            AnswerError: there is no such module or class, or it is no Keras model class.
            KscaffoldError: its module fails while it is imported.
        """
        import keras

        found = self.find()
        if not (isinstance(found, type) and issubclass(found, keras.Model)):
            raise AnswerError(f"{self.place} is no Keras model class", key="TARGET")
        return found

    def find(self) -> object:
        """Import what the place names, whatever it is; raises what `load` raises."""
        module_name, _, name = self.place.partition(":")
        module = self.module(module_name)
        if not hasattr(module, name):
            raise AnswerError(f"{module_name} has no {name!r}", key="TARGET")
        return getattr(module, name)

    def module(self, module_name: str) -> ModuleType:
        """Import a module from the subject's folder; raises what `load` raises."""
        folder = self.folder or os.getcwd()  # noqa: PTH109
        if folder not in sys.path:
            sys.path.insert(0, folder)
        try:
            return importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name and module_name.startswith(error.name):
                raise AnswerError(f"no module {module_name!r} in {folder}", key="TARGET") from error
            raise KscaffoldError(f"{module_name} imports {error.name}, which is missing") from error
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise KscaffoldError(f"{module_name} fails while it is imported: {reason}") from error


def find_subject(target: str) -> Subject:
    """Return the class that a command line names: a project's folder, or "package.module:Class".

    Raises:
        AnswerError: it is neither.
    """
    path = Path(target)
    if path.is_dir():
        return _of_project(path.resolve())
    module, colon, name = target.partition(":")
    if not colon or not all(part.isidentifier() for part in [*module.split("."), name]):
        reason = f"{target!r} is neither the folder of a project nor package.module:Class"
        raise AnswerError(reason, key="TARGET")
    return Subject(target)


def _of_project(folder: Path) -> Subject:
    record = folder / ".kscaffold/answers.toml"
    try:
        answers = parse_toml(read_regular(record, MAX_TEXT))["answers"]
        package = answers["package"]
        declared = _declared(answers)
    except (OSError, TomlError, KeyError, TypeError) as error:
        reason = f"{folder} is no project of kscaffold's: {record} cannot be read ({error})"
        hint = "for another model give package.module:Class"
        raise AnswerError(reason, key="TARGET", hint=hint) from error
    return Subject(f"{package}.trainer:CustomModel", str(folder / "src"), declared)


def _declared(answers: dict[str, Any]) -> Declared:
    if not answers["manual_metrics"]:
        return Declared()
    if answers["task"] == "regression":
        problem: Problem = "regression"
    else:
        problem = "binary" if answers["data"] == "breast-cancer" else "multiclass"
    weights: Counting = "both" if problem == "binary" else "weights"
    return Declared(problem, manual=True, counting=weights if answers["sample_weight"] else "rows")
