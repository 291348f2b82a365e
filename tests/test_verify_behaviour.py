"""What any algorithm owes is checked: kept promises hold, broken ones are found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kscaffold.cli import main
from kscaffold.verify.behaviour import run_checks
from kscaffold.verify.subjects import Subject
from tests.projects import generate

pytestmark = pytest.mark.slow


def problems(place: str, *names: str) -> dict[str, str]:
    """Return the checks that fail for what a place names, and what they say."""
    return {f.name: f.problem for f in run_checks(Subject(place), names) if f.problem}


def test_an_algorithm_of_its_own_holds() -> None:
    """A model that trains otherwise than Keras, but soundly, passes all checks."""
    assert problems("tests.behaviour_models:sign_model") == {}


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
    assert check in problems(f"tests.behaviour_models:{name}", check)


def test_the_command_reports_each_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a generated project, a check holds: exit code 0 and one object."""
    monkeypatch.chdir(tmp_path)
    folder = generate(tmp_path / "project", {"package": "behaving", "data": "csv"})
    arguments = ["verify", str(folder), "--behaviour", "--case", "nan is reported"]
    result = CliRunner().invoke(main, [*arguments, "--format", "json"])
    report: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == report["exit_code"] == 0
    assert [check["problem"] for check in report["checks"]] == [None]
