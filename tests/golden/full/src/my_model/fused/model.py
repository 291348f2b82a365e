"""The model that fuses its steps."""

import functools
import inspect
from typing import Any

import keras

from .chunks import Chunks, choose_steps
from .execution import FusedFunction, Step
from .keras_internals import train_validation_split, use_functional_class, why_not_fused

DATA_ARGUMENTS = ("x", "y", "sample_weight")


def in_chunks(method: Any) -> Any:
    """Return a method of `keras.Model` that takes its data in chunks."""
    signature = inspect.signature(method)

    @functools.wraps(method)
    def run(model: Any, *args: Any, **kwargs: Any) -> Any:
        call = signature.bind(model, *args, **kwargs)
        steps = model.steps_per_execution
        if why_not_fused(model) or (steps == 1 and not model._auto_steps):
            return method(*call.args, **call.kwargs)
        call.apply_defaults()
        try:
            put_chunks(model, call.arguments)
            return method(*call.args, **call.kwargs)
        except BaseException:
            model.jax_state_sync()  # as `fit()` does
            raise
        finally:
            if "epochs" not in call.arguments:  # only those of `fit()` are described
                model._fused_steps = steps

    return run


def put_chunks(model: Any, given: dict[str, Any]) -> None:
    """Put chunks in the place of the data, also of those to validate with."""
    if isinstance(given["x"], Chunks):  # with which `fit()` validates
        given["x"].built = False  # Keras may ask for a batch again
        return
    data = tuple(map(given.get, DATA_ARGUMENTS))
    held_out, fraction = given.get("validation_data"), given.get("validation_split")
    if fraction and held_out is None:
        data, held_out = train_validation_split(data, fraction)
    size, steps = given["batch_size"], given.get("steps_per_epoch", given.get("steps"))
    options = {n: given[n] for n in ("shuffle", "class_weight") if n in given}
    # Keras asks `predict()` for a batch only if a layer is not built.
    built = "y" not in given and all(each.built for each in model._flatten_layers())
    chunks = Chunks(data, size, steps, built=built, **options)
    if model._auto_steps:
        rows = max(chunks.batch_size or 0, given.get("validation_batch_size") or 0)
        most = keras.config.max_steps_per_epoch()
        limits = steps, given.get("validation_steps"), most
        callbacks = given["callbacks"]
        model._fused_steps = choose_steps(model, chunks, rows, callbacks, *limits)
    chunks.set_steps(model._fused_steps)
    given |= {name: None for name in DATA_ARGUMENTS if name in given}
    given["x"] = chunks
    if held_out is not None:
        data = keras.utils.unpack_x_y_sample_weight(held_out)
        size = given["validation_batch_size"] or size
        given["validation_data"] = Chunks(data, size, given["validation_steps"])
        given["validation_data"].set_steps(model._fused_steps)


@keras.saving.register_keras_serializable(package="my_model")
class FusedModel(keras.Model):
    """A Keras model that fuses its steps; takes what `keras.Model` takes."""

    fit = in_chunks(keras.Model.fit)
    evaluate = in_chunks(keras.Model.evaluate)
    predict = in_chunks(keras.Model.predict)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        use_functional_class(self, *args, **kwargs)
        super().__init__(*args, **kwargs)

    @property
    def steps_per_execution(self) -> Any:
        """Number of steps in one program; set it to "auto" and `fit()` chooses it."""
        return self._fused_steps

    @steps_per_execution.setter
    def steps_per_execution(self, steps: Any) -> None:
        self._auto_steps = steps == "auto"
        self._fused_steps = 1 if self._auto_steps else steps

    def make_train_function(self, force: bool = False) -> None:
        """Set what runs an execution of `fit()`."""
        self._set_function("train", self.train_step, force)

    def make_test_function(self, force: bool = False) -> None:
        """Set what runs an execution of `evaluate()`."""
        self._set_function("test", self.test_step, force)

    def make_predict_function(self, force: bool = False) -> None:
        """Set what runs an execution of `predict()`."""

        def step(state: Any, batch: Any) -> tuple[Any, Any]:
            y_pred, non_trainable_variables = self.predict_step(state, batch)
            return y_pred, (state[0], non_trainable_variables)

        self._set_function("predict", step, force)

    def _set_function(self, kind: str, step: Step, force: bool) -> None:
        """Set the function that fuses `step`, or else Keras' own."""
        is_fused = isinstance(getattr(self, f"{kind}_function"), FusedFunction)
        single = self._fused_steps == 1 and (force or not is_fused)
        use_keras = single or why_not_fused(self)
        if use_keras:
            getattr(super(), f"make_{kind}_function")(force=force or is_fused)
        elif force or not is_fused:
            setattr(self, f"{kind}_function", FusedFunction(self, kind, step))

    def describe_execution(self) -> str:
        """Return how `fit()` runs its steps, in words."""
        reason = why_not_fused(self)
        if not reason and self._fused_steps == 1:
            waits = self._auto_steps and self.train_function is None
            not_chosen = "fit() has not chosen the steps per execution yet"
            reason = not_chosen if waits else "one step per execution"
        if not reason and getattr(self.train_function, "slow_in_loop", False):
            reason = "convolutions are faster one by one on a CPU"
        fused = f"fused {self._fused_steps} steps per execution"
        return f"not fused: {reason}" if reason else fused
