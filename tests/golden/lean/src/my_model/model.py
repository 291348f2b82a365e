"""The network: which layers, and how they are connected."""

import keras

from .config import Config
from .data import load_data, load_schema
from .trainer import CustomModel


def build_model(config: Config) -> CustomModel:
    """Build the network, scaled to the training data and not yet compiled.

    It takes `(batch, features)` and gives `(batch, 1)`.
    """
    schema = load_schema(config)
    train = load_data(config).train

    inputs = keras.Input((len(schema.features),), name="features")
    x = keras.layers.Normalization(
        mean=train.x.mean(axis=0), variance=train.x.var(axis=0), name="scale"
    )(inputs)
    for number, units in enumerate(config.hidden_units, start=1):
        x = keras.layers.Dense(units, activation="relu", name=f"hidden_{number}")(x)
        x = keras.layers.Dropout(
            config.dropout, seed=config.seed + number, name=f"dropout_{number}"
        )(x)
    outputs = keras.layers.Dense(
        1,
        activation=None,
        name="predictions",
    )(x)
    # Back to the target's own scale, so that the layers above work near zero.
    outputs = keras.layers.Normalization(
        mean=train.y.mean(),
        variance=train.y.var(),
        invert=True,
        name="target_scale",
    )(outputs)
    return CustomModel(inputs, outputs, name="my_model")
