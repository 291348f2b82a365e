"""Distributed projects pass their own tests, on simulated devices and in several processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.projects import DISTRIBUTIONS, generate, run, some

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", some(reversed(DISTRIBUTIONS), 2))
def test_tests_of_distribution(kind: str, tmp_path: Path) -> None:
    """What a project tests of its distribution holds."""
    folder = generate(tmp_path / "project", {"package": "spread", "distribution": kind})
    run(folder, "-m", "pytest", "-q", "tests/machinery/test_distribution.py")


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", DISTRIBUTIONS)
def test_all_own_tests(kind: str, tmp_path: Path) -> None:
    """All of a project's tests hold with a distribution, as they do without one."""
    folder = generate(tmp_path / "project", {"package": "spread", "distribution": kind})
    run(folder, "-m", "pytest", "-q", "--ignore=tests/machinery/test_distribution.py")
