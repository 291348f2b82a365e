"""Algorithms other than supervised learning, sound and broken ones, as subjects to verify."""

from __future__ import annotations

from typing import Any

import jax
import keras
import numpy as np

from tests.verify.guide_models import State


def rows() -> np.ndarray[Any, Any]:
    """Return 40 rows."""
    return np.random.default_rng(0).normal(size=(40, 4)).astype("float32")


class Algorithm(keras.Model):
    """Minimizes an objective of its own; logs it as "objective", and no "loss"."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.tracker = keras.metrics.Mean(name="objective")

    @property
    def metrics(self) -> list[keras.Metric]:
        """Its one metric."""
        return [self.tracker]

    def objective(self, x: Any, y: Any, training: bool) -> Any:
        """Return what to minimize, of the variables in scope."""
        return keras.ops.mean((self(x, training=training) - y) ** 2)

    def measure(self, trainable: Any, non_trainable: Any, x: Any, y: Any, training: bool) -> Any:
        """Return the objective; updated non-trainable values come with it."""
        variables = [
            *zip(self.trainable_variables, trainable, strict=True),
            *zip(self.non_trainable_variables, non_trainable, strict=True),
        ]
        with keras.StatelessScope(variables) as scope:
            value = self.objective(x, y, training)
        return value, [scope.get_current_value(v) for v in self.non_trainable_variables]

    def logged(self, value: Any, x: Any, values: Any) -> Any:
        """Return the logs, and the metric's new values."""
        values = self.tracker.stateless_update_state(values, value, x.shape[0])
        return {"objective": self.tracker.stateless_result(values)}, values

    def train_step(self, state: State, data: Any) -> tuple[dict[str, Any], State]:
        """Learn from a batch."""
        trainable, non_trainable, optimizer_variables, values = state
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        compute = jax.value_and_grad(self.measure, has_aux=True)
        (value, non_trainable), gradients = compute(trainable, non_trainable, x, y, True)
        trainable, optimizer_variables = self.optimizer.stateless_apply(
            optimizer_variables, gradients, trainable
        )
        logs, values = self.logged(value, x, values)
        return logs, (trainable, non_trainable, optimizer_variables, values)

    def test_step(self, state: State, data: Any) -> tuple[dict[str, Any], State]:
        """Measure a batch."""
        trainable, non_trainable, values = state
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        value, _ = self.measure(trainable, non_trainable, x, y, False)
        logs, values = self.logged(value, x, values)
        return logs, (trainable, non_trainable, values)


@keras.saving.register_keras_serializable(package="tests")
class DictTargets(Algorithm):
    """Learns two targets, which come in a dict."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.heads = {name: keras.layers.Dense(1, name=name) for name in "ab"}

    def call(self, x: Any, training: bool = False) -> dict[str, Any]:
        """Return both outputs."""
        return {name: head(x) for name, head in self.heads.items()}

    def objective(self, x: Any, y: Any, training: bool) -> Any:
        """Sum the errors of both."""
        found = self(x, training=training)
        return sum(keras.ops.mean((found[name] - y[name]) ** 2) for name in "ab")


def dict_targets() -> tuple[Any, ...]:
    """Return a model with targets in a dict, and no loss in its logs."""
    x = rows()
    model = DictTargets()
    model(x[:1])
    model.compile(optimizer="adam")
    return model, x, {"a": x[:, :1], "b": x[:, 1:2] - x[:, :1]}


@keras.saving.register_keras_serializable(package="tests")
class Denoiser(Algorithm):
    """Learns without targets, and draws noise in evaluation, too."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.seeds = keras.random.SeedGenerator(1)
        self.dense = keras.layers.Dense(4)

    def call(self, x: Any, training: bool = False) -> Any:
        """Return the rows without their noise."""
        return self.dense(x)

    def objective(self, x: Any, y: Any, training: bool) -> Any:
        """Measure how much of the noise is left."""
        noise = keras.random.normal(keras.ops.shape(x), seed=self.seeds)
        return keras.ops.mean((self(x + noise, training=training) - x) ** 2)

    def test_step(self, state: State, data: Any) -> tuple[dict[str, Any], State]:
        """Measure a batch, and return the seeds as they are then."""
        trainable, non_trainable, values = state
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        value, non_trainable = self.measure(trainable, non_trainable, x, y, False)
        logs, values = self.logged(value, x, values)
        return logs, (trainable, non_trainable, values)


def denoiser() -> tuple[Any, ...]:
    """Return a model that takes no targets."""
    x = rows()
    model = Denoiser()
    model(x[:1])
    model.compile(optimizer="adam")
    return model, x


@keras.saving.register_keras_serializable(package="tests")
class MeanTeacher(Algorithm):
    """A student in front of whose BatchNorm a bias has a gradient of rounding noise alone."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.student, self.teacher = network("student"), network("teacher")
        self.teacher.set_weights(self.student.get_weights())
        self.teacher.trainable = False

    def call(self, x: Any, training: bool = False) -> Any:
        """Return what the student says."""
        return self.student(x, training=training)

    def objective(self, x: Any, y: Any, training: bool) -> Any:
        """Agree with the targets, and with the teacher."""
        found = self.student(x, training=training)
        taught = self.teacher(x, training=False)
        return keras.ops.mean((found - y) ** 2) + keras.ops.mean((found - taught) ** 2)

    def train_step(self, state: State, data: Any) -> tuple[dict[str, Any], State]:
        """Let the teacher follow the student."""
        logs, (trainable, non_trainable, *rest) = super().train_step(state, data)
        new = dict(zip(map(id, self.trainable_variables), trainable, strict=True))
        new |= dict(zip(map(id, self.non_trainable_variables), non_trainable, strict=True))
        pairs = zip(self.teacher.variables, self.student.variables, strict=True)
        follows = {id(teacher): new[id(student)] for teacher, student in pairs}
        non_trainable = [
            0.9 * value + 0.1 * follows[id(v)] if id(v) in follows else value
            for v, value in zip(self.non_trainable_variables, non_trainable, strict=True)
        ]
        return logs, (trainable, non_trainable, *rest)


def network(name: str) -> keras.Model:
    """Return a network with a BatchNorm, without seeds."""
    layers = [
        keras.Input((4,)),
        keras.layers.Dense(8),
        keras.layers.BatchNormalization(),
        keras.layers.Activation("relu"),
        keras.layers.Dense(1),
    ]
    return keras.Sequential(layers, name=name)


def mean_teacher() -> tuple[Any, ...]:
    """Return a mean teacher."""
    x = rows()
    model = MeanTeacher()
    model(x[:1])
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    return model, x, x[:, :1] * 2


@keras.saving.register_keras_serializable(package="tests")
class Gan(Algorithm):
    """A generator whose gradients come from its own objective, or never, if it is dead."""

    dead = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.seeds = keras.random.SeedGenerator(1)
        self.generator = keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(4)], name="generator"
        )
        self.critic = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)], name="critic")

    def call(self, x: Any, training: bool = False) -> Any:
        """Return how real the rows look."""
        return self.critic(x)

    def objective(self, x: Any, y: Any, training: bool) -> Any:
        """Add both objectives; each reaches the weights that it is for."""
        noise = keras.random.normal((keras.ops.shape(x)[0], 2), seed=self.seeds)
        made = self.generator(noise)
        stopped = keras.ops.stop_gradient(made)
        critic = keras.ops.mean((self.critic(x) - 1) ** 2 + self.critic(stopped) ** 2)
        made = stopped if self.dead else made
        return critic + 0.1 * keras.ops.mean((self.critic(made) - 1) ** 2)


@keras.saving.register_keras_serializable(package="tests")
class DeadGan(Gan):
    """Never trains its generator."""

    dead = True


def gan(model_class: type[Gan] = Gan) -> tuple[Any, ...]:
    """Return a GAN, and its rows."""
    x = rows()
    model = model_class()
    model(x[:1])
    model.compile(optimizer="adam")
    return model, x


def dead_gan() -> tuple[Any, ...]:
    """Return one that never trains its generator."""
    return gan(DeadGan)


class TwoOptimizers(DictTargets):
    """Has an optimizer whose state no checkpoint holds."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.second = [keras.optimizers.SGD(0.1, momentum=0.9)]
        self.second[0].build(self.trainable_variables)


def two_optimizers() -> tuple[Any, ...]:
    """Return a model with an optimizer on the side."""
    x = rows()
    model = TwoOptimizers()
    model(x[:1])
    model.compile(optimizer="adam")
    return model, x, {"a": x[:, :1], "b": x[:, 1:2]}
