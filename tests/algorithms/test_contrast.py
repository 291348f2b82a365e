"""Algorithms that learn from comparing rows: simclr."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.algorithms.plain_loops import Adam, Values, batches, furthest, values_of
from tests.algorithms.projects import Projects, check_float16, mutant
from tests.projects import some

pytestmark = pytest.mark.slow

ALGORITHMS = ("simclr",)
SMALL: dict[str, dict[str, Any]] = {
    "simclr": {"filters": (4,), "embedding": 16, "projection": 8},
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_behaves(algorithm: str, projects: Projects) -> None:
    """What any algorithm owes: resumed, saved, eager, not jitted and fused runs agree."""
    from kscaffold.verify.invariants import checks

    made = projects(algorithm)
    training = made.training(made.config(**SMALL[algorithm]))
    for check in checks().CHECKS:
        check(training)


def loop_of_simclr(model: Any, config: Any) -> tuple[Values, Callable[..., None]]:
    """Return the weights of hand-written networks, and what trains them on a batch."""
    import jax
    import jax.numpy as jnp
    import keras

    encoder, head = model.encoder, model.head
    weights = [*values_of(encoder.trainable_variables), *values_of(head.trainable_variables)]
    split = len(encoder.trainable_variables)
    state = {"dropout": values_of(encoder.non_trainable_variables)}
    seeds = keras.random.SeedGenerator(config.seed)
    adam = Adam(weights, config.learning_rate)

    def view(x: Any) -> Any:
        count, height, width, _ = x.shape
        moves = keras.random.randint((count, 2), 0, 2 * config.shift + 1, seed=seeds)
        moves = np.array(moves) - config.shift
        centers = np.array(keras.random.uniform((2, count, 1), seed=seeds))[:, :, 0]
        noise = keras.random.normal(x.shape, seed=seeds)
        views = np.array(x)
        pixels = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"))
        for number in range(count):
            from_row, from_column = pixels + moves[number][:, None, None]
            inside = (from_row >= 0) & (from_row < height)
            inside &= (from_column >= 0) & (from_column < width)
            image = views[number, from_row % height, from_column % width, 0] * inside
            center = centers[:, number] * (height, width)
            distance = np.abs(pixels + 0.5 - center[:, None, None]).max(axis=0)
            views[number, ..., 0] = np.where(distance < config.erase / 2, 0, image)
        return views + config.noise * 16 * np.array(noise)

    @jax.jit
    def differentiate(weights: Values, dropout: Values, views: Any, weight: Any) -> Any:
        count = len(weight)

        def loss(weights: Values) -> Any:
            embeddings, after = encoder.stateless_call(
                weights[:split], dropout, views, training=True
            )
            z, _ = head.stateless_call(weights[split:], [], embeddings)
            z = z / jnp.linalg.norm(z, axis=1, keepdims=True)
            powers = jnp.exp(z @ z.T / config.temperature)
            both = jnp.exp(jnp.sum(z[:count] * z[count:], axis=1) / config.temperature)
            others = powers.sum(axis=1) - jnp.diag(powers)
            costs = jnp.log(others) - jnp.log(jnp.concatenate([both, both]))
            return jnp.mean(jnp.concatenate([weight, weight]) * costs), after

        return jax.grad(loss, has_aux=True)(weights)

    def step(x: Any, weight: Any) -> None:
        views = jnp.concatenate([view(x), view(x)])
        down, state["dropout"] = differentiate(weights, state["dropout"], views, weight)
        weights[:] = adam.step(weights, down)

    return weights, step


LOOPS: dict[str, Any] = {"simclr": loop_of_simclr}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_fit_is_a_plain_loop(algorithm: str, projects: Projects) -> None:
    """Three epochs of fit(), fused, end where a loop ends that uses no trainer of Keras."""
    made = projects(algorithm)
    config = made.config(**SMALL[algorithm], dropout=0.2)
    data = made.data(config)
    model = made.model(config, data, steps_per_execution=2)
    weights, step = LOOPS[algorithm](model, config)
    x, y = data.train.x[:150], data.train.y[:150]
    weight = np.linspace(0, 2, 150, dtype=np.float32)
    for batch in batches([x, weight], 64, epochs=3):
        step(*batch)
    # With targets, which are not used: without any, Keras drops the weights.
    options = {"batch_size": 64, "shuffle": False, "verbose": 0}
    model.fit(x, y, sample_weight=weight, epochs=3, **options)
    assert furthest(values_of(model.trainable_variables), weights) < 1e-5


@pytest.mark.exhaustive
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_float16_is_near_float32(algorithm: str, projects: Projects) -> None:
    """The scaled loss neither changes the step nor is it logged."""
    made = projects(algorithm)
    fields = {**SMALL[algorithm], "dropout": 0.0}
    check_float16(lambda: made.history(fields, rows=500, epochs=3), rtol=0.15, atol=0.05)


@pytest.mark.parametrize("rows", [1, 2])
def test_small_batches_are_trained_on(rows: int, projects: Projects) -> None:
    """A last batch of one image has nothing to be told from: its loss is 0."""
    made = projects("simclr")
    config = made.config(**SMALL["simclr"])
    data = made.data(config)
    model = made.model(config, data)
    loss = model.fit(data.train.x[:rows], verbose=0).history["loss"][0]
    assert np.isfinite(loss)
    assert (loss == 0) is (rows == 1)
    assert all(np.isfinite(value).all() for value in model.get_weights())


# A project's module, and what is wrong in it.
MUTANTS = {
    "a view is compared with itself": (
        "trainer",
        r"        similarity = ops\.where\(.*\n",
        "",
    ),
    "the other view is the next image": (
        "trainer",
        r"ops\.roll\(ops\.arange\(len\(views\)\), len\(x\)\)",
        "ops.roll(ops.arange(len(views)), 1)",
    ),
    "no temperature": (
        "trainer",
        r"self\.similarity\(views, training\) / self\.temperature",
        "self.similarity(views, training)",
    ),
    "projections keep their length": (
        "trainer",
        r"        projections = ops\.normalize\(.*\n",
        "",
    ),
    "embeddings are compared, not projections": (
        "trainer",
        r"self\.head\((self\.encoder\(views, training=training\))\)",
        r"\1",
    ),
    "projections are predicted": (
        "trainer",
        r"return self\.encoder\(x, training=False\)",
        "return self.head(self.encoder(x, training=False))",
    ),
    "one of the views is the image itself": (
        "trainer",
        r"\[self\.view\(x, draws\), self\.view\(x, draws\)\]",
        "[x, self.view(x, draws)]",
    ),
    "both views are the same": (
        "trainer",
        r"\[self\.view\(x, draws\), self\.view\(x, draws\)\]",
        "[self.view(x, draws)] * 2",
    ),
    "the same views in each step": (
        "trainer",
        r"self\.draws if training else self\.fixed_draws",
        "self.fixed_draws",
    ),
    "other views in each evaluation": (
        "trainer",
        r"self\.draws if training else self\.fixed_draws",
        "self.draws",
    ),
    "one view of each image has its weight": (
        "trainer",
        r"ops\.concatenate\(\[sample_weight, sample_weight\]\)",
        "ops.concatenate([sample_weight, ops.ones_like(sample_weight)])",
    ),
    "all images move together": (
        "views",
        r"\(len\(images\), 2\), 0, 2 \* shift \+ 1, seed=seed\)",
        r"(1, 2), 0, 2 * shift + 1, seed=seed).repeat(len(images), 0)",
    ),
}
TELLING = "paper or anew or embeddings"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_own_tests_pass(algorithm: str, projects: Projects) -> None:
    """Where nothing is broken, the tests that find mutants pass."""
    assert projects(algorithm).own_tests("tests/test_trainer.py", TELLING) == 0


@pytest.mark.parametrize("name", some(MUTANTS, 4))
def test_own_tests_notice(name: str, tmp_path: Path) -> None:
    """A project's own tests find what people get wrong in these algorithms."""
    module, pattern, replacement = MUTANTS[name]
    folder = tmp_path / "project"
    broken = mutant(folder, {"algorithm": "simclr"}, module, pattern, replacement)
    assert broken.own_tests("tests/test_trainer.py", TELLING) == 1
