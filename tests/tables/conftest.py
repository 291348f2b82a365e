"""A generated project that reads tables."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.projects import generate

PACKAGE = "table_reader"
MODULES = ("schema", "reading", "ragged", "scaling", "encoding", "splitting")


@pytest.fixture(scope="package")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The modules of a project that read tables."""
    pytest.importorskip("pandas")
    folder = generate(
        tmp_path_factory.mktemp("reader"),
        {"data": "csv", "data_path": "data/penguins.csv", "target": "year", "package": PACKAGE},
        "--force",
        "--task=regression",
    )
    sys.path.insert(0, str(folder / "src"))
    yield SimpleNamespace(**{n: importlib.import_module(f"{PACKAGE}.table.{n}") for n in MODULES})
    sys.path.remove(str(folder / "src"))
