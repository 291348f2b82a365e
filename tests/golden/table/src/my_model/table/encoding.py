"""A layer that turns the columns of a table into one row of numbers near zero."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import jax
import keras
import numpy as np
from keras import ops

from .schema import Array, Schema

ONE_HOT = 16  # values of a category; one with more is embedded
TAIL = 3.0  # numbers are bent from here on, and none is further from zero
STEPS = 32  # of a number; fewer in a wide table
MOST_STEPS = 4096


@keras.saving.register_keras_serializable(package="my_model")
class ColumnEncoding(keras.layers.Layer):
    """Encode what `table.reading` returns as `(batch, width)`, float32.

    A number is the median where it is missing, scaled, and bent at its tails. Beside it
    are the steps between its quantiles, each from 0 to 1, since what follows from a number
    often changes its slope. A category is one-hot or embedded.
    """

    def __init__(
        self,
        median: Sequence[float],
        scale: Sequence[float],
        edges: Sequence[Sequence[float]],
        missing: Sequence[int],
        sizes: Sequence[int],
        others: Sequence[int],
        **kwargs: Any,
    ) -> None:
        """Take the statistics of the training rows.

        Args:
            median: Of each number.
            scale: What each number is multiplied by.
            edges: The quantiles of each number, from the smallest to the largest.
            missing: The numbers that are missing somewhere.
            sizes: The codes of each category, with that of any other value.
            others: The categories with other values; elsewhere these would be untrained.
            **kwargs: What any layer takes.
        """
        super().__init__(**kwargs)
        self.arguments: dict[str, Any] = {
            "median": [*median],
            "scale": [*scale],
            "edges": [[*each] for each in edges],
            "missing": [*missing],
            "sizes": [*sizes],
            "others": [*others],
        }
        self.median = np.array(median, np.float32)
        self.scale = np.array(scale, np.float32)
        self.steps = steps_between(edges)
        self.embeddings = {
            str(number): keras.layers.Embedding(size, embedding_width(size))
            for number, size in enumerate(sizes)
            if size > ONE_HOT
        }

    def build(self, input_shape: Any) -> None:
        """Make the embeddings."""
        for embedding in self.embeddings.values():
            embedding.build((None,))

    def call(self, inputs: dict[str, jax.Array]) -> jax.Array:
        """Return the encoded columns, numbers first."""
        parts = []
        if "numbers" in inputs:
            parts += self.encode_numbers(inputs["numbers"])
        for number, _ in enumerate(self.arguments["sizes"]):
            parts.append(self.encode_category(inputs["categories"][:, number], number))
        return ops.concatenate(parts, axis=1)

    def encode_numbers(self, numbers: jax.Array) -> list[jax.Array]:
        """Return the scaled numbers, their steps, and which are missing."""
        missing = ops.isnan(numbers)
        filled = ops.where(missing, self.median, numbers)
        x = ops.clip((filled - self.median) * self.scale, -1e4, 1e4)
        bent = x / ops.sqrt(1 + (x / TAIL) ** 2)
        column, start, width = self.steps
        steps = (ops.take(filled, column, axis=1) - start) / width
        steps = ops.clip(steps, 0, 1) - 0.5  # near zero
        columns = [missing[:, number] for number in self.arguments["missing"]]
        indicators = [ops.cast(column[:, None], "float32") for column in columns]
        return [bent, steps, *indicators]

    def encode_category(self, codes: jax.Array, number: int) -> jax.Array:
        """Return a row of numbers for each code of a category; 0 is any other value."""
        size = self.arguments["sizes"][number]
        if str(number) in self.embeddings:
            encoded = self.embeddings[str(number)](codes)
        else:
            encoded = ops.one_hot(codes, size)
        if number in self.arguments["others"]:
            return encoded
        return encoded * ops.cast(codes > 0, "float32")[:, None]

    def get_config(self) -> dict[str, Any]:
        """Return what a saved layer is built from again: the statistics."""
        return {**super().get_config(), **self.arguments}


def steps_between(edges: Sequence[Sequence[float]]) -> tuple[Array, Array, Array]:
    """Return the number, the start and the width of each step between quantiles."""
    steps = [(n, *ends) for n, each in enumerate(edges) for ends in pairwise(each)]
    number, start, stop = np.array(steps, np.float32).reshape(-1, 3).T
    return number.astype(int), start, stop - start


def embedding_width(size: int) -> int:
    """Return how many numbers a category of so many values is embedded in."""
    return min(32, round(1.6 * size**0.5))


def quantiles(column: Array, shares: Array) -> list[float]:
    """Return distinct quantiles of a column; none if a straight line tells all."""
    found = np.unique(np.nanquantile(column, shares).astype(np.float32))
    return found.tolist() if len(found) > 2 else []


def encode_columns(x: dict[str, Array], schema: Schema) -> ColumnEncoding:
    """Make the layer for training rows; all statistics are in float64."""
    rows = len(next(iter(x.values())))
    numbers = x.get("numbers", np.empty((rows, 0))).astype(np.float64)
    categories = x.get("categories", np.empty((rows, 0), np.int32))
    missing = np.isnan(numbers)
    numbers = np.where(missing.all(axis=0), 0.0, numbers)
    quarters = np.linspace(0, 1, 5)
    found = [np.nanquantile(column, quarters) for column in numbers.T]
    low, first, median, third, high = np.reshape(found, (-1, 5)).T
    # Most cells of some columns are equal: their range counts then.
    spread = np.where(third > first, third - first, (high - low) / 2)
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    shares = np.linspace(0, 1, 1 + min(STEPS, MOST_STEPS // max(len(median), 1)))
    names = schema.of_kind("category")
    return ColumnEncoding(
        median=median.tolist(),
        scale=scale.tolist(),
        edges=[quantiles(column, shares) for column in numbers.T],
        missing=np.flatnonzero(missing.any(axis=0)).tolist(),
        sizes=[len(schema.columns[name].values) + 1 for name in names],
        others=np.flatnonzero((categories == 0).any(axis=0)).tolist(),
        dtype="float32",
        name="encoding",
    )
