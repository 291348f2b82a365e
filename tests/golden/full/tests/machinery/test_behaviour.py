"""The training step behaves, whatever its algorithm: see `behaviour.py`."""

from collections.abc import Callable

import behaviour
import jax
import keras
import pytest

from my_model.config import Config
from my_model.data import Data
from my_model.model import build_model
from my_model.train import compile_model


@pytest.fixture(scope="module")
def training(config: Config, data: Data) -> behaviour.Training:
    """Return the project's model and some of its rows."""

    def make() -> keras.Model:
        return compile_model(build_model(config, data), config)

    rows = jax.tree.map(lambda array: array[:40], [*data.train])
    return behaviour.Training(make, tuple(rows))


@pytest.mark.parametrize("check", behaviour.CHECKS, ids=lambda check: check.__name__)
def test_behaves(
    check: Callable[[behaviour.Training], str | None], training: behaviour.Training
) -> None:
    """A promise of `fit()` that holds for any algorithm is kept."""
    check(training)
