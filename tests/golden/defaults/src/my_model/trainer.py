"""The training algorithm: what a step of `fit()` and of `evaluate()` does."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import jax
import keras

from .fused import FusedModel

Values = list[jax.Array]  # one array a variable, in the order of the model's lists
Logs = dict[str, jax.Array]  # the metrics so far, by name
TrainState = tuple[Values, Values, Values, Values]


@keras.saving.register_keras_serializable(package="my_model")
class CustomModel(FusedModel):
    """A Keras model that trains with the steps below; takes what `keras.Model` takes.

    JAX traces the steps: variables' values come in with `state`, and new values are
    returned. Inside a step, use a variable of the model only in a `StatelessScope`.
    """

    def train_step(self, state: TrainState, data: Any) -> tuple[Logs, TrainState]:
        """Learn from one batch: `x`, `y` and weights, each with the batch first."""
        (
            trainable_variables,
            non_trainable_variables,
            optimizer_variables,
            metrics_variables,
        ) = state
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)

        compute_gradients = jax.value_and_grad(
            self.compute_loss_and_updates, has_aux=True
        )
        (_, aux), gradients = compute_gradients(
            trainable_variables,
            non_trainable_variables,
            metrics_variables,
            x,
            y,
            sample_weight,
            training=True,
            optimizer_variables=optimizer_variables,
        )
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
        """Run the forward pass and the loss on values instead of variables.

        Returns the loss to differentiate, a scalar, and then what Keras' own test step
        unpacks: the loss to report, the predictions, the updated non-trainable values
        and the updated metrics values.
        """
        variables = [
            *zip(self.trainable_variables, trainable_variables),
            *zip(self.non_trainable_variables, non_trainable_variables),
            *zip(self.metrics_variables, metrics_variables),
        ]
        # One scope for both, so that the loss sees what layers add in their call, such
        # as activity regularizers: after `stateless_call` those would be gone. Like it,
        # `call` takes the batch as it is, where `self(x)` would cast it first.
        with keras.StatelessScope(variables, collect_losses=True) as scope:
            y_pred = self.call(x, **accepted(self.call, training))
            loss = self.compute_loss(
                x, y, y_pred, sample_weight, **accepted(self.compute_loss, training)
            )
        updates = (
            current_values(scope, self.non_trainable_variables),
            current_values(scope, self.metrics_variables),
        )
        if not training:
            return loss, (loss, y_pred, *updates)
        # Float16 gradients vanish unless the optimizer may scale the loss, and with it
        # the gradients: it scales them back when it applies them.
        optimizer = zip(self.optimizer.variables, optimizer_variables or [])
        with keras.StatelessScope(optimizer):
            return self.optimizer.scale_loss(loss), (loss, y_pred, *updates)

    def update_metrics(
        self,
        metrics_variables: Values,
        loss: jax.Array,
        x: Any,
        y: Any,
        y_pred: Any,
        sample_weight: Any,
    ) -> tuple[Logs, Values]:
        """Show a batch to every metric; return the logs and the metrics' new values."""
        variables = zip(self.metrics_variables, metrics_variables)
        with keras.StatelessScope(variables) as scope:
            # Weighted by its size, a short last batch counts for no more than it is.
            loss_tracker = next(m for m in self.metrics if m.name == "loss")
            loss_tracker.update_state(loss, sample_weight=batch_size(x))
            logs = self.compute_metrics(x, y, y_pred, sample_weight)
        return logs, current_values(scope, self.metrics_variables)


def accepted(method: Callable[..., Any], training: bool) -> dict[str, bool]:
    """Return the `training` argument if `method` takes it: it need not."""
    takes_it = "training" in inspect.signature(method).parameters
    return {"training": training} if takes_it else {}


def current_values(
    scope: keras.StatelessScope, variables: Iterable[keras.Variable]
) -> Values:
    """Return the values that the variables have at the end of `scope`."""
    return [scope.get_current_value(variable) for variable in variables]


def batch_size(x: Any) -> int:
    """Return the number of examples in `x`: an array, or arrays nested in any way."""
    return int(jax.tree.leaves(x)[0].shape[0])
