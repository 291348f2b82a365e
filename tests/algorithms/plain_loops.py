"""What plain loops in JAX are made of: nothing of Keras' trainer or optimizers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Values = list[Any]


class Adam:
    """Adam as in the paper, with the constants that Keras has by default."""

    def __init__(
        self, weights: Values, rate: float, beta_1: float = 0.9, beta_2: float = 0.999
    ) -> None:
        self.rate, self.betas, self.count = rate, (beta_1, beta_2), 0
        self.means = [jnp.zeros_like(w) for w in weights]
        self.squares = [jnp.zeros_like(w) for w in weights]

    def step(self, weights: Values, gradients: Values) -> Values:
        """Return the next weights."""
        self.count += 1
        first, second = self.betas
        means = zip(self.means, gradients, strict=True)
        self.means = [first * m + (1 - first) * g for m, g in means]
        squares = zip(self.squares, gradients, strict=True)
        self.squares = [second * v + (1 - second) * g**2 for v, g in squares]
        rate = self.rate * np.sqrt(1 - second**self.count) / (1 - first**self.count)
        all_three = zip(weights, self.means, self.squares, strict=True)
        return [w - rate * m / (jnp.sqrt(v) + 1e-7) for w, m, v in all_three]


def values_of(variables: Any) -> Values:
    """Return copies of variables' values."""
    return [jnp.array(variable.value) for variable in variables]


def batches(arrays: Any, size: int, epochs: int) -> Iterator[Any]:
    """Yield the rows in their order, the last batch of an epoch being what is left."""
    rows = len(jax.tree.leaves(arrays)[0])
    for start in [*range(0, rows, size)] * epochs:
        some = slice(start, start + size)
        yield jax.tree.map(lambda array, some=some: jnp.asarray(array[some]), arrays)


def furthest(found: Values, expected: Values) -> float:
    """Return the largest difference, relative to the largest value of each array."""
    return max(
        float(np.max(np.abs(np.asarray(a) - np.asarray(b))) / max(1e-3, np.max(np.abs(b))))
        for a, b in zip(found, expected, strict=True)
        if np.size(b)
    )
