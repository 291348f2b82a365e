"""The model that fuses its steps."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import keras

from .chunks import Chunks
from .execution import FusedFunction, Step
from .functional import use_functional_class
from .keras_names import by_name, flatten_layers, train_validation_split, why_not_fused
from .steps import choose_steps

DATA = ("x", "y", "sample_weight")
MODEL = ("trainable_variables", "non_trainable_variables")
STATES = {  # what is in the state of a function, as Keras calls it
    "train": (*MODEL, "optimizer_variables", "metrics_variables"),
    "test": (*MODEL, "metrics_variables"),
    "predict": MODEL,
}

documented_as: Any = functools.wraps  # of any type, since Keras declares none


@keras.saving.register_keras_serializable(package="my_model")
class FusedModel(keras.Model):
    """A Keras model that fuses its steps; takes what `keras.Model` takes."""

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
        if why_not_fused(self):
            getattr(super(), f"make_{kind}_function")(force=force or is_fused)
        elif force or not is_fused:

            def on_new_state(state: Any) -> None:
                # Keras finds it there, should it have to write it back at once.
                self.__dict__["_jax_state"] = dict(zip(STATES[kind], state))

            function = FusedFunction(step, on_new_state, kind == "predict")
            setattr(self, f"{kind}_function", function)

    def describe_execution(self) -> str:
        """Return how `fit()` runs its steps, in words."""
        reason = why_not_fused(self)
        if reason and self._auto_steps and self.train_function is None:
            reason = "fit() has not chosen the steps per execution yet"
        if not reason and getattr(self.train_function, "one_by_one", False):
            reason = "convolutions are faster one by one on a CPU"
        fused = f"fused {self._fused_steps} steps per execution"
        return f"not fused: {reason}" if reason else fused

    @documented_as(keras.Model.fit)
    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Train as `keras.Model.fit()` does, in the same order."""
        given = by_name(super().fit, args, kwargs)
        fraction, held_out = given.get("validation_split"), given.get("validation_data")
        fuses = not why_not_fused(self, not self._auto_steps)
        if fuses and fraction and held_out is None:
            data, held_out = train_validation_split(
                tuple(map(given.get, DATA)), fraction
            )
            given |= {**dict(zip(DATA, data)), "validation_split": 0.0}
            given["validation_data"] = held_out
        size, steps = given.get("batch_size"), given.get("steps_per_epoch")
        limits = steps, given.get("validation_steps")
        order = {"shuffle": given.get("shuffle", True)}
        order["class_weight"] = given.get("class_weight")
        self._put_chunks(given, limits, size, steps, **order)
        if held_out is not None and not why_not_fused(self):
            data = dict(zip(DATA, keras.utils.unpack_x_y_sample_weight(held_out)))
            size = given.get("validation_batch_size") or size
            self._put_chunks(data, None, size, given.get("validation_steps"))
            given["validation_data"] = data["x"]
        return super().fit(**given)

    @documented_as(keras.Model.evaluate)
    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Measure as `keras.Model.evaluate()` does."""
        given = by_name(super().evaluate, args, kwargs)
        with self._in_chunks(given):
            return super().evaluate(**given)

    @documented_as(keras.Model.predict)
    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Predict as `keras.Model.predict()` does."""
        given = by_name(super().predict, args, kwargs)
        with self._in_chunks(given, predicts=True):
            return super().predict(**given)

    @contextlib.contextmanager
    def _in_chunks(self, given: Any, predicts: bool = False) -> Iterator[None]:
        """Put chunks in the place of the data, and the values back where they were."""
        chosen, steps = self._fused_steps, given.get("steps")
        # `fit()` evaluates with its own callbacks, and as many steps as it trains with.
        in_fit = isinstance(given.get("callbacks"), keras.callbacks.CallbackList)
        limits = None if in_fit else (steps,)
        try:
            # Keras asks `predict()` for a batch first if a layer is not built.
            built = predicts and all(e.built for e in flatten_layers(self))
            self._put_chunks(given, limits, given.get("batch_size"), steps, built=built)
            yield
        except BaseException:
            self.jax_state_sync()  # as `fit()` does
            raise
        finally:
            self._fused_steps = chosen

    def _put_chunks(
        self, given: dict[str, Any], limits: Any, *size: Any, **options: Any
    ) -> None:
        """Put chunks in the place of the data; with `limits`, choose the steps anew."""
        data = tuple(map(given.get, DATA))
        if isinstance(data[0], Chunks):  # with which `fit()` validates
            data[0].built = False  # Keras may ask for a batch again
            return
        if why_not_fused(self, not self._auto_steps):
            return
        chunks = Chunks(data, *size, **options)
        if self._auto_steps and limits is not None:
            callbacks = given.get("callbacks")
            self._fused_steps = choose_steps(self, chunks, callbacks, *limits)
        chunks.steps = self._fused_steps
        if self._fused_steps > 1:
            given |= {**{name: None for name in DATA if name in given}, "x": chunks}
