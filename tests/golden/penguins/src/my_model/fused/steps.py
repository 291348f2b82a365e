"""How many steps run in one execution, where the model is asked to choose."""

from __future__ import annotations

import itertools
import math
from typing import Any

import jax
import keras

from .chunks import Chunks

CHUNK_BYTES = 8 * 2**20  # a few chunks are in memory at a time
# Ctrl-C and the progress bar wait for the end of an execution: at most so many steps,
# or more for a small model, as long as steps times weights are below the product.
CHUNK_STEPS = 256
CHUNK_WORK = CHUNK_STEPS * 100_000
UNKNOWN_STEPS = 8  # where it is not known how large a batch is


def choose_steps(
    model: keras.Model, data: Chunks, callbacks: Any, *limits: int | None
) -> int:
    """Return K: an epoch if it is not too long, and 1 if a callback works by batches.

    K divides all `limits` on the number of steps, so that no limit is exceeded.
    """
    callbacks = keras.tree.flatten(getattr(callbacks, "callbacks", callbacks))
    if any(map(works_by_batches, callbacks)):
        return 1
    steps = UNKNOWN_STEPS
    if data.by_rows:
        source = data.source
        # An empty slice: only its shapes and dtypes are needed.
        empty = jax.tree.leaves(source.rows(source.num_rows, source.num_rows))
        row_bytes = sum(math.prod(a.shape[1:]) * a.dtype.itemsize for a in empty)
        fitting = CHUNK_BYTES // max(1, row_bytes * source.batch_size)
        # The number of weights is unknown before the model is built.
        work = CHUNK_WORK // max(1, model.count_params()) if model.built else 0
        steps = max(1, min(source.num_batches, fitting, max(CHUNK_STEPS, work)))
    epoch = math.gcd(*(limit or 0 for limit in limits))
    return next(k for k in range(steps, 0, -1) if epoch % k == 0)


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
