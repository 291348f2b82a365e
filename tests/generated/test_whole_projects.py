"""Generated projects stand alone: their own tests and commands, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.projects import ROOT, Answers, generate, run, some

pytestmark = pytest.mark.slow

PROJECTS: dict[str, Answers] = {
    "lean": {"sample_weight": False},
    "full": {"data": "digits", "style": "sequential", "manual_metrics": True},
    "table": {"data": "csv", "style": "subclass", "test_step": True},
    "regression": {
        "data": "csv",
        "data_path": "data/penguins.csv",
        "target": "body_mass_g",
        "sample_weight": False,
    },
}
# What is the same text in every project, and is tested in the first.
REPEATED = {
    "lean": [],
    "full": ["tests/machinery/test_fused.py"],
    "table": ["tests/machinery/test_fused.py"],
    "regression": ["tests/machinery"],
}


@pytest.mark.parametrize("name", some(PROJECTS, 4))
def test_own_tests_and_commands(name: str, tmp_path: Path) -> None:
    """The project's tests pass at once, and it trains to the end and beats its baseline."""
    folder = generate(tmp_path / name, {**PROJECTS[name], "package": "whole"})
    run(folder, "-m", "pytest", "-q", *(f"--ignore={path}" for path in REPEATED[name]))
    report = run(folder, "-m", "whole", "train", "--verbose", "0").stdout
    metric, model, baseline = next(
        line.split() for line in report.splitlines() if line.startswith(("mae", "accuracy"))
    )
    better = float(baseline) - float(model) if metric == "mae" else float(model) - float(baseline)
    assert better > 0.2 * float(baseline)
    assert run(folder, "-m", "whole", "evaluate").stdout in report


def test_nothing_of_a_project_is_ignored(tmp_path: Path) -> None:
    """Git tracks all that is generated, and its wheel holds every module."""
    folder = generate(tmp_path / "project", {"package": "tracked"})
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    files = [str(path.relative_to(folder)) for path in folder.rglob("*.py")]
    ignored = ["git", "check-ignore", *files]
    assert subprocess.run(ignored, cwd=folder, capture_output=True, check=False).stdout == b""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    subprocess.run(build, cwd=folder, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("dist/*.whl"))) as wheel:
        held = set(wheel.namelist())
    assert {f"tracked/{name}/__init__.py" for name in ("runs", "fused")} <= held


def test_wheel_in_a_clean_environment(tmp_path: Path) -> None:
    """A built wheel holds the templates: installed alone, it scaffolds a project that trains."""
    python = sys.executable
    build = [python, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    subprocess.run([python, "-m", "venv", str(tmp_path / "venv")], check=True)
    folder = "Scripts" if os.name == "nt" else "bin"
    clean = tmp_path / "venv" / folder
    wheel = next(tmp_path.glob("*.whl"))
    subprocess.run([clean / "python", "-m", "pip", "install", "-q", str(wheel)], check=True)
    project = tmp_path / "from-wheel"
    subprocess.run(
        [
            clean / "kscaffold",
            "new",
            str(project),
            "--defaults",
            "--no-git",
            "--package",
            "wheeled",
        ],
        check=True,
        cwd=tmp_path,
    )
    run(project, "-m", "pytest", "-q", "tests/test_train.py")
    assert "baseline" in run(project, "-m", "wheeled", "train", "--verbose", "0").stdout
