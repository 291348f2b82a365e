"""Models that train in their own way, and models that break a promise, as subjects to verify."""

from __future__ import annotations

from typing import Any

import jax
import keras
import numpy as np

from tests.verify.guide_models import State


def data() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return x and y of 40 rows."""
    x = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
    return x, x[:, :1] * 2


class SignModel(keras.Model):
    """Trains by the signs of the gradients, which no stock option does; rightly done."""

    def objective(self, trainable: Any, non_trainable: Any, x: Any, y: Any, training: bool) -> Any:
        """Return the loss; predictions and updated values come with it."""
        y_pred, non_trainable = self.stateless_call(trainable, non_trainable, x, training=training)
        return keras.ops.mean((y - y_pred) ** 2), non_trainable

    def measured(self, loss: Any, x: Any, metrics_variables: Any) -> Any:
        """Return the updated loss tracker's variables."""
        pairs = zip(self.metrics_variables, metrics_variables, strict=True)
        with keras.StatelessScope(pairs) as scope:
            self.metrics[0].update_state(loss, sample_weight=x.shape[0])
            logs = {"loss": self.metrics[0].result()}
        return logs, [scope.get_current_value(v) for v in self.metrics_variables]

    def train_step(self, state: State, data: Any) -> tuple[dict[str, Any], State]:
        """Learn from a batch."""
        trainable, non_trainable, optimizer_variables, metrics_variables = state
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        compute = jax.value_and_grad(self.objective, has_aux=True)
        (loss, non_trainable), gradients = compute(trainable, non_trainable, x, y, True)
        trainable, optimizer_variables = self.optimizer.stateless_apply(
            optimizer_variables, [jax.numpy.sign(g) for g in gradients], trainable
        )
        logs, metrics_variables = self.measured(loss, x, metrics_variables)
        return logs, (trainable, non_trainable, optimizer_variables, metrics_variables)

    def test_step(self, state: State, data: Any) -> tuple[dict[str, Any], State]:
        """Measure a batch."""
        trainable, non_trainable, metrics_variables = state
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        loss, _ = self.objective(trainable, non_trainable, x, y, False)
        logs, metrics_variables = self.measured(loss, x, metrics_variables)
        return logs, (trainable, non_trainable, metrics_variables)


def sign_model() -> tuple[Any, ...]:
    """Return a model whose class has a signature of its own, and its data."""
    inputs = keras.Input((4,))
    model = SignModel(inputs, keras.layers.Dense(1)(inputs))
    model.compile(optimizer="adam", loss="mse")
    return model, *data()


class Idle(SignModel):
    """Forgets the new weights."""

    def train_step(self, state: State, data: Any) -> tuple[dict[str, Any], State]:
        """Return the old ones."""
        logs, (_, *rest) = super().train_step(state, data)
        return logs, (state[0], *rest)


class Restless(SignModel):
    """Is another one at each start."""

    starts = 0

    def train_step(self, state: State, data: Any) -> tuple[dict[str, Any], State]:
        """Shift the weights by a number that the class counts up."""
        Restless.starts += 1
        logs, (trainable, *rest) = super().train_step(state, data)
        return logs, ([value + 0.01 * Restless.starts for value in trainable], *rest)


class Unlisted(SignModel):
    """Has a metric that Keras does not know."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.extra = keras.metrics.Mean(name="extra")

    @property
    def metrics(self) -> list[keras.Metric]:
        """Leave it out."""
        return [metric for metric in super().metrics if metric is not self.extra]


class Learning(SignModel):
    """Changes itself while it is tested."""

    def test_step(self, state: State, data: Any) -> tuple[dict[str, Any], State]:
        """Count batches in what is not trained."""
        logs, (trainable, non_trainable, metrics) = super().test_step(state, data)
        return logs, (trainable, [value + 1 for value in non_trainable], metrics)


class Silent(SignModel):
    """Hides what is not a number."""

    def objective(self, *arguments: Any) -> Any:
        """Replace it by zero."""
        loss, non_trainable = super().objective(*arguments)
        return jax.numpy.nan_to_num(loss), non_trainable


class Fickle(SignModel):
    """Trains otherwise when it is not compiled."""

    def train_step(self, state: State, data: Any) -> tuple[dict[str, Any], State]:
        """Learn twice as much outside of tracing."""
        logs, (trainable, *rest) = super().train_step(state, data)
        if not isinstance(trainable[0], jax.core.Tracer):
            trainable = [2 * value for value in trainable]
        return logs, (trainable, *rest)


class Leaky(SignModel):
    """Keeps a value of the tracing."""

    def train_step(self, state: State, data: Any) -> tuple[dict[str, Any], State]:
        """Put the loss where it outlives the step."""
        logs, state = super().train_step(state, data)
        KEPT.append(logs["loss"])
        return logs, state


KEPT: list[Any] = []
