"""Train the models of `training.py` in another way, each in this process; print seconds a step.

    python bench/rival_training.py WAY ROUNDS

WAY is torch, lightning, keras-torch, flax or fused. It runs in an environment that has what the way
needs, and prints a JSON object: for each model the seconds of its quickest round over its steps,
and the loss of its last epoch.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from models import BATCH, RATE, SUBJECTS

WAY, ROUNDS = sys.argv[1], int(sys.argv[2])
UNITS = {
    "tiny MLP": (32,),
    "middle MLP": (128, 128),
    "MLP, BatchNorm, dropout": (128, 128),
    "large MLP": (512, 512, 512),
}


def torch_model(name: str, shape: tuple[int, ...]) -> Any:
    """Return the model as a module of PyTorch."""
    import torch
    from torch import nn

    if name == "convnet":
        layers: list[Any] = [nn.Unflatten(1, (1, 28))]
        for before, filters in ((1, 16), (16, 32)):
            layers += [nn.Conv2d(before, filters, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2)]
        return nn.Sequential(nn.Flatten(2), *layers, nn.Flatten(), nn.Linear(7 * 7 * 32, 1))
    if name == "transformer":
        width = shape[-1]
        block = {"dim_feedforward": 4 * width, "dropout": 0.0, "batch_first": True}
        blocks = [nn.TransformerEncoderLayer(width, 4, **block) for _ in range(2)]

        class Mean(nn.Module):
            def forward(self, x: Any) -> Any:
                return torch.mean(x, dim=1)

        return nn.Sequential(*blocks, Mean(), nn.Linear(width, 1))
    layers, width = [], shape[0]
    for units in UNITS[name]:
        layers += [nn.Linear(width, units), nn.ReLU()]
        if "BatchNorm" in name:
            layers += [nn.BatchNorm1d(units), nn.Dropout(0.2)]
        width = units
    return nn.Sequential(*layers, nn.Linear(width, 1))


def as_keras_begins(module: Any) -> None:
    """Give a layer of PyTorch the first weights that Keras would draw."""
    from torch import nn

    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)


def torch_way(name: str, x: Any, y: Any, epochs: int) -> Callable[[], float]:
    """Return a round of a plain loop: batches by index, no metrics but the loss."""
    import torch

    model = torch_model(name, x.shape[1:]).apply(as_keras_begins)
    optimizer = torch.optim.Adam(model.parameters(), RATE, eps=1e-7)
    x, y = torch.from_numpy(x), torch.from_numpy(y)

    def work() -> float:
        mean = 0.0
        for _ in range(epochs):
            total = torch.zeros(())
            for rows in torch.randperm(len(x)).split(BATCH):
                optimizer.zero_grad()
                loss = torch.nn.functional.mse_loss(model(x[rows]), y[rows])
                loss.backward()
                optimizer.step()
                total += loss.detach()
            mean = float(total) * BATCH / len(x)
        return mean

    return work


def lightning_way(name: str, x: Any, y: Any, epochs: int) -> Callable[[], float]:
    """Return a round of Lightning's Trainer, with a loader and no logger."""
    import lightning
    import torch

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = torch_model(name, x.shape[1:]).apply(as_keras_begins)

        def on_train_epoch_start(self) -> None:
            self.total = torch.zeros(())

        def training_step(self, batch: Any, _: int) -> Any:
            loss = torch.nn.functional.mse_loss(self.model(batch[0]), batch[1])
            self.total += loss.detach()
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), RATE, eps=1e-7)

    data = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    loader = torch.utils.data.DataLoader(data, BATCH, shuffle=True)
    module = Module()

    def work() -> float:
        lightning.Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        ).fit(module, loader)
        return float(module.total) * BATCH / len(x)

    return work


def flax_way(name: str, x: Any, y: Any, epochs: int) -> Callable[[], float]:
    """Return a round of a hand-written loop: an epoch in one scan, the convnet's in Python."""
    import jax
    import jax.numpy as jnp
    import optax
    from flax import linen as nn

    class Model(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            if name == "convnet":
                for filters in (16, 32):
                    x = nn.max_pool(nn.relu(nn.Conv(filters, (3, 3))(x)), (2, 2), (2, 2))
                return nn.Dense(1)(x.reshape(len(x), -1))
            if name == "transformer":
                width = x.shape[-1]
                for _ in range(2):
                    x = nn.LayerNorm()(x + nn.MultiHeadDotProductAttention(4)(x, x))
                    x = nn.LayerNorm()(x + nn.Dense(width)(nn.relu(nn.Dense(4 * width)(x))))
                return nn.Dense(1)(x.mean(axis=1))
            for units in UNITS[name]:
                x = nn.relu(nn.Dense(units)(x))
                if "BatchNorm" in name:
                    x = nn.BatchNorm(use_running_average=False)(x)
                    x = nn.Dropout(0.2, deterministic=False)(x)
            return nn.Dense(1)(x)

    model, optimizer = Model(), optax.adam(RATE, eps=1e-7)
    keys = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    variables = model.init(keys, x[:1])
    weights, others = variables["params"], {k: v for k, v in variables.items() if k != "params"}
    state = (weights, others, optimizer.init(weights), jax.random.key(2))

    def step(state: Any, batch: Any) -> Any:
        weights, others, moments, key = state
        key, dropout = jax.random.split(key)

        def loss_of(weights: Any) -> Any:
            y_pred, updated = model.apply(
                {"params": weights, **others},
                batch[0],
                mutable=list(others),
                rngs={"dropout": dropout},
            )
            return jnp.mean((y_pred - batch[1]) ** 2), updated

        (loss, others), gradients = jax.value_and_grad(loss_of, has_aux=True)(weights)
        updates, moments = optimizer.update(gradients, moments)
        return (optax.apply_updates(weights, updates), others, moments, key), loss

    epoch = jax.jit(lambda state, rows: jax.lax.scan(step, state, rows), donate_argnums=0)
    single = jax.jit(step, donate_argnums=0)

    def work() -> float:
        nonlocal state
        mean = 0.0
        for _ in range(epochs):
            order = np.random.permutation(len(x)).reshape(-1, BATCH)
            if name == "convnet":
                losses = []
                for rows in order:
                    state, loss = single(state, (x[rows], y[rows]))
                    losses.append(loss)
                mean = float(sum(losses)) / len(losses)
            else:
                state, losses = epoch(state, (x[order], y[order]))
                mean = float(losses.mean())
        return mean

    return work


def fit_way(name: str, x: Any, y: Any, epochs: int) -> Callable[[], float]:
    """Return a round of `fit()`, of the class of a generated project or of Keras on torch."""
    import keras

    inputs = keras.Input(x.shape[1:])
    if WAY == "fused":
        from bench_model.trainer import CustomModel

        model = CustomModel(inputs, SUBJECTS[name].layers(inputs))
        steps: Any = "auto"
    else:
        model = keras.Model(inputs, SUBJECTS[name].layers(inputs))
        steps = 1
    model.compile(keras.optimizers.Adam(RATE), "mse", steps_per_execution=steps)

    def work() -> float:
        history = model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0).history
        return float(history["loss"][-1])

    return work


WAYS = {
    "torch": torch_way,
    "lightning": lightning_way,
    "flax": flax_way,
    "keras-torch": fit_way,
    "fused": fit_way,
}


def main() -> None:
    """Train each model for some rounds; the first, which compiles, does not count."""
    warnings.simplefilter("ignore")
    random = np.random.default_rng(0)
    found = {}
    for name, subject in SUBJECTS.items():
        steps, epochs = subject.steps, subject.epochs
        x = random.normal(size=(steps * BATCH, *subject.shape)).astype("float32")
        y = random.normal(size=(len(x), 1)).astype("float32")
        work = WAYS[WAY](name, x, y, epochs)
        times, loss = [], 0.0
        for _ in range(ROUNDS + 1):
            start = time.perf_counter()
            loss = work()
            times.append(time.perf_counter() - start)
        found[name] = min(times[1:]) / (steps * epochs), loss
    print(json.dumps(found))


if __name__ == "__main__":
    main()
