"""Check what any training algorithm must do, for classes that train differently on purpose."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from kscaffold.errors import AnswerError
from kscaffold.hints import near_or_all
from kscaffold.template.fetch import template_root
from kscaffold.verify.pool import compiled_shared, use_jax
from kscaffold.verify.subjects import Subject

ROWS = 40


@dataclass(frozen=True)
class CheckResult:
    """The result of a check."""

    name: str
    promise: str  # what is checked, as a sentence
    problem: str | None  # what is wrong
    note: str | None = None  # what is worth knowing, but not wrong


def checks() -> ModuleType:
    """Load the checks, from the file that generated projects have among their tests."""
    use_jax()
    path = template_root() / "tests" / "machinery" / "behaviour.py"
    spec = importlib.util.spec_from_file_location("kscaffold_behaviour", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # for its dataclasses
    spec.loader.exec_module(module)
    return module


def run_checks(
    subject: Subject, names: Sequence[str] = (), trains: Sequence[str] = ()
) -> Iterator[CheckResult]:
    """Run the named checks (default: all) and yield the results; raises `AnswerError`.

    `trains` are parts of the paths of weights that training must change (default: some weight of
    each layer).
    """
    with compiled_shared():
        module = checks()
        known = {check.__name__.replace("_", " "): check for check in module.CHECKS}
        for name in names:
            if name not in known:
                hint = near_or_all(name, known)
                raise AnswerError(f"no check {name!r}", key="--case", hint=hint)
        training = module.Training(*_make_and_data(subject), tuple(trains))
        for name in names or known:
            yield CheckResult(name, known[name].__doc__ or "", *_run(known[name], training))


def _run(check: Callable[[Any], str | None], training: Any) -> tuple[str | None, str | None]:
    """Return the problem and the note of a check."""
    try:
        return None, check(training)
    except AssertionError as error:
        return str(error), None
    except Exception as error:
        lines = str(error).splitlines() or [""]
        return f"{type(error).__name__}: {lines[0]}"[:300], None


def _make_and_data(subject: Subject) -> tuple[Callable[[], Any], tuple[Any, ...]]:
    import keras

    if subject.folder is not None:
        return _of_project(subject, subject.folder)
    found = subject.find()
    if isinstance(found, type) and issubclass(found, keras.Model):
        return _of_class(found)
    if not callable(found):
        raise AnswerError(f"{subject.target} is neither a model class nor a function", key="TARGET")
    made = found()
    if not (isinstance(made, tuple) and 2 <= len(made) <= 4 and isinstance(made[0], keras.Model)):
        reason = "must return a compiled model, x and, if it takes them, y and sample weights"
        raise AnswerError(f"{subject.target}() {reason}", key="TARGET")
    return lambda: found()[0], made[1:]


def _of_project(subject: Subject, folder: str) -> tuple[Callable[[], Any], tuple[Any, ...]]:
    import keras

    package = subject.target.partition(".")[0]
    names = ("config", "data", "model", "train")
    config_module, data, model, train = (subject.module(f"{package}.{name}") for name in names)
    os.chdir(Path(folder).parent)  # to which the path of a table may be relative
    config = config_module.Config(verbose=0)
    loaded = data.load_data(config)
    rows = keras.tree.map_structure(lambda part: part[:ROWS], tuple(loaded.train))
    return lambda: train.compile_model(model.build_model(config, loaded), config), rows


def _of_class(model_class: type[Any]) -> tuple[Callable[[], Any], tuple[Any, ...]]:
    import keras
    import numpy as np

    def make() -> Any:
        inputs = keras.Input((4,))
        hidden = keras.layers.Dense(8, activation="relu")(inputs)
        hidden = keras.layers.Dropout(0.2, seed=1)(hidden)
        model = model_class(inputs, keras.layers.Dense(1)(hidden))
        model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
        return model

    x = np.random.default_rng(0).normal(size=(ROWS, 4)).astype("float32")
    return make, (x, x[:, :1] - x[:, 1:2] ** 2)
