"""`kscaffold new --train`: a short training as a check, which leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kscaffold.project import pipeline
from kscaffold.template.sources import load_template
from tests.cli.runner import contents, error_of, kscaffold, report_of

NEW = ("new", "demo", "--no-git", "--train")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Have the training fail; the list gets the commands."""
    calls: list[list[str]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        calls.append([*command, f"stdout={options['stdout']}"])
        return subprocess.CompletedProcess(command, 1, stderr="Traceback ...\nno luck\n")

    monkeypatch.setattr(pipeline, "find_spec", lambda _: object())
    monkeypatch.setattr(subprocess, "run", run)
    return calls


def test_a_failed_training_keeps_the_project(failing: list[list[str]]) -> None:
    """Exit 1 and the training's last line; what was written stays."""
    result = kscaffold(*NEW)
    assert result.exit_code == 1
    assert result.stderr == "error: demo is written, but training it failed: no luck\n"
    assert "Go on with" not in result.stdout
    assert Path("demo/README.md").exists()
    assert failing[0][:6] == [sys.executable, "-m", "demo", "train", "--epochs", "1"]


def test_a_failed_training_is_told_with_what_was_written(failing: list[list[str]]) -> None:
    """One object with the files, the error and the exit code; backups are named in any case."""
    kscaffold("new", "demo", "--no-git")
    Path("demo/README.md").write_text("mine\n")
    report = report_of(kscaffold(*NEW, "--force", "--format", "json"))
    assert (report["state"], report["exit_code"]) == ("written", 1)
    assert report["backups"] == ["README.md.backup-1"]
    assert report["error"].endswith("training it failed: no luck")
    Path("demo/README.md").write_text("mine again\n")
    result = kscaffold(*NEW, "--force")
    assert result.stderr.startswith("kept what was there: demo/README.md.backup-2\nerror: demo is")
    assert len(failing) == 2


def test_quiet_training_prints_no_progress(failing: list[list[str]]) -> None:
    """With -q and in JSON the training's own output does not come through."""
    kscaffold(*NEW)
    kscaffold(*NEW, "--force", "-q")
    kscaffold(*NEW, "--force", "--format", "json")
    silent = f"stdout={subprocess.DEVNULL}"
    assert [command[-1] for command in failing] == ["stdout=None", silent, silent]


@pytest.mark.parametrize("missing", load_template().manifest.test.needs)
def test_without_the_packages_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """What training needs is looked for first; the error says how to install it."""
    monkeypatch.setattr(pipeline, "find_spec", lambda name: None if name == missing else object())
    message = error_of(kscaffold(*NEW), 1)
    assert message == f"--train needs {missing}; pip install 'kscaffold[jax]'; nothing is written"
    assert list(Path().iterdir()) == []


def test_a_dry_run_trains_nothing(failing: list[list[str]]) -> None:
    """With -n there is no project to train."""
    assert kscaffold(*NEW, "-n").exit_code == 0
    assert failing == []


@pytest.mark.slow
def test_a_fresh_project_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The progress bar is shown, and afterwards nothing is there but the project."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    result = subprocess.run(
        [sys.executable, "-m", "kscaffold", *NEW],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("Training for one epoch, as a check; ")
    assert "━━━━" in result.stdout
    files = report_of(kscaffold("new", "other", "-n", "--format", "json", "--name", "demo"))[
        "files"
    ]
    assert sorted(contents(tmp_path / "demo")) == sorted(files)
