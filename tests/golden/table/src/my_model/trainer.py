"""The training algorithm: what a step of `fit()` and of `evaluate()` does."""

from typing import Any

import jax
import keras

from .fused import FusedModel

Values = list[jax.Array]  # one array per variable, in the order of the model's lists
Logs = dict[str, jax.Array]  # the metrics so far, by name
TrainState = tuple[Values, Values, Values, Values]
TestState = tuple[Values, Values, Values]


@keras.saving.register_keras_serializable(package="my_model")
class CustomModel(FusedModel):
    """A Keras model that trains with the steps below; takes what `keras.Model` takes.

    JAX traces the steps: the values of variables come in with `state`, and new values
    are returned. Inside a step, read or assign a variable only in a `StatelessScope`.

    What to change:
    - `compute_loss` for a loss that `compile()` cannot express;
    - `compute_loss_and_updates`, which comes from Keras, for another forward pass;
    - `train_step` for other gradients or updates, or several losses;
    - `compute_metrics`, which comes from Keras, for what is logged.
    """

    def train_step(self, state: TrainState, data: Any) -> tuple[Logs, TrainState]:
        """Train on one batch: `x`, `y` and weights, each with the batch first."""
        (
            trainable_variables,
            non_trainable_variables,
            optimizer_variables,
            metrics_variables,
        ) = state
        # Any of the three may be nested, and all but `x` may be None.
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)

        grad_fn = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        # The loss that is differentiated may be scaled, for float16: it is not logged.
        (_, aux), gradients = grad_fn(
            trainable_variables,
            non_trainable_variables,
            metrics_variables,
            x,
            y,
            sample_weight,
            training=True,
            optimizer_variables=optimizer_variables,
        )
        # Layers have state too: seeds of dropout, moving averages of BatchNorm.
        loss, y_pred, non_trainable_variables, metrics_variables = aux

        trainable_variables, optimizer_variables = self.optimizer.stateless_apply(
            optimizer_variables, gradients, trainable_variables
        )
        logs, metrics_variables = self.update_metrics(
            metrics_variables, loss, x, y, y_pred, sample_weight
        )
        return logs, (
            trainable_variables,
            non_trainable_variables,
            optimizer_variables,
            metrics_variables,
        )

    def test_step(self, state: TestState, data: Any) -> tuple[Logs, TestState]:
        """Evaluate one batch: the same loss and metrics, without an update of weights."""
        trainable_variables, non_trainable_variables, metrics_variables = state
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)

        _, aux = self.compute_loss_and_updates(
            trainable_variables,
            non_trainable_variables,
            metrics_variables,
            x,
            y,
            sample_weight,
            training=False,
        )
        loss, y_pred, non_trainable_variables, metrics_variables = aux

        logs, metrics_variables = self.update_metrics(
            metrics_variables, loss, x, y, y_pred, sample_weight
        )
        return logs, (trainable_variables, non_trainable_variables, metrics_variables)

    def update_metrics(
        self,
        metrics_variables: Values,
        loss: jax.Array,
        x: Any,
        y: Any,
        y_pred: Any,
        sample_weight: Any,
    ) -> tuple[Logs, Values]:
        """Update every metric with a batch; return the logs and the metrics' values."""
        variables = zip(self.metrics_variables, metrics_variables)
        with keras.StatelessScope(variables):
            # A subclass may override `metrics` without a loss.
            tracker = next((m for m in self.metrics if m.name == "loss"), None)
            if tracker is not None:
                # Weighted, or a partial last batch would be over-counted.
                first = next(a for a in keras.tree.flatten(x) if a is not None)
                tracker.update_state(loss, sample_weight=first.shape[0])
            logs = self.compute_metrics(x, y, y_pred, sample_weight)
            return logs, [v.value for v in self.metrics_variables]
