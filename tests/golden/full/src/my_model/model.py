"""The network: a plain stack of layers."""

import keras

from .config import Config
from .data import Data
from .trainer import CustomModel


def build_model(config: Config, data: Data) -> CustomModel:
    """Build the network, not yet compiled.

    It takes images `(batch, height, width, channels)` and gives `(batch, classes)`.
    """
    images = data.train.x
    classes = len(data.schema.labels)

    network = keras.Sequential([keras.Input(images.shape[1:], name="images")])
    network.add(keras.layers.Rescaling(1 / images.max(), name="scale"))
    for number, filters in enumerate(config.filters, start=1):
        network.add(
            keras.layers.Conv2D(
                filters, 3, padding="same", activation="relu", name=f"conv_{number}"
            )
        )
        network.add(keras.layers.MaxPooling2D(padding="same", name=f"pool_{number}"))
    network.add(keras.layers.Flatten(name="flatten"))
    network.add(keras.layers.Dropout(config.dropout, seed=config.seed, name="dropout"))
    network.add(
        keras.layers.Dense(
            classes, activation="softmax", dtype="float32", name="predictions"
        )
    )
    (inputs,), (outputs,) = network.inputs, network.outputs
    return CustomModel(inputs, outputs, name="my_model")
