"""Functional models of a class that other classes inherit from.

When a class makes its first functional model, Keras makes `Functional` a base of it, and
subclasses with a `call` of their own fail. Here such a model gets a class of its own.
"""

import functools
from typing import Any

import keras


def use_functional_class(model: Any, *args: Any, **kwargs: Any) -> None:
    """Make a new model functional if it gets the arguments of a functional one."""
    functional: Any = type(keras.Model.__new__(keras.Model, *args, **kwargs))
    cls: Any = type(model)
    if functional is not keras.Model and not issubclass(cls, functional):
        model.__class__ = functional_class(cls, functional)


@functools.cache
def functional_class(cls: Any, functional: Any) -> Any:
    """Return the class of a class' functional models."""
    names = {name: getattr(cls, name) for name in ("__module__", "__qualname__")}
    twin = type(cls.__name__, (cls, functional), names)
    package, found, name = keras.saving.get_registered_name(cls).partition(">")
    if found:
        # Both are saved by one name, by which the first class is found again.
        register = keras.saving.register_keras_serializable(package, name)
        register(twin)
        register(cls)
    return twin
