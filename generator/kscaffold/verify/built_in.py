"""The loss and metrics that a model class has built in, instead of taking them in `compile()`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kscaffold.errors import AnswerError
from kscaffold.verify.cases import Declared, Problem


def built_in(model_class: type[Any]) -> Declared:
    """Return the loss and the metrics that a class makes for itself, if it does.

    Metrics that are named "weighted_..." are weighted, and the others are not; without such names,
    all are weighted. Raises `AnswerError` if they cannot be recreated for `keras.Model`.
    """
    try:
        inputs = keras.Input((4,))
        model = model_class(inputs, keras.layers.Dense(1)(inputs))
    except Exception:  # which every case will show
        return Declared()
    losses = [each for each in vars(model).values() if isinstance(each, keras.losses.Loss)]
    metrics = [metric for metric in model.metrics if metric.name != "loss"]
    if not losses or len(metrics) == len(model.metrics):
        return Declared()
    weighted = [each for each in metrics if each.name.startswith("weighted_")] or metrics
    plain = [each for each in metrics if each not in weighted]
    return Declared(_problem(losses[0]), True, _code(losses[0]), _list(plain), _list(weighted))


def _problem(loss: Any) -> Problem:
    """Return the kind of targets and outputs of a loss, by the name of its class."""
    name = type(loss).__name__
    if name.startswith("Sparse"):
        return "multiclass"
    return "binary" if name.startswith("Binary") else "regression"


def _list(metrics: Sequence[Any]) -> str:
    return f"[{', '.join(map(_code, metrics))}]" if metrics else "None"


def _code(value: Any) -> str:
    """Return the code that recreates a loss or a metric."""
    kind = type(value)
    module = "keras.losses" if isinstance(value, keras.losses.Loss) else "keras.metrics"
    if getattr(eval(module), kind.__name__, None) is not kind:
        module = f"__import__({kind.__module__!r}, fromlist=['*'])"
    code = f"{module}.{kind.__name__}.from_config({value.get_config()!r})"
    try:
        eval(code)
    except Exception as error:
        reason = f"keras.Model cannot be given {kind.__name__}, which the class has built in"
        hint = "--behaviour checks what holds for any algorithm"
        raise AnswerError(f"{reason} ({error})", key="TARGET", hint=hint) from error
    return code
