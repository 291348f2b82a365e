"""The network: a class of its own, with its layers and its forward pass."""

from collections.abc import Sequence
from typing import Any

import jax
import keras

from .config import Config
from .data import Data, statistics
from .table.encoding import encode_columns
from .trainer import CustomModel


@keras.saving.register_keras_serializable(package="my_model")
class Network(keras.Model):
    """A multilayer perceptron: `(batch, features)` to `(batch, outputs)`."""

    def __init__(
        self,
        hidden_units: Sequence[int],
        outputs: int,
        dropout: float,
        seed: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.arguments = {
            "hidden_units": list(hidden_units),
            "outputs": outputs,
            "dropout": dropout,
            "seed": seed,
        }
        self.hidden = [
            keras.layers.Dense(units, activation="relu", name=f"hidden_{number}")
            for number, units in enumerate(hidden_units, start=1)
        ]
        self.dropouts = [
            keras.layers.Dropout(dropout, seed=seed + number)
            for number, _ in enumerate(hidden_units, start=1)
        ]
        self.head = keras.layers.Dense(
            outputs,
            activation=None,
            dtype="float32",
            name="predictions",
        )

    def call(self, inputs: jax.Array, training: bool = False) -> jax.Array:
        """Return the predictions; dropout is active only in training."""
        x = inputs
        for dense, dropout in zip(self.hidden, self.dropouts, strict=True):
            x = dropout(dense(x), training=training)
        return self.head(x)

    def get_config(self) -> dict[str, Any]:
        """Return what a saved network is built from again: the arguments."""
        return {**super().get_config(), **self.arguments}


def build_model(config: Config, data: Data) -> CustomModel:
    """Build the network, a dict of columns to `(batch, 1)`, not yet compiled.

    Its ends compute in float32 under any mixed precision policy: features and targets
    need not fit into float16.
    """
    target_mean, target_variance = statistics(data.train.y)

    inputs = {
        name: keras.Input(array.shape[1:], dtype=array.dtype.name, name=name)
        for name, array in data.train.x.items()
    }
    x = encode_columns(data.train.x, data.schema)(inputs)
    network = Network(
        hidden_units=config.hidden_units,
        outputs=1,
        dropout=config.dropout,
        seed=config.seed,
        name="network",
    )
    outputs = network(x)
    # Back to the target's own scale, so that the network works near zero.
    outputs = keras.layers.Normalization(
        mean=target_mean,
        variance=target_variance,
        invert=True,
        dtype="float32",
        name="target_scale",
    )(outputs)
    return CustomModel(inputs, outputs, name="my_model")
