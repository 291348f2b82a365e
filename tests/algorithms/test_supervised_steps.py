"""Algorithms that are supervised learning with another step: sam, mixup, adversarial."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.algorithms.plain_loops import Adam, Values, batches, furthest, values_of
from tests.algorithms.projects import Project, Projects, check_float16, mutant, policy
from tests.projects import some

pytestmark = pytest.mark.slow

DATA = {"sam": "diabetes", "mixup": "breast-cancer", "adversarial": "digits"}
SMALL: dict[str, dict[str, Any]] = {
    "diabetes": {"hidden_units": (8,)},
    "breast-cancer": {"hidden_units": (8,)},
    "digits": {"filters": (4,)},
}
OFF: dict[str, dict[str, Any]] = {
    "sam": {"rho": 0.0},
    "mixup": {"alpha": 0.0},
    "adversarial": {"epsilon": 0.0},
}
ON: dict[str, dict[str, Any]] = {
    "sam": {"rho": 0.5},
    "mixup": {"alpha": 1.0},
    "adversarial": {"epsilon": 1.0, "attack_steps": 2},
}


def trained(made: Project, fields: dict[str, Any], **options: Any) -> tuple[Any, Any]:
    """Train on some rows with a partial last batch; return the history and the values."""
    config = made.config(**fields)
    data = made.data(config)
    model = made.model(config, data, **options)
    rows = {name: part[:150] for name, part in data.train._asdict().items()}
    fit = model.fit(**rows, epochs=3, batch_size=64, shuffle=False, verbose=0)
    everything = [*model.trainable_variables, *model.optimizer.variables]
    return fit.history, values_of(everything)


@pytest.mark.parametrize("mode", some(["fused", "eager", "float16"], 3))
@pytest.mark.parametrize("algorithm", OFF)
def test_off_is_supervised_to_the_last_bit(algorithm: str, mode: str, projects: Projects) -> None:
    """With rho, alpha or epsilon 0, weights, optimizer and history are those of supervised."""
    data = DATA[algorithm]
    options: dict[str, dict[str, Any]] = {
        "fused": {"steps_per_execution": 2},
        "eager": {"run_eagerly": True},
        "float16": {"steps_per_execution": 2},
    }
    found = []
    with policy("mixed_float16" if mode == "float16" else "float32"):
        for name, fields in ((algorithm, OFF[algorithm]), ("supervised", {})):
            given = SMALL[data] | fields
            found.append(trained(projects(name, data), given, **options[mode]))
    (history, values), (plain_history, plain_values) = found
    assert history == plain_history
    for value, expected in zip(values, plain_values, strict=True):
        np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("algorithm", some(ON, 4))
def test_behaves(algorithm: str, projects: Projects) -> None:
    """What any algorithm owes: resumed, saved, eager, not jitted and fused runs agree."""
    made = projects(algorithm, DATA[algorithm])
    training = made.training(made.config(**SMALL[DATA[algorithm]], **ON[algorithm]))
    from kscaffold.verify.invariants import checks

    for check in checks().CHECKS:
        check(training)


@pytest.mark.parametrize("algorithm", some(ON, 3))
def test_float16_is_near_float32(algorithm: str, projects: Projects) -> None:
    """The scaled loss neither changes the step nor is it logged."""
    made, data = projects(algorithm, DATA[algorithm]), DATA[algorithm]
    fields = SMALL[data] | ON[algorithm] | {"dropout": 0.0}
    check_float16(lambda: {"loss": trained(made, fields)[0]["loss"]}, rtol=0.1)


def gradients_of_sam(model: Any, loss: Any, weights: Values, others: Values, *batch: Any) -> Any:
    """Return the new state of the layers, and the gradients, written from the paper."""
    import jax
    import jax.numpy as jnp

    value_and_grad = jax.value_and_grad(loss, has_aux=True)
    (_, after), up = value_and_grad(weights, others, *batch)
    norm = jnp.sqrt(sum(jnp.vdot(g, g) for g in up))
    highest = [w + model.rho * g / norm for w, g in zip(weights, up, strict=True)]
    _, gradients = value_and_grad(highest, others, *batch)
    return after, gradients


def gradients_of_mixup(
    model: Any, loss: Any, weights: Values, others: Values, x: Any, y: Any, weight: Any
) -> Any:
    """Return the new state of the layers, and the gradients, written from the paper."""
    import jax

    share, partners, others = model.draw(x, others)
    mixed = share * x + (1 - share) * x[partners]

    def both(weights: Values) -> Any:
        own, after = loss(weights, others, mixed, y, weight)
        other, _ = loss(weights, others, mixed, y[partners], weight[partners])
        return share * own + (1 - share) * other, after

    (_, after), gradients = jax.value_and_grad(both, has_aux=True)(weights)
    return after, gradients


def gradients_of_adversarial(
    _: Any, loss: Any, weights: Values, others: Values, x: Any, y: Any, weight: Any
) -> Any:
    """Return the new state of the layers, and the gradients, written from the papers."""
    import jax
    import jax.numpy as jnp

    attacked = x
    for _ in range(2):
        slope, _ = jax.grad(loss, argnums=2, has_aux=True)(weights, others, attacked, y, weight)
        attacked = jnp.clip(attacked + 1.25 * jnp.sign(slope), x - 1, x + 1)
    gradients, after = jax.grad(loss, has_aux=True)(weights, others, attacked, y, weight)
    return after, gradients


GRADIENTS: dict[str, Callable[..., Any]] = {
    "sam": gradients_of_sam,
    "mixup": gradients_of_mixup,
    "adversarial": gradients_of_adversarial,
}


@pytest.mark.parametrize("algorithm", GRADIENTS)
def test_fit_is_a_plain_loop(algorithm: str, projects: Projects) -> None:
    """Three epochs of fit(), fused, end where a loop ends that uses no trainer of Keras."""
    import jax
    import keras

    data = DATA[algorithm]
    made = projects(algorithm, data)
    config = made.config(**SMALL[data], **ON[algorithm], dropout=0.2)
    parts = made.data(config)
    model = made.model(config, parts, steps_per_execution=2)
    rows = [np.asarray(part[:150]) for part in parts.train]
    rows[0] = rows[0].astype(np.float32)
    rows[2] = np.linspace(0, 2, 150, dtype=np.float32)
    per_row = keras.losses.get(model.loss)

    def loss(weights: Values, others: Values, x: Any, y: Any, weight: Any) -> Any:
        y_pred, after = model.stateless_call(weights, others, x, training=True)
        y = y if y_pred.shape[1] > 1 else y[:, None]
        return jax.numpy.mean(weight * per_row(y, y_pred)), after

    weights = values_of(model.trainable_variables)
    others = values_of(model.non_trainable_variables)
    adam = Adam(weights, config.learning_rate)
    step = jax.jit(lambda *state: GRADIENTS[algorithm](model, loss, *state))
    for batch in batches(rows, 64, epochs=3):
        others, gradients = step(weights, others, *batch)
        weights = adam.step(weights, gradients)

    x, y, weight = rows
    options = {"epochs": 3, "batch_size": 64, "shuffle": False, "verbose": 0}
    model.fit(x, y, sample_weight=weight, **options)

    assert furthest(values_of(model.trainable_variables), weights) < 1e-5


MUTANTS = {
    "sam: other dropout in the second pass": (
        "sam",
        r"_, gradients = differentiate\(self.climb",
        "non_trainable_variables = aux[2]\n        _, gradients = differentiate(self.climb",
    ),
    "sam: the norm of each weight alone": (
        "sam",
        r"\(g / norm\)",
        "(g / (keras.ops.norm(keras.ops.reshape(g, -1)) + 1e-12))",
    ),
    "sam: down instead of up": ("sam", r"w \+ self.rho", "w - self.rho"),
    "sam: metrics of the climbed weights": (
        "sam",
        r"\n        _, gradients = differ",
        "\n        aux, gradients = differ",
    ),
    "mixup: targets are not mixed": (
        "mixup",
        r"return mix\(share, loss, partners_loss\), \(unscaled, \*others\)",
        "return loss, (loss, *others)",
    ),
    "mixup: partners count with the row's own weight": (
        "mixup",
        r"loss_of\(take\(targets, partners\)\)",
        "loss_of((take(y, partners), sample_weight))",
    ),
    "mixup: the same partners in each step": (
        "mixup",
        r"share, partners, non_trainable_variables = self.draw",
        "share, partners, _ = self.draw",
    ),
    "mixup: shares the wrong way round": (
        "mixup",
        r"x = mix\(share, x, take\(x, partners\)\)",
        "x = mix(1 - share, x, take(x, partners))",
    ),
    "adversarial: the attack lowers the loss": (
        "adversarial",
        r"attacked \+ step \* direction",
        "attacked - step * direction",
    ),
    "adversarial: the attack leaves the ball": (
        "adversarial",
        r"x - reach, x \+ reach",
        "x - 9, x + 9",
    ),
    "adversarial: the gradient instead of its sign": (
        "adversarial",
        r"keras.ops.sign\((jax.grad\(loss_of\)\(attacked\))\)",
        r"\1",
    ),
    "adversarial: the update sees the images unchanged": (
        "adversarial",
        r"x = self.attack\(",
        "_ = self.attack(",
    ),
}


TELLING = "paper or anew or saved or numpy"


@pytest.mark.parametrize("algorithm", some(DATA, 3))
def test_own_tests_pass(algorithm: str, projects: Projects) -> None:
    """Where nothing is broken, the tests that find mutants pass."""
    made = projects(algorithm, DATA[algorithm])
    assert made.own_tests("tests/test_trainer.py", TELLING) == 0


@pytest.mark.parametrize("name", some(MUTANTS, 4))
def test_own_tests_notice(name: str, tmp_path: Path) -> None:
    """A project's own tests find what people get wrong in these algorithms."""
    algorithm, pattern, replacement = MUTANTS[name]
    answers = {"algorithm": algorithm, "data": DATA[algorithm]}
    broken = mutant(tmp_path / "project", answers, "trainer", pattern, replacement)
    assert broken.own_tests("tests/test_trainer.py", TELLING) == 1
