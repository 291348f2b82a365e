"""The training algorithm: what a step of `fit()` and of `evaluate()` does."""

from inspect import signature
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
    - `compute_loss_and_updates` for another loss or another forward pass;
    - `train_step` for other gradients or updates, or several losses;
    - `metrics` for one more metric, and `update_metrics` if it takes other arguments.
    Loss and metrics are those of `__init__`: `compile()` takes the optimizer alone.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.loss_fn = keras.losses.SparseCategoricalCrossentropy()
        # Keras shows the loss of an epoch only under the name "loss".
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")

    @property
    def metrics(self) -> list[keras.Metric]:
        """The metrics to update by hand, which Keras resets at each epoch's start."""
        return [self.loss_tracker, self.accuracy]

    def compute_loss_and_updates(
        self,
        trainable_variables: Values,
        non_trainable_variables: Values,
        metrics_variables: Values,
        x: Any,
        y: Any,
        sample_weight: Any,
        training: bool = False,
        optimizer_variables: Values | None = None,
    ) -> tuple[jax.Array, tuple[jax.Array, Any, Values, Values]]:
        """Return the loss to differentiate, and what Keras' own `test_step` unpacks."""
        # A model's `call` need not take `training`, and then it must not be given it.
        takes_training = "training" in signature(self.call).parameters
        given = {"training": training} if takes_training else {}
        y_pred, non_trainable_variables, losses = self.stateless_call(
            trainable_variables, non_trainable_variables, x, return_losses=True, **given
        )
        loss = self.loss_fn(y, y_pred, sample_weight)
        # Regularizers, and what layers add in their call, count as in any Keras model.
        loss = sum(map(keras.ops.sum, losses), start=loss)
        updates = (loss, y_pred, non_trainable_variables, metrics_variables)
        if not training:
            return loss, updates
        # Or float16 gradients may vanish; the optimizer scales them back to apply them.
        optimizer = zip(self.optimizer.variables, optimizer_variables or [])
        with keras.StatelessScope(optimizer):
            return self.optimizer.scale_loss(loss), updates

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
        logs: Logs = {}
        updated: Values = []
        for metric in self.metrics:
            # The values come in one list, in the order of `metrics`.
            values = metrics_variables[len(updated) :][: len(metric.variables)]
            shown: tuple[Any, ...] = (y, y_pred, sample_weight)
            if metric is self.loss_tracker:
                # Weighted, or a partial last batch would be over-counted.
                first = next(a for a in keras.tree.flatten(x) if a is not None)
                shown = (loss, first.shape[0])
            values = metric.stateless_update_state(values, *shown)
            logs[metric.name] = metric.stateless_result(values)
            updated += values
        return logs, updated
