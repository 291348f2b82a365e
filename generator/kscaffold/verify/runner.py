"""Runs a case with `keras.Model` and with the class under test, and compares what comes out."""

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
from typing import Any

# First of all: it takes the backend from the environment, which the command line has set.
import keras
import numpy as np

from kscaffold.verify.cases import Case, Declared
from kscaffold.verify.outcome import Outcome, Verdict
from kscaffold.verify.subjects import Subject

RELATIVE, ABSOLUTE = 1e-5, 1e-6


StockResults = dict[tuple[Case, Declared], Any]


class Runner:
    """Runs cases with one class; what stock Keras gives is kept for the next class.

    Args:
        subject: the class under test.
        stock: results of `keras.Model`, shared between runners in one process.
    """

    def __init__(self, subject: Subject, stock: StockResults) -> None:
        self.subject = subject
        self.model_class = subject.load()
        self.stock = stock
        _freeze_imported()

    def run(self, case: Case) -> Outcome:
        """Run a case and compare."""
        declared = self.subject.declared
        if declared.manual and not case.suits_manual:
            return Outcome(case, "not applicable", "its loss and metrics are built in")
        expected = self._expected(case)
        if isinstance(expected, Exception):
            return Outcome(case, "not applicable", f"keras.Model itself: {_sentence(expected)}")
        try:
            found = execute(case, self.model_class, declared, manual=declared.manual)
        except Exception as error:
            if case.weights and self._refuses(error):
                return Outcome(case, "refuses", _sentence(error))
            if self._fails_in_any_subclass(case, error):
                detail = f"any subclass of keras.Model: {_sentence(error)}"
                return Outcome(case, "not applicable", detail)
            return Outcome(case, "crashes", _sentence(error))
        return compare(case, expected, found)

    def _fails_in_any_subclass(self, case: Case, error: Exception) -> bool:
        """Return whether a class that adds nothing to `keras.Model` fails with the same error."""
        bare = type("Bare", (keras.Model,), {"__module__": "case"})
        try:
            execute(case, bare, self.subject.declared, manual=False)
        except Exception as found:
            return _sentence(found) == _sentence(error)
        return False

    def _expected(self, case: Case) -> Any:
        key = (case, self.subject.declared)
        if key not in self.stock:
            try:
                if not eval(case.requires, {"keras": keras}):
                    raise NotImplementedError("this version does not have it")
                result = execute(case, keras.Model, self.subject.declared, manual=False)
            except Exception as error:
                result = error.with_traceback(None)
            self.stock[key] = result
        return self.stock[key]

    def _refuses(self, error: Exception) -> bool:
        """Return whether the class itself raised the error, and it names weights as its cause."""
        if not isinstance(error, (ValueError, NotImplementedError)):
            return False
        innermost = traceback.extract_tb(error.__traceback__)[-1].filename
        files = {sys.modules[cls.__module__].__file__ for cls in own_classes(self.model_class)}
        return innermost in files and "weight" in str(error)


@functools.cache
def _freeze_imported() -> None:
    """Keep what is imported by now out of Keras' search for garbage before each case."""
    gc.collect()
    gc.freeze()


def own_classes(model_class: type[Any]) -> list[type[Any]]:
    """Return the class and those above it that are not Keras' own."""
    classes = (cls for cls in model_class.__mro__ if issubclass(cls, keras.Model))
    return [cls for cls in classes if not cls.__module__.startswith("keras.")]


def execute(case: Case, model_class: type[Any], declared: Declared, *, manual: bool) -> Any:
    """Run a case's code with a class; returns history, result, weights and optimizer state."""
    import jax

    temporary = tempfile.TemporaryDirectory(prefix="kscaffold-")
    with _fresh_state(case), _bases_kept(model_class), temporary as folder:
        space: dict[str, Any] = {
            **{"np": np, "keras": keras, "jax": jax, "Model": model_class, "folder": folder},
            # Classes that the code defines belong to a module of its own.
            "__name__": "case",
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
            "weight": [np.array(v.value) for v in _state(model)],
            "optimizer variable": [np.array(v.value) for v in model.optimizer.variables],
        }


def _state(model: Any) -> list[Any]:
    return [*model.trainable_variables, *model.non_trainable_variables]


@contextlib.contextmanager
def _fresh_state(case: Case) -> Iterator[None]:
    policy = keras.config.dtype_policy()
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    try:
        if case.policy:
            keras.config.set_dtype_policy(case.policy)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        keras.config.set_dtype_policy(policy)


@contextlib.contextmanager
def _bases_kept(model_class: type[Any]) -> Iterator[None]:
    """Undo that `Model(inputs, outputs)` makes the class, and each above it, a Functional."""
    own = [(cls, cls.__bases__) for cls in own_classes(model_class)]
    try:
        yield
    finally:
        for cls, bases in own:
            cls.__bases__ = bases


def compare(case: Case, expected: Any, found: Any) -> Outcome:
    """Compare what came out, value by value; the first difference is named."""
    worst: Verdict = "exact"
    detail = ""
    for name in expected:
        for place, one, other in pairs(name, expected[name], found[name]):
            if _same(one, other):
                continue
            close = _close(one, other)
            verdict: Verdict = "within tolerance" if close else "differs"
            if worst == "exact" or (verdict == "differs" and worst != "differs"):
                worst, detail = verdict, _difference(place, one, other)
    return Outcome(case, worst, detail)


def pairs(place: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the leaves of two structures side by side; other shapes of structure are leaves."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from pairs(f"{place} {key!r}", one[key], other[key])
    elif isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        if len(one) == len(other):
            for number, (left, right) in enumerate(zip(one, other, strict=True)):
                yield from pairs(f"{place} {number}", left, right)
        else:
            yield place, one, other
    else:
        yield place, one, other


def _array(value: Any) -> np.ndarray[Any, Any] | None:
    try:
        array = np.asarray(value)
    except ValueError:
        return None
    if array.dtype.kind == "V":  # bfloat16
        array = array.astype("float32")
    return array if array.dtype.kind in "fiub" else None


def _same(one: Any, other: Any) -> bool:
    left, right = _array(one), _array(other)
    if left is None or right is None:
        return bool(type(one) is type(other) and one == other)
    equal_nan = left.dtype.kind == "f" and right.dtype.kind == "f"
    return left.shape == right.shape and np.array_equal(left, right, equal_nan=equal_nan)


def _close(one: Any, other: Any) -> bool:
    left, right = _array(one), _array(other)
    if left is None or right is None or left.shape != right.shape:
        return False
    return np.allclose(right, left, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)


def _difference(place: str, one: Any, other: Any) -> str:
    left, right = _array(one), _array(other)
    if isinstance(one, dict) and isinstance(other, dict):
        return f"{place} has {_keys(other)}, keras.Model has {_keys(one)}"
    if left is None or right is None or left.shape != right.shape:
        return f"{place}: {_short(other)}, keras.Model: {_short(one)}"
    difference = np.abs(right.astype("float64") - left.astype("float64"))
    index = np.unravel_index(int(np.nanargmax(np.nan_to_num(difference, nan=np.inf))), left.shape)
    where = f" at {tuple(map(int, index))}" if left.ndim else ""
    return (
        f"{place}{where}: {float(right[index]):.8g}, keras.Model: {float(left[index]):.8g},"
        f" off by {float(difference[index]):.2g}"
    )


def _keys(values: dict[str, Any]) -> str:
    return ", ".join(map(repr, values)) or "nothing"


def _short(value: Any) -> str:
    text = f"shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)
    return text if len(text) < 80 else f"{text[:77]}..."


def _sentence(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]
