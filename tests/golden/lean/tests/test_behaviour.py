"""The training step behaves, whatever its algorithm: see `behaviour.py`."""

from collections.abc import Callable

import behaviour
import pytest

from my_model.config import Config
from my_model.data import load_data
from my_model.model import build_model
from my_model.train import compile_model


@pytest.mark.parametrize("check", behaviour.CHECKS, ids=lambda check: check.__name__)
def test_behaves(check: Callable[[behaviour.Trial], None], config: Config) -> None:
    """A promise of `fit()` that holds for any algorithm is kept."""
    rows = tuple(part[:40] for part in load_data(config).train)
    check(behaviour.Trial(lambda: compile_model(build_model(config), config), rows))
