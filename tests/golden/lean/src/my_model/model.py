"""The network: which layers, and how they are connected."""

import keras

from .config import Config
from .data import Data, statistics
from .trainer import CustomModel


def build_model(config: Config, data: Data) -> CustomModel:
    """Build the network, `(batch, features)` to `(batch, 1)`, not yet compiled.

    Its ends compute in float32 under any mixed precision policy: features and targets
    need not fit into float16.
    """
    target_mean, target_variance = statistics(data.train.y)

    mean, variance = statistics(data.train.x)
    inputs = keras.Input(data.schema.shape, name="features")
    x = keras.layers.Normalization(
        mean=mean, variance=variance, dtype="float32", name="scale"
    )(inputs)
    for number, units in enumerate(config.hidden_units, start=1):
        x = keras.layers.Dense(units, activation="relu", name=f"hidden_{number}")(x)
        x = keras.layers.Dropout(
            config.dropout, seed=config.seed + number, name=f"dropout_{number}"
        )(x)
    outputs = keras.layers.Dense(
        1,
        activation=None,
        dtype="float32",
        name="predictions",
    )(x)
    # Back to the target's own scale, so that the layers above work near zero.
    outputs = keras.layers.Normalization(
        mean=target_mean,
        variance=target_variance,
        invert=True,
        dtype="float32",
        name="target_scale",
    )(outputs)
    return CustomModel(inputs, outputs, name="my_model")
