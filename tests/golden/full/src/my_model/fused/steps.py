"""How many steps run in one execution, where the model is asked to choose."""

import math
from typing import Any

import jax
import keras

from .chunks import Chunks, number_of_rows

CHUNK_BYTES = 8 * 2**20  # a few chunks are in memory at a time
# Ctrl-C and the progress bar wait for the end of an execution: at most so many steps,
# or more for a small model, as long as steps times weights are below the product.
CHUNK_STEPS = 256
CHUNK_WORK = CHUNK_STEPS * 100_000
UNKNOWN_STEPS = 8  # where it is not known how large a batch is


def choose_steps(
    model: keras.Model, chunks: Chunks, callbacks: Any, *limits: int | None
) -> int:
    """Return K: an epoch if it is not too long, and 1 if a callback works by batches.

    K divides all `limits` on the number of steps, so that no limit is exceeded.
    """
    callbacks = getattr(callbacks, "callbacks", callbacks)
    if any(map(works_by_batches, keras.tree.flatten(callbacks))):
        return 1
    steps = UNKNOWN_STEPS
    if chunks.batch_size and chunks.num_batches:
        some = chunks.data if chunks.are_arrays else chunks.data[0].rows(0, 1)
        row_bytes = sum(a.nbytes for a in jax.tree.leaves(some)) / number_of_rows(some)
        fitting = int(CHUNK_BYTES / max(1, row_bytes * chunks.batch_size))
        # The number of weights is unknown before the model is built.
        work = CHUNK_WORK // max(1, model.count_params()) if model.built else 0
        steps = max(1, min(chunks.num_batches, fitting, max(CHUNK_STEPS, work)))
    epoch = math.gcd(*(limit or 0 for limit in limits))
    return next(k for k in range(steps, 0, -1) if epoch % k == 0)


def works_by_batches(callback: Any) -> bool:
    """Return whether a callback does anything before or after a batch."""
    # Keras' own callbacks that save do nothing in these hooks if they save by epochs.
    by_epochs = getattr(callback, "save_freq", None) == "epoch"
    for hook, nothing in vars(keras.callbacks.Callback).items():
        method = getattr(callback, hook, nothing)
        if "batch" not in hook or getattr(method, "__func__", method) is nothing:
            continue
        if not (by_epochs and method.__module__.startswith("keras.")):
            return True
    return False
