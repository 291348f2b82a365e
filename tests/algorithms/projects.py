"""Generated projects, imported into this process: Keras is imported once for all of them."""

from __future__ import annotations

import importlib
import itertools
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from kscaffold.verify.invariants import checks
from tests.projects import Answers, generate

_numbers = itertools.count()


@dataclass(frozen=True)
class Project:
    """A generated project whose package is imported."""

    folder: Path
    package: str

    def module(self, name: str) -> ModuleType:
        """Import a module of the package."""
        return importlib.import_module(f"{self.package}.{name}")

    def config(self, **fields: Any) -> Any:
        """Return a silent configuration."""
        return self.module("config").Config(**{"verbose": 0, "epochs": 3, **fields})

    def data(self, config: Any) -> Any:
        """Load the data."""
        return self.module("data").load_data(config)

    def model(self, config: Any, data: Any, **options: Any) -> Any:
        """Build and compile the model, the same one for the same configuration."""
        import keras

        keras.utils.set_random_seed(config.seed)
        built = self.module("model").build_model(config, data)
        return self.module("train").compile_model(built, config, **options)

    def training(self, config: Any, rows: int = 40) -> Any:
        """Return the project's model and some rows, for the checks of behaviour."""
        import keras

        data = self.data(config)
        some = keras.tree.map_structure(lambda array: array[:rows], tuple(data.train))
        return checks().Training(lambda: self.model(config, data), some)

    def history(self, fields: dict[str, Any], *, rows: int, epochs: int) -> dict[str, list[float]]:
        """Train on the inputs of some rows, in their order; return the history."""
        config = self.config(**fields)
        data = self.data(config)
        options = {"epochs": epochs, "batch_size": 64, "shuffle": False, "verbose": 0}
        found = self.model(config, data).fit(data.train.x[:rows], **options)
        history: dict[str, list[float]] = found.history
        return history

    def own_tests(self, file: str, chosen: str) -> int:
        """Run chosen tests of the project, in this process; return the exit code.

        XLA optimizes little meanwhile: it saves a third of the time.
        """
        import jax

        ours = {n: module for n, module in sys.modules.items() if n.partition(".")[0] == "tests"}
        for name in ours:
            del sys.modules[name]  # its tests have modules of the same names
        quiet = ("-q", "-x", "-p", "no:cacheprovider", "--import-mode=importlib")
        root = (f"--rootdir={self.folder}", "-c", f"{self.folder}/pyproject.toml")
        settings: Any = jax.config
        settings.update("jax_disable_most_optimizations", True)
        try:
            return int(pytest.main([f"{self.folder}/{file}", "-k", chosen, *quiet, *root]))
        finally:
            settings.update("jax_disable_most_optimizations", False)
            for name in [n for n in sys.modules if n.partition(".")[0] == "tests"]:
                del sys.modules[name]
            sys.modules.update(ours)


def project(folder: Path, answers: Answers) -> Project:
    """Generate a project with a package name of its own, and make it importable."""
    package = f"algorithm_{next(_numbers):03}"
    generate(folder, {**answers, "package": package})
    sys.path.insert(0, str(folder / "src"))
    return Project(folder, package)


# Gives the project of an algorithm, and of a data set if there are several.
Projects = Callable[..., Project]


@contextmanager
def policy(name: str) -> Iterator[None]:
    """Let Keras compute with a policy of precision for a while."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def check_float16(
    train: Callable[[], dict[str, list[float]]], rtol: float, atol: float = 0.0
) -> None:
    """Check that training logs nearly the same in mixed_float16; `train` returns a history.

    The first steps of float16 may be skipped, until the scale of the loss fits.
    """
    found = []
    for name in ("float32", "mixed_float16"):
        with policy(name):
            found.append(train())
    for name, values in found[0].items():
        np.testing.assert_allclose(found[1][name], values, rtol=rtol, atol=atol, err_msg=name)


def mutant(folder: Path, answers: Answers, module: str, pattern: str, replacement: str) -> Project:
    """Generate a project and break a module of it."""
    broken = project(folder, answers)
    path = folder / "src" / broken.package / f"{module}.py"
    text, count = re.subn(pattern, replacement, path.read_text())
    assert count == 1, f"{pattern} is there {count} times"
    path.write_text(text)
    return broken
