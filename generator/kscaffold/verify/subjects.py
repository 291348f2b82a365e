"""The class under test, of a generated project or any other."""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from kscaffold.errors import AnswerError, KscaffoldError
from kscaffold.verify.cases import Declared


@dataclass(frozen=True)
class Subject:
    """A class under test."""

    target: str  # such as "my_model.trainer:CustomModel"
    folder: str | None = None  # to import it from; None: the current folder
    declared: Declared | None = field(default_factory=Declared)  # None: look for built-in ones

    def load(self) -> type[Any]:
        """Import the class; raises `AnswerError`, or `KscaffoldError` if importing it fails."""
        import keras

        found = self.find()
        if not (isinstance(found, type) and issubclass(found, keras.Model)):
            raise AnswerError(f"{self.target} is not a Keras model class", key="TARGET")
        return found

    def find(self) -> object:
        """Import any object that the target names; raises what `load` raises."""
        module_name, _, name = self.target.partition(":")
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
    """Return the subject for a project's folder or "package.module:Class"; raises `AnswerError`."""
    folder = Path(target)
    if folder.is_dir():
        packages = [path.parent.name for path in folder.glob("src/*/trainer.py")]
        if len(packages) != 1:
            reason = f"{folder.resolve()} is not a kscaffold project: no src/PACKAGE/trainer.py"
            hint = "for another model give package.module:Class"
            raise AnswerError(reason, key="TARGET", hint=hint)
        name = f"{packages[0]}.trainer:CustomModel"
        return Subject(name, str(folder.resolve() / "src"), declared=None)
    module, colon, name = target.partition(":")
    if not colon or not all(part.isidentifier() for part in [*module.split("."), name]):
        reason = f"{target!r} is neither the folder of a project nor package.module:Class"
        raise AnswerError(reason, key="TARGET")
    return Subject(target)
