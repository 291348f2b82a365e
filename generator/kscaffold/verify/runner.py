"""Run a case with `keras.Model` and with the class under test, and compare the results."""

from __future__ import annotations

import contextlib
import functools
import gc
import io
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

# It takes the backend from the environment, which the command line has set.
import keras
import numpy as np

from kscaffold.verify.built_in import built_in
from kscaffold.verify.cases import Case, Declared, Outcome, Verdict
from kscaffold.verify.compare import compare
from kscaffold.verify.snippet import snippet
from kscaffold.verify.subjects import Subject

StockResults = dict[tuple[Case, Declared], Any]


class Runner:
    """Runs cases with one class; runners in one process share the `stock` results of Keras."""

    def __init__(self, subject: Subject, stock: StockResults) -> None:
        self.subject = subject
        self.model_class = subject.load()
        self.stock = stock
        with _fresh_state(None), _bases_kept(self.model_class):
            self.declared = subject.declared or built_in(self.model_class)
        _freeze_imported()

    def run(self, case: Case) -> Outcome:
        """Run a case and compare."""
        outcome = Outcome(case, *self._verdict(case))
        if outcome.holds:
            return outcome
        return replace(outcome, snippet=snippet(case, self.subject, self.declared))

    def _verdict(self, case: Case) -> tuple[Verdict, str]:
        if self.declared.manual and not case.suits_manual:
            return "not applicable", "its loss and metrics are built in"
        expected = self._expected(case)
        if isinstance(expected, Exception):
            return "not applicable", f"keras.Model itself: {_sentence(expected)}"
        try:
            found = execute(case, self.model_class, self.declared, manual=self.declared.manual)
        except Exception as error:
            if case.weights and self._refuses(error):
                return "refuses", _sentence(error)
            if self._fails_in_any_subclass(case, error):
                return "not applicable", f"any subclass of keras.Model: {_sentence(error)}"
            return "crashes", _sentence(error)
        return compare(expected, found)

    def _fails_in_any_subclass(self, case: Case, error: Exception) -> bool:
        """Return whether a class that adds nothing to `keras.Model` fails with the same error."""
        bare = type("Bare", (keras.Model,), {"__module__": "case"})
        try:
            execute(case, bare, self.declared, manual=False)
        except Exception as found:
            return _sentence(found) == _sentence(error)
        return False

    def _expected(self, case: Case) -> Any:
        key = (case, self.declared)
        if key not in self.stock:
            try:
                if not eval(case.requires, {"keras": keras}):
                    raise NotImplementedError("this version does not have it")
                result = execute(case, keras.Model, self.declared, manual=False)
            except Exception as error:
                result = error.with_traceback(None)
            self.stock[key] = result
        return self.stock[key]

    def _refuses(self, error: Exception) -> bool:
        """Return whether the class itself raised the error, because of sample weights."""
        if not isinstance(error, (ValueError, NotImplementedError)):
            return False
        innermost = traceback.extract_tb(error.__traceback__)[-1].filename
        files = {sys.modules[cls.__module__].__file__ for cls in own_classes(self.model_class)}
        return innermost in files and "weight" in str(error)


@functools.cache
def _freeze_imported() -> None:
    """Exclude what is imported by now from the garbage collection that Keras does for each case."""
    gc.collect()
    gc.freeze()


def own_classes(model_class: type[Any]) -> list[type[Any]]:
    """Return the class and its base classes, without those of Keras."""
    classes = (cls for cls in model_class.__mro__ if issubclass(cls, keras.Model))
    return [cls for cls in classes if not cls.__module__.startswith("keras.")]


def execute(case: Case, model_class: type[Any], declared: Declared, *, manual: bool) -> Any:
    """Run a case's code with a class; returns history, result, weights and optimizer state."""
    import jax

    temporary = tempfile.TemporaryDirectory(prefix="kscaffold-")
    with _fresh_state(case.policy), _bases_kept(model_class), temporary as folder:
        space: dict[str, Any] = {
            **{"np": np, "keras": keras, "jax": jax, "Model": model_class, "folder": folder},
            "__name__": "case",  # the module of the classes that the code defines
        }

        def compile_model(model: Any, optimizer: Any = None) -> None:
            arguments = case.compile_code(declared, manual=manual)
            options = eval(f"dict({arguments})", space)
            model.compile(**{**options, **({"optimizer": optimizer} if optimizer else {})})

        space["compile_model"] = compile_model
        exec(compile(case.build_code(declared), "<build>", "exec"), space)
        compile_model(space["model"])
        exec(compile(case.run_code(), "<run>", "exec"), space)
        model, history = space["model"], space.get("history")
        return {
            "history": dict(history.history) if history is not None else {},
            "result": space.get("result"),
            "weight": [
                np.array(v.value)
                for v in (*model.trainable_variables, *model.non_trainable_variables)
            ],
            "optimizer variable": [np.array(v.value) for v in model.optimizer.variables],
        }


@contextlib.contextmanager
def _fresh_state(policy: str | None) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    try:
        if policy:
            keras.config.set_dtype_policy(policy)
        with warnings.catch_warnings(action="ignore"), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        keras.config.set_dtype_policy(before)


@contextlib.contextmanager
def _bases_kept(model_class: type[Any]) -> Iterator[None]:
    """Restore the bases of the class, to which `Model(inputs, outputs)` adds Functional."""
    own = [(cls, cls.__bases__) for cls in own_classes(model_class)]
    try:
        yield
    finally:
        for cls, bases in own:
            cls.__bases__ = bases


def _sentence(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]
