"""The model that fuses its steps."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Iterator
from typing import Any, Literal

import jax
import keras

from .chunks import Chunks, batch_size_of, missing_in_keras, train_validation_split
from .execution import FusedFunction, Step
from .functional import use_functional_class
from .steps import choose_steps

DATA = ("x", "y", "sample_weight")
MODEL = ("trainable_variables", "non_trainable_variables")
STATES = {  # what is in the state of a function, as Keras calls it
    "train": (*MODEL, "optimizer_variables", "metrics_variables"),
    "test": (*MODEL, "metrics_variables"),
    "predict": MODEL,
}

documented_as: Any = functools.wraps  # of any type, since Keras declares none


class FusedModel(keras.Model):
    """A Keras model that fuses its steps; takes what `keras.Model` takes.

    It relies on how Keras calls `make_train_function()`, `make_test_function()` and
    `make_predict_function()`, and on how it writes back what they return.
    """

    data_on_device = False  # whether arrays stay on the device and are gathered there

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        use_functional_class(self, *args, **kwargs)
        super().__init__(*args, **kwargs)

    @property
    def steps_per_execution(self) -> int:
        """Number of steps in one compiled program."""
        return self.steps

    @steps_per_execution.setter
    def steps_per_execution(self, steps: int | Literal["auto"]) -> None:
        """Set it; with "auto", `fit()` chooses it."""
        self.chooses_steps = steps == "auto"
        self.steps = 1 if self.chooses_steps else steps

    def make_train_function(self, force: bool = False) -> None:
        """Set what runs an execution of `fit()`."""
        self.set_function("train", self.train_step, force)

    def make_test_function(self, force: bool = False) -> None:
        """Set what runs an execution of `evaluate()`."""
        self.set_function("test", self.test_step, force)

    def make_predict_function(self, force: bool = False) -> None:
        """Set what runs an execution of `predict()`."""

        def step(state: Any, batch: Any) -> tuple[Any, Any]:
            y_pred, non_trainable_variables = self.predict_step(state, batch)
            return y_pred, (state[0], non_trainable_variables)

        self.set_function("predict", step, force)

    def set_function(self, kind: str, step: Step, force: bool) -> None:
        """Set the function that fuses `step`, or else Keras' own."""
        is_fused = isinstance(getattr(self, f"{kind}_function"), FusedFunction)
        if self.why_not_fused():
            getattr(super(), f"make_{kind}_function")(force=force or is_fused)
        elif force or not is_fused:
            keep = functools.partial(self.keep_state, STATES[kind])
            function = FusedFunction(step, keep, joins=kind == "predict")
            setattr(self, f"{kind}_function", function)

    def keep_state(self, names: tuple[str, ...], state: Any) -> None:
        """Let Keras find the newest state, should it have to write it back at once."""
        vars(self)["_jax_state"] = dict(zip(names, state))

    def _get_jax_state(
        self, *, purge_model_variables: bool = False, **kinds: bool
    ) -> tuple[Any, ...]:
        """Keep the state before Keras takes it out of the variables."""
        state: tuple[Any, ...] = super()._get_jax_state(**kinds)
        if purge_model_variables:
            self.keep_state(
                tuple(kind for kind, taken in kinds.items() if taken), state
            )
            self._jax_state_synced = False
            super()._get_jax_state(purge_model_variables=True, **kinds)
        return state

    def why_not_fused(self) -> str | None:
        """Return why Keras' own functions are used, if they are."""
        if missing := missing_in_keras(self):
            return f"untested with this Keras version, which has no {missing[0]}"
        if keras.distribution.distribution() is not None:
            return "the batches are distributed"
        settings: Any = jax.config
        if self.run_eagerly or not self.jit_compile or settings.jax_disable_jit:
            names = [e.name for e in self._flatten_layers() if not e.supports_jit]
            layers = f", because of the layer {names[0]}" if names else ""
            return f"the steps are not compiled{layers}"
        return "one step per execution" if self.steps == 1 else None

    def describe_execution(self) -> str:
        """Return how `fit()` runs its steps, in words."""
        reason = self.why_not_fused()
        if self.chooses_steps and self.train_function is None and self.steps == 1:
            reason = "fit() has not chosen the steps per execution yet"
        if reason is None and getattr(self.train_function, "one_by_one", False):
            reason = "convolutions are faster one by one on a CPU"
        if reason is None:
            return f"fused {self.steps} steps per execution"
        return f"not fused: {reason}"

    @documented_as(keras.Model.fit)
    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Train as `keras.Model.fit()` does, in the same order."""
        given = by_name(keras.Model.fit, self, args, kwargs)
        size, steps = given.get("batch_size"), given.get("steps_per_epoch")
        self.choose_steps(given, steps)
        if self.why_not_fused():
            return super().fit(**given)
        part, held_out = given.pop("validation_split", 0), given.get("validation_data")
        if part and held_out is None:
            data, held_out = train_validation_split(tuple(map(given.get, DATA)), part)
            given |= dict(zip(DATA, data))
        order = {"shuffle": given.get("shuffle", True)}
        order["class_weight"] = given.get("class_weight")
        self.put_chunks(given, size, steps, **order)
        if held_out is not None:
            data = dict(zip(DATA, keras.utils.unpack_x_y_sample_weight(held_out)))
            size = given.get("validation_batch_size") or size
            self.put_chunks(data, size, given.get("validation_steps"))
            given["validation_data"] = data["x"]
        return super().fit(**given)

    @documented_as(keras.Model.evaluate)
    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Measure as `keras.Model.evaluate()` does."""
        given = by_name(keras.Model.evaluate, self, args, kwargs)
        with self.in_chunks(given):
            return super().evaluate(**given)

    @documented_as(keras.Model.predict)
    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Predict as `keras.Model.predict()` does."""
        given = by_name(keras.Model.predict, self, args, kwargs)
        with self.in_chunks(given, predicts=True):
            return super().predict(**given)

    @contextlib.contextmanager
    def in_chunks(
        self, given: dict[str, Any], predicts: bool = False
    ) -> Iterator[None]:
        """Put chunks in the place of the data, and the values back where they were."""
        chosen, steps = self.steps, given.get("steps")
        # `fit()` evaluates with its own callbacks, and as many steps as it trains with.
        if not isinstance(given.get("callbacks"), keras.callbacks.CallbackList):
            self.choose_steps(given, steps)
        try:
            if not self.why_not_fused():
                # Keras asks `predict()` for a batch if this is not so.
                built = predicts and all(e.built for e in self._flatten_layers())
                self.put_chunks(given, given.get("batch_size"), steps, built=built)
            yield
        except BaseException:
            self.jax_state_sync()  # as `fit()` does
            raise
        finally:
            self.steps = chosen

    def choose_steps(self, given: dict[str, Any], steps_per_epoch: int | None) -> None:
        """Choose the steps per execution if they are "auto"."""
        if self.chooses_steps:
            data = tuple(map(given.get, DATA))
            size = batch_size_of(data, given.get("batch_size"), steps_per_epoch)
            self.steps = choose_steps(self, data, size, given.get("callbacks"))

    def put_chunks(self, given: dict[str, Any], *size: Any, **options: Any) -> None:
        """Put chunks in the place of x, y and weights."""
        data = tuple(given.pop(name, None) for name in DATA)
        if not isinstance(data[0], Chunks):
            data = (Chunks(data, self.steps, self.data_on_device, *size, **options),)
        given["x"] = data[0]


def by_name(
    method: Any, model: FusedModel, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a method by name; raises `TypeError` as a call does."""
    given = dict(inspect.signature(method).bind(model, *args, **kwargs).arguments)
    del given["self"]
    return given.pop("kwargs", {}) | given
