"""How many steps run in one execution, where the model is asked to choose."""

from __future__ import annotations

import itertools
import math
from typing import Any

import jax
import keras

CHUNK_BYTES = 8 * 2**20  # a few chunks are in memory at a time
# Ctrl-C and the progress bar wait for the end of an execution: at most so many steps,
# or more for a small model, as long as steps times weights are below the product.
CHUNK_STEPS = 256
CHUNK_WORK = CHUNK_STEPS * 100_000
UNKNOWN_STEPS = 8  # where it is not known how large a batch is


def choose_steps(
    model: keras.Model, data: Any, batch_size: int, callbacks: Any = None
) -> int:
    """Return K: an epoch if it is not too long, and 1 if a callback works by batches.

    `batch_size` is 0 if the data are not arrays.
    """
    callbacks = keras.tree.flatten(getattr(callbacks, "callbacks", callbacks))
    if any(map(works_by_batches, callbacks)):
        return 1
    if not batch_size:
        return UNKNOWN_STEPS
    arrays = jax.tree.leaves(data)
    numbers = sum(math.prod(array.shape) for array in arrays)
    rows = max(1, len(arrays[0]))
    fitting = CHUNK_BYTES * rows // max(1, 4 * numbers * batch_size)
    # The number of weights is unknown before the model is built.
    work = CHUNK_WORK // max(1, model.count_params()) if model.built else 0
    return max(1, min(math.ceil(rows / batch_size), fitting, max(CHUNK_STEPS, work)))


def works_by_batches(callback: Any) -> bool:
    """Return whether a callback does anything before or after a batch."""
    # Keras' own callbacks that save do nothing in these hooks if they save by epochs.
    by_epochs = getattr(callback, "save_freq", None) == "epoch"
    kinds = ("batch", "train_batch", "test_batch", "predict_batch")
    for kind, end in itertools.product(kinds, ("begin", "end")):
        hook = f"on_{kind}_{end}"
        method = getattr(callback, hook, None)
        nothing = getattr(keras.callbacks.Callback, hook)
        if method is None or getattr(method, "__func__", method) is nothing:
            continue
        if not (by_epochs and method.__module__.startswith("keras.")):
            return True
    return False
