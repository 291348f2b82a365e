"""What tutorials teach as a custom step in Keras on JAX, as subjects to verify.

Both are written from the description of such classes, with the slips that they are known for: they
are meant to be found out, and nothing to copy from.
"""

from __future__ import annotations

from typing import Any

import jax
import keras

State = tuple[Any, ...]


@keras.saving.register_keras_serializable(package="tests")
class GuideModel(keras.Model):
    """A step with compiled loss and metrics, walked one by one."""

    def compute_loss_and_updates(
        self, trainable: Any, non_trainable: Any, x: Any, y: Any, weights: Any, training: bool
    ) -> tuple[Any, tuple[Any, Any]]:
        """Return the loss; predictions and updated values come with it."""
        y_pred, non_trainable = self.stateless_call(trainable, non_trainable, x, training=training)
        loss = self.compute_loss(x, y, y_pred, weights)
        return loss, (y_pred, non_trainable)

    def train_step(self, state: State, data: Any) -> tuple[dict[str, Any], State]:
        """Learn from a batch."""
        trainable, non_trainable, optimizer_variables, metrics_variables = state
        x, y, weights = data if len(data) == 3 else (*data, None)
        compute = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        (loss, (y_pred, non_trainable)), gradients = compute(
            trainable, non_trainable, x, y, weights, True
        )
        trainable, optimizer_variables = self.optimizer.stateless_apply(
            optimizer_variables, gradients, trainable
        )
        logs, metrics_variables = self.walk(metrics_variables, loss, y, y_pred, weights)
        return logs, (trainable, non_trainable, optimizer_variables, metrics_variables)

    def test_step(self, state: State, data: Any) -> tuple[dict[str, Any], State]:
        """Measure a batch."""
        trainable, non_trainable, metrics_variables = state
        x, y = data[0], data[1]
        loss, (y_pred, non_trainable) = self.compute_loss_and_updates(
            trainable, non_trainable, x, y, None, False
        )
        logs, metrics_variables = self.walk(metrics_variables, loss, y, y_pred, None)
        return logs, (trainable, non_trainable, metrics_variables)

    def walk(
        self, variables: Any, loss: Any, y: Any, y_pred: Any, weights: Any
    ) -> tuple[dict[str, Any], Any]:
        """Update each metric with its slice of the variables."""
        updated: list[Any] = []
        logs = {}
        for metric in self.metrics:
            mine = variables[len(updated) : len(updated) + len(metric.variables)]
            if metric.name == "loss":
                mine = metric.stateless_update_state(mine, loss, sample_weight=weights)
            else:
                mine = metric.stateless_update_state(mine, y, y_pred, sample_weight=weights)
            logs[metric.name] = metric.stateless_result(mine)
            updated += mine
        return logs, updated


@keras.saving.register_keras_serializable(package="tests")
class ManualGuideModel(keras.Model):
    """A step with a loss and a metric of its own, and no step for tests."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.mae_metric = keras.metrics.MeanAbsoluteError(name="mae")
        self.loss_fn = keras.losses.MeanSquaredError()

    @property
    def metrics(self) -> list[keras.Metric]:
        """Both metrics."""
        return [self.loss_tracker, self.mae_metric]

    def compute_loss_and_updates(
        self, trainable: Any, non_trainable: Any, x: Any, y: Any, training: bool = False
    ) -> tuple[Any, tuple[Any, Any]]:
        """Return the loss; predictions and updated values come with it."""
        y_pred, non_trainable = self.stateless_call(trainable, non_trainable, x, training=training)
        return self.loss_fn(y, y_pred), (y_pred, non_trainable)

    def train_step(self, state: State, data: Any) -> tuple[dict[str, Any], State]:
        """Learn from a batch."""
        trainable, non_trainable, optimizer_variables, metrics_variables = state
        x, y = data
        compute = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        (loss, (y_pred, non_trainable)), gradients = compute(
            trainable, non_trainable, x, y, training=True
        )
        trainable, optimizer_variables = self.optimizer.stateless_apply(
            optimizer_variables, gradients, trainable
        )
        split = len(self.loss_tracker.variables)
        of_loss = self.loss_tracker.stateless_update_state(metrics_variables[:split], loss)
        of_mae = self.mae_metric.stateless_update_state(metrics_variables[split:], y, y_pred)
        logs = {
            "loss": self.loss_tracker.stateless_result(of_loss),
            "mae": self.mae_metric.stateless_result(of_mae),
        }
        return logs, (trainable, non_trainable, optimizer_variables, [*of_loss, *of_mae])
