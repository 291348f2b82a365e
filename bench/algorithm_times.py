"""Time algorithms of the gallery beside loops written by hand, in JAX with optax and in PyTorch.

    python bench/algorithm_times.py

All three train the same networks on the digits, in batches of 32, and count the same losses. The
loop in JAX compiles one step of the whole algorithm, as people do; that in PyTorch runs eagerly.
Each way has a process of its own, in turn; the ratios are medians of the rounds. The environment
`.venvs/algorithms` is made on the first call.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rivals

ROOT = Path(__file__).parents[1]
ALGORITHMS = ("vae", "gan", "distillation")
WAYS = ("fit", "jax", "torch")
EPOCHS, ROUNDS = 6, 5
Epoch = Callable[[np.ndarray, np.ndarray], float]


def package(algorithm: str) -> str:
    """Return the name of an algorithm's package."""
    return f"timed_{algorithm}"


def loaded(algorithm: str) -> tuple[Any, Any, Any]:
    """Return the configuration, the data and the model of an algorithm's project, compiled."""
    import keras

    config, data, model, train = (
        importlib.import_module(f"{package(algorithm)}.{name}")
        for name in ("config", "data", "model", "train")
    )
    given = config.Config(verbose=0)
    keras.utils.set_random_seed(given.seed)
    rows = data.load_data(given)
    built = train.compile_model(model.build_model(given, rows), given, steps_per_execution="auto")
    return given, rows, built


def fit_way(algorithm: str) -> Epoch:
    """Return epochs of the project's own `fit()`."""
    config, data, model = loaded(algorithm)
    batches = importlib.import_module(f"{package(algorithm)}.data").Batches(data.train, config)

    def run(_: np.ndarray, __: np.ndarray) -> float:
        logs = model.fit(batches, epochs=EPOCHS, shuffle=False, verbose=0).history
        return float(logs.get("loss", logs.get("generator_loss"))[-1])

    return run


def values(variables: Any) -> list[Any]:
    """Return copies of variables' values."""
    import jax.numpy as jnp

    return [jnp.array(variable.value) for variable in variables]


def jax_way(algorithm: str) -> Epoch:
    """Return epochs of a loop by hand: one compiled step, batches by index."""
    import jax

    config, _, model = loaded(algorithm)
    step, state = {"vae": jax_vae, "gan": jax_gan, "distillation": jax_distillation}[algorithm](
        config, model
    )
    compiled = jax.jit(step, donate_argnums=0)

    def run(x: np.ndarray, y: np.ndarray) -> float:
        nonlocal state
        mean = 0.0
        for _ in range(EPOCHS):
            order = np.random.permutation(len(x))
            losses = []
            for start in range(0, len(x), config.batch_size):
                rows = order[start : start + config.batch_size]
                state, logs = compiled(state, x[rows], y[rows])
                losses.append(logs)
            mean = float(np.mean([logs[0] for logs in losses]))
        return mean

    return run


def jax_vae(config: Any, model: Any) -> tuple[Callable[..., Any], Any]:
    """Return a step of a variational autoencoder and its first state."""
    import jax
    import jax.numpy as jnp
    import optax

    adam = optax.adam(config.learning_rate, eps=1e-7)
    weights = [values(each.trainable_variables) for each in (model.encoder, model.decoder)]
    state = (weights, values(model.encoder.non_trainable_variables), adam.init(weights))

    def step(state: Any, x: Any, _: Any) -> Any:
        weights, seeds, moments, key = state
        key, draw = jax.random.split(key)

        def bound(weights: Any) -> Any:
            found, after = model.encoder.stateless_call(weights[0], seeds, x, training=True)
            mean, log_variance = jnp.split(found, 2, axis=1)
            code = mean + jnp.exp(log_variance / 2) * jax.random.normal(draw, mean.shape)
            logits, _ = model.decoder.stateless_call(weights[1], [], code, training=True)
            cross = (jax.nn.softplus(logits) - x / 16 * logits).sum(axis=(1, 2, 3)).mean()
            kl = 0.5 * (mean**2 + jnp.exp(log_variance) - 1 - log_variance).sum(axis=1).mean()
            return cross + kl, (after, cross, kl)

        (loss, (seeds, cross, kl)), slopes = jax.value_and_grad(bound, has_aux=True)(weights)
        updates, moments = adam.update(slopes, moments)
        return (optax.apply_updates(weights, updates), seeds, moments, key), (loss, cross, kl)

    return step, (*state, jax.random.key(0))


def jax_gan(config: Any, model: Any) -> tuple[Callable[..., Any], Any]:
    """Return a step of both networks and its first state."""
    import jax
    import jax.numpy as jnp
    import optax

    distance = importlib.import_module(f"{package('gan')}.drawing.distance").energy_distance
    adam = optax.adam(config.learning_rate, b1=0.5, eps=1e-7)
    makes, judges = (
        values(each.trainable_variables) for each in (model.generator, model.discriminator)
    )
    seeds = values(model.discriminator.non_trainable_variables)

    def make(makes: Any, key: Any, count: int) -> Any:
        noise = jax.random.normal(key, (count, config.latent))
        return model.generator.stateless_call(makes, [], noise, training=True)[0]

    def judge(judges: Any, seeds: Any, images: Any) -> Any:
        return model.discriminator.stateless_call(judges, seeds, images, training=True)

    def step(state: Any, x: Any, _: Any) -> Any:
        makes, judges, seeds, of_makes, of_judges, key = state
        key, first, second = jax.random.split(key, 3)

        def judges_loss(judges: Any) -> Any:
            real, after = judge(judges, seeds, x)
            made, after = judge(judges, after, make(makes, first, len(x)))
            return jnp.mean(jax.nn.softplus(-real) + jax.nn.softplus(made)), after

        (judged, seeds), slopes = jax.value_and_grad(judges_loss, has_aux=True)(judges)
        updates, of_judges = adam.update(slopes, of_judges)
        judges = optax.apply_updates(judges, updates)

        def makes_loss(makes: Any) -> Any:
            made = make(makes, second, len(x))
            logits, after = judge(judges, seeds, made)
            return jnp.mean(jax.nn.softplus(-logits)), (after, distance(x, made))

        (fooled, (seeds, apart)), slopes = jax.value_and_grad(makes_loss, has_aux=True)(makes)
        updates, of_makes = adam.update(slopes, of_makes)
        makes = optax.apply_updates(makes, updates)
        return (makes, judges, seeds, of_makes, of_judges, key), (fooled, judged, apart)

    state = (makes, judges, seeds, adam.init(makes), adam.init(judges), jax.random.key(0))
    return step, state


def jax_distillation(config: Any, model: Any) -> tuple[Callable[..., Any], Any]:
    """Return a step of a student and its first state; the teacher is as it begins."""
    import jax
    import jax.numpy as jnp
    import optax

    adam = optax.adam(config.learning_rate, eps=1e-7)
    teacher = values(model.teacher.trainable_variables + model.teacher.non_trainable_variables)
    fixed = len(model.teacher.trainable_variables)
    weights = values(model.trainable_variables)
    others = values(model.non_trainable_variables)

    def soften(probabilities: Any) -> Any:
        return jax.nn.softmax(jnp.log(jnp.maximum(probabilities, 1e-30)) / config.temperature)

    def step(state: Any, x: Any, y: Any) -> Any:
        weights, others, moments = state

        def loss(weights: Any) -> Any:
            y_pred, after = model.stateless_call(weights, others, x, training=True)
            taught, _ = model.teacher.stateless_call(
                teacher[:fixed], teacher[fixed:], x, training=False
            )
            p, q = soften(taught), soften(y_pred)
            distance = (p * jnp.log(jnp.maximum(p, 1e-7) / jnp.maximum(q, 1e-7))).sum(1).mean()
            chosen = jnp.take_along_axis(y_pred, y[:, None], axis=1)
            labels = -jnp.log(jnp.maximum(chosen, 1e-7)).mean()
            right = (y_pred.argmax(1) == y).mean()
            whole = (1 - config.alpha) * labels
            return whole + config.alpha * config.temperature**2 * distance, (after, right)

        (value, (others, right)), slopes = jax.value_and_grad(loss, has_aux=True)(weights)
        updates, moments = adam.update(slopes, moments)
        return (optax.apply_updates(weights, updates), others, moments), (value, right)

    return step, (weights, others, adam.init(weights))


def torch_way(algorithm: str) -> Epoch:
    """Return epochs of a plain eager loop, with the project's networks in modules of PyTorch."""
    import torch

    step = {"vae": torch_vae, "gan": torch_gan, "distillation": torch_distillation}[algorithm]()

    def run(x: np.ndarray, y: np.ndarray) -> float:
        images = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous()
        labels = torch.from_numpy(y).long()
        mean = 0.0
        for _ in range(EPOCHS):
            losses = [step(images[rows], labels[rows]) for rows in torch.randperm(len(x)).split(32)]
            mean = float(torch.stack(losses).mean())
        return mean

    return run


def torch_layers(sizes: tuple[int, ...], relu: Any, pool: Any, *last: Any) -> Any:
    """Return convolutions of images with one channel, each with a pooling layer, and the end."""
    from torch import nn

    layers: list[Any] = []
    for before, after in zip((1, *sizes), sizes, strict=False):
        layers += [nn.Conv2d(before, after, 3, padding="same"), relu, *pool]
    return nn.Sequential(*layers, *last)


def torch_end(features: int, outputs: int) -> tuple[Any, ...]:
    """Return the end of a network: dropout and a dense layer."""
    from torch import nn

    return nn.Flatten(), nn.Dropout(0.2), nn.Linear(features, outputs)


def torch_vae() -> Any:
    """Return a step of a variational autoencoder."""
    import torch
    from torch import nn
    from torch.nn import functional

    encoder = torch_layers((16, 32), nn.ReLU(), [nn.AvgPool2d(2)], *torch_end(128, 16))
    decoder = nn.Sequential(
        *(nn.Linear(8, 1024), nn.ReLU(), nn.Unflatten(1, (16, 8, 8))),
        *(nn.Conv2d(16, 32, 3, padding="same"), nn.ReLU()),
        *(nn.Conv2d(32, 16, 3, padding="same"), nn.ReLU()),
        nn.Conv2d(16, 1, 3, padding="same"),
    )
    adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 1e-3, eps=1e-7)

    def step(x: Any, _: Any) -> Any:
        adam.zero_grad()
        mean, log_variance = encoder(x / 16).chunk(2, dim=1)
        logits = decoder(mean + (log_variance / 2).exp() * torch.randn_like(mean))
        cross = (functional.softplus(logits) - x / 16 * logits).sum(dim=(1, 2, 3)).mean()
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1).mean()
        (cross + kl).backward()
        adam.step()
        return (cross + kl).detach()

    return step


def torch_gan() -> Any:
    """Return a step of both networks, without the distance that a project logs."""
    import torch
    from torch import nn
    from torch.nn.functional import softplus

    generator = nn.Sequential(
        *(nn.Linear(16, 2048), nn.SiLU(), nn.Unflatten(1, (32, 8, 8))),
        *(nn.Conv2d(32, 32, 3, padding="same"), nn.SiLU()),
        *(nn.Conv2d(32, 16, 3, padding="same"), nn.SiLU()),
        *(nn.Conv2d(16, 1, 3, padding="same"), nn.Sigmoid()),
    )
    relu, pool = nn.LeakyReLU(0.2), [nn.AvgPool2d(2)]
    discriminator = torch_layers((16, 32), relu, pool, *torch_end(128, 1))
    of_makes, of_judges = (
        torch.optim.Adam(each.parameters(), 1e-3, betas=(0.5, 0.999), eps=1e-7)
        for each in (generator, discriminator)
    )

    def step(x: Any, _: Any) -> Any:
        of_judges.zero_grad()
        made = generator(torch.randn(len(x), 16)).detach()
        judged = softplus(-discriminator(x / 16)) + softplus(discriminator(made))
        judged.mean().backward()
        of_judges.step()
        of_makes.zero_grad()
        fooled = softplus(-discriminator(generator(torch.randn(len(x), 16)))).mean()
        fooled.backward()
        of_makes.step()
        return fooled.detach()

    return step


def torch_distillation() -> Any:
    """Return a step of a student; the teacher is as it begins."""
    import torch
    from torch import nn
    from torch.nn import functional

    pool = [nn.MaxPool2d(2)]
    student = torch_layers((16, 32), nn.ReLU(), pool, *torch_end(128, 10))
    teacher = torch_layers((64, 128), nn.ReLU(), pool, *torch_end(512, 10)).eval()
    adam = torch.optim.Adam(student.parameters(), 1e-3, eps=1e-7)
    temperature, alpha = 4.0, 0.9

    def step(x: Any, y: Any) -> Any:
        adam.zero_grad()
        with torch.no_grad():
            taught = teacher(x / 16)
        logits = student(x / 16)
        p = functional.softmax(taught / temperature, dim=1)
        log_q = functional.log_softmax(logits / temperature, dim=1)
        distance = functional.kl_div(log_q, p, reduction="batchmean")
        labels = functional.cross_entropy(logits, y)
        loss = (1 - alpha) * labels + alpha * temperature**2 * distance
        loss.backward()
        adam.step()
        return loss.detach()

    return step


def time_here(way: str, algorithm: str) -> None:
    """Print the seconds of the quickest of some epochs, and their last loss, as JSON."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    images, y = load_digits(return_X_y=True)
    x = images[:1257].reshape(-1, 8, 8, 1).astype("float32")
    run = {"fit": fit_way, "jax": jax_way, "torch": torch_way}[way](algorithm)
    times, loss = [], 0.0
    for _ in range(4):
        start = time.perf_counter()
        loss = run(x, y[:1257].astype("int32"))
        times.append(time.perf_counter() - start)
    print(json.dumps([min(times[1:]), loss]))  # the first compiles


def main() -> None:
    """Time all ways in turn; print the ratios of the others' times to those of `fit()`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--here", nargs=2, metavar=("WAY", "ALGORITHM"))
    given = parser.parse_args()
    if given.here:
        time_here(*given.here)
        return
    python: Any = rivals.install_algorithms(ROOT / ".venvs" / "algorithms", ROOT)
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "KERAS_BACKEND": "jax"}
        places = [f"{folder}/{algorithm}/src" for algorithm in ALGORITHMS]
        environment["PYTHONPATH"] = os.pathsep.join(places)
        for algorithm in ALGORITHMS:
            new = [python, "-m", "kscaffold", "new", f"{folder}/{algorithm}", "--defaults"]
            options = ["--algorithm", algorithm, "--data", "digits", "--package"]
            command = [*new, "-q", "--no-git", *options, package(algorithm)]
            subprocess.run(command, check=True)
        for algorithm in ALGORITHMS:
            ratios: dict[str, list[float]] = {"jax": [], "torch": []}
            losses: dict[str, float] = {}
            for _ in range(ROUNDS):
                seconds = {}
                for way in WAYS:
                    command = [python, __file__, "--here", way, algorithm]
                    result = subprocess.run(
                        command, env=environment, stdout=subprocess.PIPE, text=True, check=True
                    )
                    seconds[way], losses[way] = json.loads(result.stdout)
                for way, found in ratios.items():
                    found.append(seconds[way] / seconds["fit"])
            shown = [f"{way} {statistics.median(found):.2f}" for way, found in ratios.items()]
            ends = [f"{way} {loss:.4g}" for way, loss in losses.items()]
            print(f"{algorithm}: time over fit(): {', '.join(shown)}; last loss: {', '.join(ends)}")


if __name__ == "__main__":
    main()
