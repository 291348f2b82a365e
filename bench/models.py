"""The models that are trained in the benchmarks, as Keras builds them, and how they are trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

BATCH = 32
RATE = 1e-3


@dataclass(frozen=True)
class Subject:
    """A model to train: its layers, the shape of a row, and the work of a round."""

    layers: Callable[[Any], Any]
    shape: tuple[int, ...]
    steps: int
    epochs: int


def mlp(*units: int, regularized: bool = False) -> Callable[[Any], Any]:
    """Return the layers of a perceptron."""

    def layers(x: Any) -> Any:
        for number, width in enumerate(units):
            x = keras.layers.Dense(width, activation="relu")(x)
            if regularized:
                x = keras.layers.BatchNormalization()(x)
                x = keras.layers.Dropout(0.2, seed=number)(x)
        return keras.layers.Dense(1)(x)

    return layers


def convnet(x: Any) -> Any:
    """Return a small convnet's output."""
    for filters in (16, 32):
        x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D()(x)
    return keras.layers.Dense(1)(keras.layers.Flatten()(x))


def transformer(x: Any) -> Any:
    """Return the output of two transformer blocks."""
    width = x.shape[-1]
    for _ in range(2):
        attended = keras.layers.MultiHeadAttention(4, width // 4)(x, x)
        x = keras.layers.LayerNormalization()(x + attended)
        hidden = keras.layers.Dense(4 * width, activation="relu")(x)
        x = keras.layers.LayerNormalization()(x + keras.layers.Dense(width)(hidden))
    return keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(x))


SUBJECTS = {
    "tiny MLP": Subject(mlp(32), (16,), 500, 20),
    "middle MLP": Subject(mlp(128, 128), (64,), 500, 3),
    "MLP, BatchNorm, dropout": Subject(mlp(128, 128, regularized=True), (64,), 300, 3),
    "large MLP": Subject(mlp(512, 512, 512), (128,), 100, 2),
    "transformer": Subject(transformer, (32, 64), 25, 1),
    "convnet": Subject(convnet, (28, 28, 1), 40, 1),
}


def build(subject: Subject, model_class: Any) -> Any:
    """Build the model, the same one each time."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    inputs = keras.Input(subject.shape)
    return model_class(inputs, subject.layers(inputs))


class ThroughFit:
    """Trains with `fit()`."""

    def __init__(self, subject: Subject, model_class: Any, steps: Any) -> None:
        self.subject = subject
        self.model = build(subject, model_class)
        self.model.compile(
            keras.optimizers.Adam(RATE), "mse", metrics=["mae"], steps_per_execution=steps
        )

    def train(self, x: Any, y: Any) -> float:
        """Train for a round; returns the last loss."""
        history = self.model.fit(
            x, y, batch_size=BATCH, epochs=self.subject.epochs, verbose=0
        ).history
        return float(history["loss"][-1])

    def evaluate(self, x: Any, y: Any) -> None:
        """Measure all rows."""
        self.model.evaluate(x, y, batch_size=BATCH, verbose=0)

    def predict(self, x: Any, _: Any) -> None:
        """Predict all rows."""
        self.model.predict(x, batch_size=BATCH, verbose=0)
