"""Generated trainers do all that fit() promises, exactly."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.projects import Answers, some
from tests.verify.contract import CASES, STOCK, cases_of, failing, project_subject, trainers

pytestmark = pytest.mark.slow

QUICK = [case for case in CASES.values() if case.quick]
EXTREMES: dict[str, Answers] = {
    "all options": {"manual_metrics": True},
    "leanest": {"sample_weight": False, "fused": False},
}


@pytest.mark.parametrize("name", some(trainers(), 13))
def test_one_case_of_each_family_is_exact(name: str, tmp_path: Path) -> None:
    """Every trainer is exact, or refuses weights if it takes none."""
    package = f"quick_{list(trainers()).index(name)}"
    subject = project_subject(tmp_path / "project", trainers()[name], package)
    assert failing(subject, cases_of(trainers()[name], QUICK)) == {}


@pytest.mark.parametrize("part", some(range(4), 4))
@pytest.mark.parametrize("name", some(EXTREMES, 2))
def test_every_case_is_exact(name: str, part: int, tmp_path: Path) -> None:
    """The leanest trainer and the one with all options are exact in all cases."""
    package = f"whole_{name.split()[0]}_{part}"
    subject = project_subject(tmp_path / "project", EXTREMES[name], package)
    assert failing(subject, cases_of(EXTREMES[name], CASES.values())[part::4]) == {}


def test_only_cases_about_weights_are_refused(tmp_path: Path) -> None:
    """A trainer without sample weights refuses them with its own error, and nothing else."""
    from kscaffold.verify.runner import Runner

    subject = project_subject(tmp_path / "project", {"sample_weight": False}, "refusing")
    runner = Runner(subject, STOCK)
    for case in [*QUICK, CASES["validation: evaluate with weights"]]:
        outcome = runner.run(case)
        assert outcome.verdict == ("refuses" if case.weights else "exact")
        assert not case.weights or "--sample-weight" in outcome.detail
