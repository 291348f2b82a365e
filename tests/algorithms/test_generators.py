"""Algorithms with a model of their own that draws images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.algorithms.plain_loops import Adam, Values, batches, furthest, values_of
from tests.algorithms.projects import Projects, check_float16, mutant
from tests.projects import some

pytestmark = pytest.mark.slow

ALGORITHMS = ("vae", "gan", "wgan-gp", "diffusion")


@pytest.mark.parametrize("algorithm", some(ALGORITHMS, 4))
def test_behaves(algorithm: str, projects: Projects) -> None:
    """What any algorithm owes: resumed, saved, eager, not jitted and fused runs agree."""
    from kscaffold.verify.invariants import checks

    made = projects(algorithm)
    training = made.training(made.config(filters=(4,)))
    for check in checks().CHECKS:
        check(training)


def loop_of_vae(model: Any, config: Any) -> tuple[Values, Callable[[Any], None]]:
    """Return the weights of a hand-written autoencoder, and what trains them on a batch."""
    import jax
    import jax.numpy as jnp
    import keras

    parts = (model.encoder, model.decoder)
    weights = [value for part in parts for value in values_of(part.trainable_variables)]
    split = len(model.encoder.trainable_variables)
    state = {"seeds": values_of(model.encoder.non_trainable_variables)}
    noise = keras.random.SeedGenerator(config.seed)
    adam = Adam(weights, config.learning_rate)

    @jax.jit
    def differentiate(weights: Values, seeds: Values, x: Any, drawn: Any) -> Any:
        def bound(weights: Values) -> Any:
            outputs, after = model.encoder.stateless_call(weights[:split], seeds, x, training=True)
            mean, log_variance = jnp.split(outputs, 2, axis=1)
            code = mean + jnp.exp(log_variance / 2) * drawn
            logits, _ = model.decoder.stateless_call(weights[split:], [], code, training=True)
            pixels = x / 16
            cross = -pixels * jax.nn.log_sigmoid(logits)
            cross -= (1 - pixels) * jax.nn.log_sigmoid(-logits)
            kl = -0.5 * (1 + log_variance - mean**2 - jnp.exp(log_variance))
            return cross.sum(axis=(1, 2, 3)).mean() + kl.sum(axis=1).mean(), after

        return jax.grad(bound, has_aux=True)(weights)

    def step(x: Any) -> None:
        drawn = keras.random.normal((len(x), config.latent), seed=noise)
        gradients, state["seeds"] = differentiate(weights, state["seeds"], x, drawn)
        weights[:] = adam.step(weights, gradients)

    return weights, step


def loop_of_gan(model: Any, config: Any) -> tuple[Values, Callable[[Any], None]]:
    """Return the weights of a hand-written network, and what trains them on a batch."""
    import jax
    import jax.numpy as jnp
    import keras

    makes = values_of(model.generator.trainable_variables)
    judges = values_of(model.discriminator.trainable_variables)
    weights = [*makes, *judges]
    split = len(makes)
    state = {"seeds": values_of(model.discriminator.non_trainable_variables)}
    noise = keras.random.SeedGenerator(config.seed)
    of_makes = Adam(makes, config.learning_rate, beta_1=0.5)
    of_judges = Adam(judges, config.learning_rate, beta_1=0.5)

    def judge(judges: Values, seeds: Values, images: Any) -> Any:
        return model.discriminator.stateless_call(judges, seeds, images, training=True)

    def make(makes: Values, drawn: Any) -> Any:
        return model.generator.stateless_call(makes, [], drawn, training=True)[0]

    @jax.jit
    def down_for_judges(makes: Values, judges: Values, seeds: Values, x: Any, drawn: Any) -> Any:
        def loss(judges: Values) -> Any:
            real, after = judge(judges, seeds, x)
            made, after = judge(judges, after, make(makes, drawn))
            return -jnp.mean(jax.nn.log_sigmoid(real) + jax.nn.log_sigmoid(-made)), after

        return jax.grad(loss, has_aux=True)(judges)

    @jax.jit
    def down_for_makes(makes: Values, judges: Values, seeds: Values, drawn: Any) -> Any:
        def loss(makes: Values) -> Any:
            made, after = judge(judges, seeds, make(makes, drawn))
            return -jnp.mean(jax.nn.log_sigmoid(made)), after

        return jax.grad(loss, has_aux=True)(makes)

    def step(x: Any) -> None:
        makes, judges, shape = weights[:split], weights[split:], (len(x), config.latent)
        drawn = keras.random.normal(shape, seed=noise)
        down, state["seeds"] = down_for_judges(makes, judges, state["seeds"], x, drawn)
        judges = of_judges.step(judges, down)
        drawn = keras.random.normal(shape, seed=noise)
        down, state["seeds"] = down_for_makes(makes, judges, state["seeds"], drawn)
        weights[:] = [*of_makes.step(makes, down), *judges]

    return weights, step


def loop_of_wgan(model: Any, config: Any) -> tuple[Values, Callable[[Any], None]]:
    """Return the weights of a hand-written network, and what trains them on a batch."""
    import jax
    import jax.numpy as jnp
    import keras

    makes = values_of(model.generator.trainable_variables)
    scores = values_of(model.discriminator.trainable_variables)
    weights = [*makes, *scores]
    split = len(makes)
    state = {"seeds": values_of(model.discriminator.non_trainable_variables)}
    noise = keras.random.SeedGenerator(config.seed)
    of_makes, of_scores = (
        Adam(part, config.learning_rate, beta_1=0.0, beta_2=0.9) for part in (makes, scores)
    )

    def score(scores: Values, seeds: Values, images: Any) -> Any:
        return model.discriminator.stateless_call(scores, seeds, images, training=True)

    def make(makes: Values, drawn: Any) -> Any:
        return model.generator.stateless_call(makes, [], drawn, training=True)[0]

    @jax.jit
    def down_for_scores(
        makes: Values, scores: Values, seeds: Values, x: Any, drawn: Any, share: Any
    ) -> Any:
        def loss(scores: Values) -> Any:
            made = make(makes, drawn)
            of_real, after = score(scores, seeds, x)
            of_made, after = score(scores, after, made)

            def whole(images: Any) -> Any:
                found, last = score(scores, after, images)
                return found.sum(), last

            slopes, after = jax.grad(whole, has_aux=True)(share * x + (1 - share) * made)
            norms = jnp.linalg.norm(16 * slopes.reshape(len(x), -1), axis=1)
            penalty = config.penalty * jnp.mean((norms - 1) ** 2)
            return of_made.mean() - of_real.mean() + penalty, after

        return jax.grad(loss, has_aux=True)(scores)

    @jax.jit
    def down_for_makes(makes: Values, scores: Values, seeds: Values, drawn: Any) -> Any:
        def loss(makes: Values) -> Any:
            found, after = score(scores, seeds, make(makes, drawn))
            return -found.mean(), after

        return jax.grad(loss, has_aux=True)(makes)

    def step(x: Any) -> None:
        makes, scores, shape = weights[:split], weights[split:], (len(x), config.latent)
        for _ in range(config.critic_steps):
            drawn = keras.random.normal(shape, seed=noise)
            share = keras.random.uniform((len(x), 1, 1, 1), seed=noise)
            given = (state["seeds"], x, drawn, share)
            down, state["seeds"] = down_for_scores(makes, scores, *given)
            scores = of_scores.step(scores, down)
        drawn = keras.random.normal(shape, seed=noise)
        down, state["seeds"] = down_for_makes(makes, scores, state["seeds"], drawn)
        weights[:] = [*of_makes.step(makes, down), *scores]

    return weights, step


def loop_of_diffusion(model: Any, config: Any) -> tuple[Values, Callable[[Any], None]]:
    """Return the weights of a hand-written network, and what trains them on a batch."""
    import jax
    import jax.numpy as jnp
    import keras

    weights = values_of(model.network.trainable_variables)
    state = {"seeds": values_of(model.network.non_trainable_variables)}
    noise = keras.random.SeedGenerator(config.seed)
    adam = Adam(weights, config.learning_rate)

    @jax.jit
    def differentiate(weights: Values, seeds: Values, x: Any, first: Any, drawn: Any) -> Any:
        times = (first + jnp.arange(len(x)) / len(x)) % 1
        angles = 0.49 * jnp.pi * times.reshape(-1, 1, 1, 1)
        noisy = jnp.cos(angles) * (x / 8 - 1) + jnp.sin(angles) * drawn

        def error(weights: Values) -> Any:
            found, after = model.network.stateless_call(
                weights, seeds, [noisy, times], training=True
            )
            return jnp.mean((found - drawn) ** 2), after

        return jax.grad(error, has_aux=True)(weights)

    def step(x: Any) -> None:
        first = keras.random.uniform((), seed=noise)
        drawn = keras.random.normal(x.shape, seed=noise)
        gradients, state["seeds"] = differentiate(weights, state["seeds"], x, first, drawn)
        weights[:] = adam.step(weights, gradients)

    return weights, step


LOOPS: dict[str, Any] = {
    "vae": loop_of_vae,
    "gan": loop_of_gan,
    "wgan-gp": loop_of_wgan,
    "diffusion": loop_of_diffusion,
}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_fit_is_a_plain_loop(algorithm: str, projects: Projects) -> None:
    """Three epochs of fit(), dropout included, end where a loop ends without Keras' trainer."""
    made = projects(algorithm)
    config = made.config(filters=(4,))
    data = made.data(config)
    model = made.model(config, data, steps_per_execution=2)
    weights, step = LOOPS[algorithm](model, config)
    x = data.train.x[:150]
    assert x.max() == 16
    for batch in batches(x, 64, epochs=3):
        step(batch)
    model.fit(x, epochs=3, batch_size=64, shuffle=False, verbose=0)
    assert furthest(values_of(model.trainable_variables), weights) < 1e-5


@pytest.mark.parametrize("algorithm", some(ALGORITHMS, 4))
def test_float16_is_near_float32(algorithm: str, projects: Projects) -> None:
    """Each optimizer scales its loss, and what is logged is not scaled."""
    made = projects(algorithm)
    fields = {"filters": (4,), "dropout": 0.0}
    check_float16(lambda: made.history(fields, rows=500, epochs=2), rtol=0.2, atol=0.05)


MUTANTS = {
    "vae: the distance is summed over the batch": (
        "vae",
        r"kl = mean_over_rows\((.*), sample_weight\)",
        r"kl = ops.sum(\1)",
    ),
    "vae: the cross-entropy is a mean over pixels": (
        "vae",
        r"ops\.sum\(ops\.softplus",
        "ops.mean(ops.softplus",
    ),
    "vae: the variance for the deviation": ("vae", r"ops\.exp\(0\.5 \*", "ops.exp(1.0 *"),
    "vae: the same noise in each step": ("vae", r"seed=self\.noise\)", "seed=self.seed)"),
    "vae: noise in evaluation": (
        "vae",
        r"        if training:\n            noise",
        "        if True:\n            noise",
    ),
    "gan: the generator's step moves the discriminator": (
        "gan",
        r'self\.generator_loss, state, x, part="generator"',
        'self.generator_loss, state, x, part="discriminator"',
    ),
    "gan: the generator goes first": (
        "gan",
        r"( +state = .*discriminator.*\n)( +state = .*\n)",
        r"\2\1",
    ),
    "gan: the generator's loss saturates": (
        "gan",
        r"loss = ops\.mean\(ops\.softplus\(-logits\)\)",
        "loss = -ops.mean(ops.softplus(logits))",
    ),
    "gan: one draw for both losses": ("gan", r"self\.noise if training", "self.seed if training"),
    "gan: real and made are swapped": (
        "gan",
        r"softplus\(-real_logits\) \+ ops\.softplus\(made",
        "softplus(real_logits) + ops.softplus(-made",
    ),
    "diffusion: the network finds the image": (
        "diffusion",
        r"ops\.square\(found - noise\)",
        "ops.square(found - images)",
    ),
    "diffusion: the same noise in each step": (
        "diffusion",
        r"\[self\.noise, self\.noise\]",
        "[self.seed, self.seed + 1]",
    ),
    "diffusion: the average is no average": (
        "diffusion",
        r"self\.ema \* mean \+ \(1 - self\.ema\) \* weight",
        "weight",
    ),
    "diffusion: drawing forgets how strong the noise is": (
        "diffusion",
        r"x - strength \* noise\) / signal",
        "x - noise) / signal",
    ),
    "wgan-gp: the penalty at real images": (
        "wgan-gp",
        r"mixed = share \* x \+ \(1 - share\) \* made",
        "mixed = x",
    ),
    "wgan-gp: the norm of the whole batch": (
        "wgan-gp",
        r"axis=\(1, 2, 3\)\)",
        "axis=None)",
    ),
    "wgan-gp: one share for all images": (
        "wgan-gp",
        r"\(len\(x\), 1, 1, 1\)",
        "(1, 1, 1, 1)",
    ),
    "wgan-gp: one step of the critic": (
        "wgan-gp",
        r"range\(self\.critic_steps\)",
        "range(1)",
    ),
}
TELLING = "paper or anew or evaluation or alone"


@pytest.mark.parametrize("algorithm", some(ALGORITHMS, 2))
def test_own_tests_pass(algorithm: str, projects: Projects) -> None:
    """Where nothing is broken, the tests that find mutants pass."""
    assert projects(algorithm).own_tests("tests/test_trainer.py", TELLING) == 0


@pytest.mark.parametrize("name", some(MUTANTS, 4))
def test_own_tests_notice(name: str, tmp_path: Path) -> None:
    """A project's own tests find what people get wrong in these algorithms."""
    algorithm, pattern, replacement = MUTANTS[name]
    folder = tmp_path / "project"
    broken = mutant(folder, {"algorithm": algorithm}, "trainer", pattern, replacement)
    assert broken.own_tests("tests/test_trainer.py", TELLING) == 1
