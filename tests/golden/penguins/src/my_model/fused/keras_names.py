"""What is needed of Keras, and when steps are left to Keras' own functions.

Names that Keras does not document are checked here: where one is missing, it runs the
steps itself.
"""

from __future__ import annotations

import inspect
from typing import Any

import jax
import keras

ATTRIBUTES: tuple[str, ...] = ("_flatten_layers", "_jax_state_synced", "jax_state_sync")
DataAdapter: Any = object
get_data_adapter: Any = None
train_validation_split: Any = None
try:
    from keras.src.trainers import data_adapters
    from keras.src.trainers.data_adapters import array_slicing, data_adapter

    DataAdapter = data_adapter.DataAdapter
    get_data_adapter = data_adapters.get_data_adapter
    train_validation_split = array_slicing.train_validation_split
except (ImportError, AttributeError):
    ATTRIBUTES = ("keras.src.trainers.data_adapters",)  # which no model has


def flatten_layers(model: Any) -> list[Any]:
    """Return the layers of a model, and those inside of them."""
    return list(getattr(model, "_flatten_layers", list)())


def why_not_fused(model: Any, steps: bool = True) -> str | None:
    """Return why the steps of a model are not fused, if they are not.

    Without `steps` their number does not count: it may still have to be chosen.
    """
    for name in ATTRIBUTES:
        if not hasattr(model, name):
            return f"untested with this Keras version, which has no {name}"
    if keras.distribution.distribution() is not None:
        return "the batches are distributed"
    settings: Any = jax.config
    if model.run_eagerly or not model.jit_compile or settings.jax_disable_jit:
        layers = [each for each in flatten_layers(model) if not each.supports_jit]
        cause = f", because of the layer {layers[0].name}" if layers else ""
        return f"the steps are not compiled{cause}"
    one = steps and model.steps_per_execution == 1
    return "one step per execution" if one else None


def by_name(method: Any, args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a method by name; raises `TypeError` as a call does."""
    given = dict(inspect.signature(method).bind(*args, **kwargs).arguments)
    return given.pop("kwargs", {}) | given
