"""The class under test: of a generated project, or any other."""

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
    """A class under test.

    Attributes:
        place: where it is imported from, such as "my_model.trainer:CustomModel".
        folder: what is put on the import path for that; None for the current one.
        declared: what it is compiled with; None: the class is asked what it has built in.
    """

    place: str
    folder: str | None = None
    declared: Declared | None = field(default_factory=Declared)

    def load(self) -> type[Any]:
        """Import the class.

        Raises:
            AnswerError: there is no such module or class, or it is not a Keras model class.
            KscaffoldError: its module fails while it is imported.
        """
        import keras

        found = self.find()
        if not (isinstance(found, type) and issubclass(found, keras.Model)):
            raise AnswerError(f"{self.place} is not a Keras model class", key="TARGET")
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
    folder = Path(target)
    if folder.is_dir():
        packages = [path.parent.name for path in folder.glob("src/*/trainer.py")]
        if len(packages) != 1:
            reason = (
                f"{folder.resolve()} is not a project of kscaffold's: no src/PACKAGE/trainer.py"
            )
            hint = "for another model give package.module:Class"
            raise AnswerError(reason, key="TARGET", hint=hint)
        place = f"{packages[0]}.trainer:CustomModel"
        return Subject(place, str(folder.resolve() / "src"), declared=None)
    module, colon, name = target.partition(":")
    if not colon or not all(part.isidentifier() for part in [*module.split("."), name]):
        reason = f"{target!r} is neither the folder of a project nor package.module:Class"
        raise AnswerError(reason, key="TARGET")
    return Subject(target)
