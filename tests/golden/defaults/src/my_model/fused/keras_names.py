"""Names that Keras does not document: without one of them, it runs the steps itself."""

from typing import Any

import jax
import keras

ATTRIBUTES: tuple[str, ...] = ("_flatten_layers", "_jax_state_synced", "jax_state_sync")
DataAdapter: Any = object
EpochIterator: Any = None
train_validation_split: Any = None
try:
    from keras.src.trainers import epoch_iterator
    from keras.src.trainers.data_adapters import array_slicing, data_adapter

    DataAdapter = data_adapter.DataAdapter
    EpochIterator = epoch_iterator.EpochIterator
    train_validation_split = array_slicing.train_validation_split
except (ImportError, AttributeError):
    ATTRIBUTES = ("keras.src.trainers",)  # which no model has


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
