"""What Keras does not document: without one of these, Keras runs the steps itself."""

import functools
from typing import Any

import jax
import keras

ATTRIBUTES = ["_flatten_layers", "_jax_state_synced", "jax_state_sync"]
try:
    from keras.src.trainers.data_adapters.array_slicing import train_validation_split
    from keras.src.trainers.data_adapters.data_adapter import DataAdapter
    from keras.src.trainers.epoch_iterator import EpochIterator
except ImportError:
    DataAdapter, EpochIterator, train_validation_split = object, None, None
    ATTRIBUTES = ["keras.src.trainers"]  # which no model has

__all__ = ["DataAdapter", "EpochIterator", "train_validation_split"]


def why_not_fused(model: Any) -> str | None:
    """Return why the steps of a model cannot be fused, or None if they can."""
    for name in ATTRIBUTES:
        if not hasattr(model, name):
            return f"untested with this Keras version, which has no {name}"
    if keras.distribution.distribution() is not None:
        return "the batches are distributed"
    settings: Any = jax.config
    if model.run_eagerly or not model.jit_compile or settings.jax_disable_jit:
        layers = [each for each in model._flatten_layers() if not each.supports_jit]
        cause = f", because of the layer {layers[0].name}" if layers else ""
        return f"the steps are not compiled{cause}"
    return None


def use_functional_class(model: Any, *args: Any, **kwargs: Any) -> None:
    """Give a new functional model a class of its own.

    Otherwise Keras makes `Functional` a base of the model's class, whose subclasses with
    a `call` of their own then fail.
    """
    functional: Any = type(keras.Model.__new__(keras.Model, *args, **kwargs))
    cls: Any = type(model)
    if functional is not keras.Model and not issubclass(cls, functional):
        model.__class__ = functional_class(cls, functional)


@functools.cache
def functional_class(cls: Any, functional: Any) -> Any:
    """Return a subclass of `cls` that is functional too."""
    names = {name: getattr(cls, name) for name in ("__module__", "__qualname__")}
    twin = type(cls.__name__, (cls, functional), names)
    package, found, name = keras.saving.get_registered_name(cls).partition(">")
    if found:
        # Both share one registered name, by which `cls` is found.
        for each in (twin, cls):
            keras.saving.register_keras_serializable(package, name)(each)
    return twin
