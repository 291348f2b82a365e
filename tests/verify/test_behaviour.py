"""What any algorithm owes is checked: kept promises hold, broken ones are found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kscaffold.cli import main
from kscaffold.verify.invariants import run_checks
from kscaffold.verify.subjects import Subject
from tests.projects import generate

pytestmark = pytest.mark.slow


ALGORITHMS = "tests.verify.algorithm_models"


def problems(place: str, *names: str, trains: Sequence[str] = ()) -> dict[str, str]:
    """Return the checks that fail for what a place names, and what they say."""
    found = run_checks(Subject(place), names, trains)
    return {finding.name: finding.problem for finding in found if finding.problem}


def test_an_algorithm_of_its_own_holds() -> None:
    """A model that trains otherwise than Keras, but soundly, passes all checks."""
    assert problems("tests.verify.behaviour_models:sign_model") == {}


@pytest.mark.parametrize("name", ["mean_teacher", "gan", "dict_targets", "denoiser"])
def test_algorithms_without_loss_or_targets_hold(name: str) -> None:
    """Any logged metric serves; targets may be a dict or absent; parts may be frozen."""
    assert problems(f"{ALGORITHMS}:{name}") == {}


def test_a_part_that_never_learns_is_found() -> None:
    """Every layer has to learn, unless it is said which weights do."""
    place, check = f"{ALGORITHMS}:dead_gan", "training changes weights"
    assert "generator/dense" in problems(place, check)[check]
    assert "no weight of generator" in problems(place, check, trains=["generator"])[check]
    assert problems(place, check, trains=["critic"]) == {}
    assert "nowhere" in problems(place, check, trains=["nowhere"])[check]


@pytest.mark.parametrize("name", ["denoiser", "gan"])
def test_random_numbers_in_evaluation_are_a_note(name: str) -> None:
    """Where evaluation moves the seeds of training it says so: that is no fault."""
    check = "validation leaves training alone"
    [finding] = run_checks(Subject(f"{ALGORITHMS}:{name}"), [check])
    assert finding.problem is None
    assert ("random numbers" in (finding.note or "")) == (name == "denoiser")


def test_an_optimizer_that_no_checkpoint_holds_is_found() -> None:
    """Optimizers beside the compiled one lose their state, and are named."""
    check = "checkpoint holds every optimizer"
    assert "in 'second'" in problems(f"{ALGORITHMS}:two_optimizers", check)[check]


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("Idle", "training changes weights"),
        ("Restless", "same seed gives same run"),
        ("Unlisted", "metrics are reset"),
        ("Learning", "validation leaves training alone"),
        ("Silent", "nan is reported"),
        ("Fickle", "modes agree"),
        ("Leaky", "no tracer leaks"),
    ],
)
def test_a_broken_promise_is_found(name: str, check: str) -> None:
    """Each model that breaks one promise fails its check."""
    assert check in problems(f"tests.verify.behaviour_models:{name}", check)


def test_the_command_reports_each_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a generated project, a check holds: exit code 0 and one object."""
    monkeypatch.chdir(tmp_path)
    folder = generate(tmp_path / "project", {"package": "behaving", "data": "csv"})
    arguments = ["verify", str(folder), "--behaviour", "--case", "nan is reported"]
    result = CliRunner().invoke(main, [*arguments, "--format", "json"])
    report: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == report["exit_code"] == 0
    assert [check["problem"] for check in report["checks"]] == [None]
