"""The gradient of max pooling on a CPU, where XLA's own takes longer than a convolution.

It is the same to the last bit: each gradient goes to the first of the largest values.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import JaxprEqn

LARGEST_WINDOW = 16  # places; the program grows with them


def gradient_of_pooling(equation: JaxprEqn) -> Callable[..., Any] | None:
    """Return what takes the place of an equation, if it is such a gradient."""
    params = equation.params
    if equation.primitive.name != "select_and_scatter_add" or not is_plain(params):
        return None
    result: Any = equation.outvars[0].aval
    # Of less than 32 bits, XLA rounds by what stands beside an operation.
    if result.dtype.itemsize < 4:
        return None
    keeps, window = params["select_prim"].bind, params["window_dimensions"]

    def operation(of_pooled: jax.Array, values: jax.Array) -> jax.Array:
        return gradient(keeps, window, of_pooled, values)

    return operation


def is_plain(params: dict[str, Any]) -> bool:
    """Tell whether windows touch, without overlaps and padding, and are small."""
    window = params["window_dimensions"]
    touch = window == params["window_strides"] and not any(map(any, params["padding"]))
    return touch and math.prod(window) <= LARGEST_WINDOW


def gradient(
    keeps: Callable[[Any, Any], Any],  # whether the first value goes before the second
    window: tuple[int, ...],
    of_pooled: jax.Array,
    values: jax.Array,
) -> jax.Array:
    """Return the gradient of the values, given that of the pooled ones."""
    counts = of_pooled.shape
    whole = [count * size for count, size in zip(counts, window)]
    split = [number for pair in zip(counts, window) for number in pair]
    blocks = values[tuple(map(slice, whole))].reshape(split)
    places = itertools.product(*map(range, window))
    # Place by place through the windows, as XLA goes, which settles NaN and equals.
    chosen, chosen_place = None, jnp.zeros(counts, "int32")
    for number, place in enumerate(places):
        value = blocks[tuple(index for each in place for index in (slice(None), each))]
        if chosen is None:
            chosen = value
        else:
            kept = keeps(chosen, value)
            chosen = jnp.where(kept, chosen, value)
            chosen_place = jnp.where(kept, chosen_place, number)
    apart = [number for count in counts for number in (count, 1)]
    inside = [number for size in window for number in (1, size)]
    at_place = jnp.arange(math.prod(window), dtype="int32").reshape(inside)
    # XLA adds to zeros, which makes -0.0 a 0.0.
    added = jnp.where(of_pooled == 0, 0, of_pooled).reshape(apart)
    spread = jnp.where(chosen_place.reshape(apart) == at_place, added, 0)
    rests = [(0, size - used) for size, used in zip(values.shape, whole)]
    return jnp.pad(spread.reshape(whole), rests)
