"""What the tests share: a short, silent run, and each compiled step only once."""

import dataclasses
import os
import shutil
from pathlib import Path

import jax
import pytest
from made_table import write_table

from my_model.config import Config
from my_model.data import Data, load_data
from my_model.runs.files import RunDir
from my_model.table.files import in_project
from my_model.table.schema import read_schema
from my_model.train import train


def pytest_configure(config: pytest.Config) -> None:
    """Let JAX keep what it compiles, between tests and between test runs."""
    cache = getattr(config, "cache", None)
    if cache is not None and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        folder = str(cache.mkdir("jax"))
        jax.config.update("jax_compilation_cache_dir", folder)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Return a configuration for a silent run of three epochs, of a small network.

    Its table is made of what columns.toml says: the tests need no row of the real one.
    """
    path = tmp_path_factory.mktemp("data") / "table.csv"
    columns = in_project(Config().columns)
    write_table(path, read_schema(columns), rows=240)
    small = Config(hidden_units=(8,), epochs=3, verbose=0)
    return dataclasses.replace(small, data_path=path, columns=columns)


@pytest.fixture(scope="session")
def data(config: Config) -> Data:
    """Return the data of the configuration."""
    return load_data(config)


@pytest.fixture(scope="session")
def finished(config: Config, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """Train a run to its end, once for all tests: they only read it."""
    return train(config, tmp_path_factory.mktemp("runs") / "finished")


@pytest.fixture
def run(finished: RunDir, tmp_path: Path) -> RunDir:
    """Return a copy of the finished run, which a test may change."""
    return RunDir(Path(shutil.copytree(finished.path, tmp_path / "run")))
