"""Algorithms with losses that no compile() names: dp-sgd, multitask, pinn."""

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

ALGORITHMS = ("multitask", "dp-sgd", "pinn")
SMALL: dict[str, Any] = {"hidden_units": (8,)}


def trained(made: Project, rows: int, fields: dict[str, Any], **options: Any) -> tuple[Any, Any]:
    """Train on some rows in their order; return the history and the weights."""
    config = made.config(**fields)
    data = made.data(config)
    model = made.model(config, data, **options)
    import keras

    some = {
        name: keras.tree.map_structure(lambda array: array[:rows], part)
        for name, part in data.train._asdict().items()
    }
    fit = model.fit(**some, epochs=3, batch_size=64, shuffle=False, verbose=0)
    return fit.history, values_of(model.trainable_variables)


@pytest.mark.parametrize("algorithm", some(ALGORITHMS, 4))
def test_behaves(algorithm: str, projects: Projects) -> None:
    """What any algorithm owes: resumed, saved, eager, not jitted and fused runs agree."""
    from kscaffold.verify.invariants import checks

    made = projects(algorithm)
    training = made.training(made.config(**SMALL))
    for check in checks().CHECKS:
        check(training)


@pytest.mark.parametrize("algorithm", some(ALGORITHMS, 2))
def test_float16_is_near_float32(algorithm: str, projects: Projects) -> None:
    """The scaled loss neither changes the step nor is it logged."""
    made = projects(algorithm)
    fields = dict(SMALL) if algorithm == "pinn" else {**SMALL, "dropout": 0.0}
    check_float16(lambda: trained(made, 150, fields)[0], rtol=0.1)


@pytest.mark.parametrize("mode", ["float32", "mixed_float16"])
def test_no_clip_and_no_noise_is_supervised(mode: str, projects: Projects) -> None:
    """In whole batches; the sums over rows are rounded in another order."""
    found = []
    with policy(mode):
        for name in ("dp-sgd", "supervised"):
            fields = {**SMALL, "dropout": 0.0, "batch_size": 64}
            if name == "dp-sgd":
                fields |= {"clip": 1e9, "noise": 0.0}
            found.append(trained(projects(name), 192, fields, steps_per_execution=2))
    (history, weights), (plain_history, plain_weights) = found
    tolerance = 1e-5 if mode == "float32" else 1e-3
    assert furthest(weights, plain_weights) < tolerance
    assert history.keys() == plain_history.keys()
    for name, values in plain_history.items():
        np.testing.assert_allclose(history[name], values, rtol=tolerance)


def loop_of_dp_sgd(model: Any, config: Any) -> tuple[Values, Callable[..., None]]:
    """Return the weights of a network, and what trains them on a batch, row by row."""
    import jax
    import jax.numpy as jnp
    import keras

    weights = values_of(model.trainable_variables)
    variables = model.non_trainable_variables
    state = {"others": values_of(variables)}
    noisy = next(n for n, v in enumerate(variables) if v is model.noise_seeds.state)
    adam = Adam(weights, config.learning_rate)
    one = jnp.array([0, 1], jnp.uint32)

    @jax.jit
    def differentiate(weights: Values, others: Values, number: Any, *row: Any) -> Any:
        x, y, weight = (array[None] for array in row)
        folded = [
            jax.random.fold_in(value, number) if value.dtype == jnp.uint32 else value
            for value in others
        ]

        def loss(weights: Values) -> Any:
            y_pred, _ = model.stateless_call(weights, folded, x, training=True)
            return jnp.sum(weight * jnp.square(y[:, None] - y_pred))

        return jax.grad(loss)(weights)

    def step(batch: Any) -> None:
        others = state["others"]
        sums = [jnp.zeros_like(w) for w in weights]
        for number, row in enumerate(zip(*batch, strict=True)):
            gradients = differentiate(weights, others, number, *row)
            norm = float(jnp.sqrt(sum(jnp.vdot(g, g) for g in gradients)))
            share = min(1.0, config.clip / max(norm, 1e-12))
            sums = [s + share * g for s, g in zip(sums, gradients, strict=True)]
        key = others[noisy]
        for n, w in enumerate(weights):
            noise = keras.random.normal(w.shape, seed=key + n * one)
            sums[n] = sums[n] + config.noise * config.clip * noise
        state["others"] = [v + one if v.dtype == jnp.uint32 else v for v in others]
        state["others"][noisy] = key + len(weights) * one
        weights[:] = adam.step(weights, [s / config.batch_size for s in sums])

    return weights, step


def loop_of_multitask(model: Any, config: Any) -> tuple[Values, Callable[..., None]]:
    """Return the weights of a network and the variances, and what trains them on a batch."""
    import jax
    import jax.numpy as jnp

    weights = values_of(model.trainable_variables)
    own = next(n for n, v in enumerate(model.trainable_variables) if v is model.log_variances)
    state = {"others": values_of(model.network.non_trainable_variables)}
    adam = Adam(weights, config.learning_rate)

    @jax.jit
    def differentiate(weights: Values, others: Values, x: Any, y: Any, weight: Any) -> Any:
        def loss(weights: Values) -> Any:
            network = [*weights[:own], *weights[own + 1 :]]
            y_pred, after = model.network.stateless_call(network, others, x, training=True)
            whole: Any = 0.0
            for number, target in enumerate(("progression", "glucose")):
                sigma = jnp.exp(weights[own][number] / 2)
                error = (y[target] - y_pred[target].reshape(-1)) / model.scales[target]
                whole += jnp.mean(weight * (error**2 / (2 * sigma**2) + jnp.log(sigma)))
            return whole, after

        return jax.grad(loss, has_aux=True)(weights)

    def step(batch: Any) -> None:
        gradients, state["others"] = differentiate(weights, state["others"], *batch)
        weights[:] = adam.step(weights, gradients)

    return weights, step


def loop_of_pinn(model: Any, config: Any) -> tuple[Values, Callable[..., None]]:
    """Return the weights of hand-written layers, and what trains them on a batch of points."""
    import jax
    import jax.numpy as jnp

    weights = values_of(model.trainable_variables)
    adam = Adam(weights, config.learning_rate)

    @jax.jit
    def differentiate(weights: Values, points: Any, weight: Any) -> Any:
        def loss(weights: Values) -> Any:
            def u(x: Any, t: Any) -> Any:
                kernel, bias, last_kernel, last_bias = weights
                hidden = jnp.tanh(jnp.array([2 * x - 1, 2 * t - 1]) @ kernel + bias)
                return (hidden @ last_kernel + last_bias)[0]

            def of_point(x: Any, t: Any) -> Any:
                u_xx = jax.grad(jax.grad(u))(x, t)
                equation = jax.grad(u, argnums=1)(x, t) - 0.1 * u_xx
                begin = jnp.sin(jnp.pi * x) + 0.5 * jnp.sin(3 * jnp.pi * x)
                errors = jnp.array([u(0.0, t), u(1.0, t), u(x, 0.0) - begin])
                return equation**2 + config.boundary_weight * errors @ errors

            return jnp.mean(weight * jax.vmap(of_point)(points[:, 0], points[:, 1]))

        return jax.grad(loss)(weights)

    def step(batch: Any) -> None:
        x, _, weight = batch
        weights[:] = adam.step(weights, differentiate(weights, x, weight))

    return weights, step


LOOPS: dict[str, Any] = {
    "dp-sgd": loop_of_dp_sgd,
    "multitask": loop_of_multitask,
    "pinn": loop_of_pinn,
}
ON: dict[str, dict[str, Any]] = {
    "dp-sgd": {"clip": 2e3, "noise": 0.1, "dropout": 0.2},
    "multitask": {"dropout": 0.2},
    "pinn": {"boundary_weight": 3.0, "learning_rate": 1e-3},
}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_fit_is_a_plain_loop(algorithm: str, projects: Projects) -> None:
    """Three epochs of fit(), fused, end where a loop ends that uses no trainer of Keras."""
    import keras

    made = projects(algorithm)
    config = made.config(**SMALL, **ON[algorithm], batch_size=64)
    parts = made.data(config)
    model = made.model(config, parts, steps_per_execution=2)
    x, y, _ = keras.tree.map_structure(lambda array: array[:150], tuple(parts.train))
    rows = (x.astype(np.float32), y, np.linspace(0, 2, 150, dtype=np.float32))
    weights, step = LOOPS[algorithm](model, config)
    for batch in batches(rows, 64, epochs=3):
        step(batch)
    options = {"epochs": 3, "batch_size": 64, "shuffle": False, "verbose": 0}
    model.fit(x, y, sample_weight=rows[2], **options)
    assert furthest(values_of(model.trainable_variables), weights) < 1e-5


MUTANTS = {
    "dp-sgd: rows are not clipped": (
        "dp-sgd",
        "trainer",
        r"clipped = clip\(gradients, bound, keep_infinite=is_scaled\)",
        "clipped = gradients",
    ),
    "dp-sgd: each weight is clipped alone": (
        "dp-sgd",
        "trainer",
        r"clipped = clip\(gradients, bound, keep_infinite=is_scaled\)",
        "clipped = [clip([g], bound, keep_infinite=is_scaled)[0] for g in gradients]",
    ),
    "dp-sgd: noise for each row": (
        "dp-sgd",
        "trainer",
        r"\(g\.sum\(axis=0\) \+ self\.noise \* bound \* n\)",
        "(g + self.noise * bound * n).sum(axis=0)",
    ),
    "dp-sgd: noise without regard to the clip": (
        "dp-sgd",
        "trainer",
        r"self\.noise \* bound \* n",
        "self.noise * n",
    ),
    "dp-sgd: divided by the rows of a partial batch": (
        "dp-sgd",
        "trainer",
        r"/ self\.expected_rows",
        "/ len(g)",
    ),
    "dp-sgd: the same noise in each step": (
        "dp-sgd",
        "trainer",
        r"noise, non_trainable_variables = self\.draw_noise",
        "noise, _ = self.draw_noise",
    ),
    "dp-sgd: the same dropout for all rows": (
        "dp-sgd",
        "privacy/rows",
        r"jax\.random\.fold_in\(value, number\)",
        "value",
    ),
    "dp-sgd: statistics of batches pass": (
        "dp-sgd",
        "privacy/rows",
        r"elif new is not old",
        "elif False",
    ),
    "multitask: the logarithm of the variance, not of the deviation": (
        "multitask",
        "trainer",
        r"0\.5 \* \((ops\.exp.*square\(error\)) \+ log_variance\)",
        r"0.5 * \1 + log_variance",
    ),
    "multitask: uncertain targets count more": (
        "multitask",
        "trainer",
        r"ops\.exp\(-log_variance\)",
        "ops.exp(log_variance)",
    ),
    "multitask: one uncertainty for all": (
        "multitask",
        "trainer",
        r"self\.log_variances\[number\]",
        "self.log_variances[0]",
    ),
    "multitask: errors in the targets' own scales": (
        "multitask",
        "trainer",
        r"\[:, 0\]\) / scale",
        "[:, 0])",
    ),
    "multitask: weights of rows are lost": (
        "multitask",
        "trainer",
        r"mean_over_rows\(costs, weight\)",
        "mean_over_rows(costs, None)",
    ),
    "pinn: the first derivative for the second": (
        "pinn",
        "trainer",
        r"_, u_xx = jax\.jvp\(along_x, .*",
        "u_xx = along_x(x)",
    ),
    "pinn: heat flows backwards": ("pinn", "trainer", r"return u_t -", "return u_t +"),
    "pinn: one of the ends is free": (
        "pinn",
        "trainer",
        r" \+ ops\.square\(self\.u\(ones, t\)\)",
        "",
    ),
    "pinn: the start at the end of time": (
        "pinn",
        "trainer",
        r"self\.u\(x, zeros\) - start",
        "self.u(x, ones) - start",
    ),
    "pinn: it learns from the exact solution": (
        "pinn",
        "trainer",
        r"loss = equation \+",
        "loss = ops.mean(ops.square(self.u(x, t) - y)) + equation +",
    ),
    "pinn: the exact solution fades too slowly": (
        "pinn",
        "heat",
        r"\(number \* np\.pi\) \*\* 2 \* t",
        "number * np.pi**2 * t",
    ),
}
TELLING = {
    "dp-sgd": "paper or anew or dropout or statistics",
    "multitask": "paper or sigma",
    "pinn": "paper or exact or teach",
}


@pytest.mark.parametrize("algorithm", some(ALGORITHMS, 2))
def test_own_tests_pass(algorithm: str, projects: Projects) -> None:
    """Where nothing is broken, the tests that find mutants pass."""
    made = projects(algorithm)
    assert made.own_tests("tests/test_trainer.py", TELLING[algorithm]) == 0


@pytest.mark.parametrize("name", some(MUTANTS, 4))
def test_own_tests_notice(name: str, tmp_path: Path) -> None:
    """A project's own tests find what people get wrong in these algorithms."""
    algorithm, module, pattern, replacement = MUTANTS[name]
    answers: dict[str, str | bool] = {"algorithm": algorithm}
    broken = mutant(tmp_path / "project", answers, module, pattern, replacement)
    assert broken.own_tests("tests/test_trainer.py", TELLING[algorithm]) == 1
