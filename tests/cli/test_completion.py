"""Shell completion: the scripts, and what they get when they ask."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig

import pytest

from kscaffold.cli import COMMANDS
from tests.cli.runner import QUESTIONS, kscaffold

SHELLS = ("bash", "zsh", "fish")
# For each shell: the option with which it reads a script without running it.
CHECKS = {"bash": "-n", "zsh": "-n", "fish": "--no-execute"}


def completed(*words: str) -> list[str]:
    """What bash is offered for the last word."""
    environment = {
        "_KSCAFFOLD_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["kscaffold", *words]),
        "COMP_CWORD": str(len(words)),
    }
    result = kscaffold(env=environment)
    assert (result.exit_code, result.stderr) == (0, "")
    return [line.partition(",")[2] for line in result.stdout.splitlines() if line]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script(shell: str) -> None:
    """The script asks the command itself, in the shell's own protocol."""
    result = kscaffold("completion", shell)
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"_KSCAFFOLD_COMPLETE={shell}_complete" in result.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_accepts_its_script(shell: str) -> None:
    """No syntax error, as far as the shell is installed."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = kscaffold("completion", shell).stdout
    result = subprocess.run(
        [shell, CHECKS[shell], "/dev/stdin"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_bash_gets_completions_through_the_script() -> None:
    """Sourced in bash, the script's function fills in what the installed command offers."""
    call = "COMP_WORDS=(kscaffold comp) COMP_CWORD=1; _kscaffold_completion kscaffold"
    script = kscaffold("completion", "bash").stdout
    result = subprocess.run(
        ["bash", "--norc", "-c", f'{script}\n{call}\necho "${{COMPREPLY[@]}}"'],
        env={**os.environ, "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.stdout, result.stderr) == ("completion\n", "")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_help_tells_how_to_install(shell: str) -> None:
    """`completion --help` has a line for each shell."""
    assert f"kscaffold completion {shell}" in kscaffold("completion", "--help").stdout


def test_commands_are_completed() -> None:
    """The first word is a command, also from its first letters."""
    assert completed("") == list(COMMANDS)
    assert completed("comp") == ["completion"]
    assert completed("completion", "") == list(SHELLS)


def test_options_are_completed() -> None:
    """The command's own options and every question of the template's."""
    offered = completed("new", "demo", "--")
    assert {"--defaults", "--dry-run", "--no-git"} <= set(offered)
    assert {question.option for question in QUESTIONS.values()} <= set(offered)
    assert completed("new", "demo", "--sample") == ["--sample-weight"]
    assert completed("new", "demo", "--no-s") == ["--no-sample-weight"]


@pytest.mark.parametrize("name", [name for name in QUESTIONS if QUESTIONS[name].choices])
def test_choices_are_completed(name: str) -> None:
    """Each choice of a question, or those that begin as the word does."""
    question = QUESTIONS[name]
    last = question.choices[-1]
    assert completed("new", "demo", question.option, "") == list(question.choices)
    assert completed("new", "demo", question.option, last[:4]) == [last]
    assert completed("new", "demo", question.option, "zzz") == []
