"""Writes in processes of their own that are killed, terminated, limited or have rivals."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kscaffold.write import check_target, write_tree
from tests.write.faulty_os import (
    SCENARIOS,
    TREE,
    changed_project,
    empty_current_folder,
    is_complete,
    snapshot,
    without_syncing,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and fork"),
]


def drive(*arguments: str | Path) -> list[str]:
    """What the driver prints, line by line."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.write.write_driver", *arguments],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def harmed(kind: str, folder: Path, scenario: str, first: int, step: int) -> dict[Path, int]:
    """The targets that a signal at ever later operations leaves, and how the children ended."""
    lines = drive(kind, folder, scenario, str(first), str(step))
    ends = [line.split() for line in lines]
    assert ends[-1][1] == "0", "the last write, which no signal stopped, failed"
    return {folder / number / "around" / "project": int(code) for number, code in ends}


def leftovers(room: Path) -> list[Path]:
    """Temporary files of the tool itself."""
    return [path for path in room.rglob("*") if ".kscaffold-" in path.name]


def state_before(scenario: str, room: Path) -> dict[str, tuple[object, ...]]:
    """The state that a scenario starts from, made once more."""
    next(s for s in SCENARIOS if s.__name__ == scenario)(room / "around" / "project")
    return untimed(room)


def untimed(room: Path) -> dict[str, tuple[object, ...]]:
    """A snapshot without the times of change, which differ between equal rooms."""
    return {
        path: (mode, content[0] if isinstance(content, tuple) else content)
        for path, (mode, content) in snapshot(room).items()
    }


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.__name__)
def test_after_a_kill_the_next_run_puts_all_in_order(
    tmp_path: Path, scenario: Callable[[Path], None]
) -> None:
    """SIGKILL at any operation: then `check_target` leaves one that is complete or as before.

    Where the target was missing or could be renamed over, no half of one is there even until then.
    """
    before = state_before(scenario.__name__, tmp_path / "before")
    step = 1 if scenario is changed_project else 2
    ends = harmed("kill", tmp_path / "killed", scenario.__name__, 1, step)
    assert len(ends) > 30
    assert set(list(ends.values())[:-1]) == {-signal.SIGKILL}
    for target in ends:
        room = target.parent.parent
        if scenario not in (changed_project, empty_current_folder):
            assert is_complete(target) or not target.exists() or not list(target.iterdir())
        with without_syncing():
            check_target(target, force=True)
        assert untimed(room) == before or is_complete(target), target
        assert not leftovers(room), target


def test_after_a_kill_the_same_command_works(tmp_path: Path) -> None:
    """SIGKILL at any operation, then the same again: complete, and the user's bytes kept."""
    for target in harmed("kill", tmp_path, "changed_project", 2, 5):
        with without_syncing():
            write_tree(target, TREE, force=True)
        assert is_complete(target), target
        assert (target / "src/pkg/train.py.backup-1").read_text() == "print('mine')\n"
        assert (target / "src/pkg/train.py.backup-1").stat().st_mode & 0o777 == 0o600
        assert (target / "README.md.backup-1").read_text() == "# older\n"
        assert (target / "README.md.backup-2").read_text() == "# mine\n"
        assert (target / "src/pkg/mine.py").read_text() == "MINE = 1\n"
        assert len(list(target.rglob("*.backup-*"))) == 3, target


def test_what_the_user_edits_after_a_kill_is_kept(tmp_path: Path) -> None:
    """A file that was put in place, then edited, before the next run: the edit stays."""
    edits = 0
    for target in harmed("kill", tmp_path, "changed_project", 100, 2):
        train = target / "src/pkg/train.py"
        if not train.exists() or train.read_text() != TREE[1].text:
            continue
        with train.open("a") as file:
            file.write("edited = True\n")
        check_target(target, force=True)
        assert train.read_text() == TREE[1].text + "edited = True\n"
        assert train.with_name("train.py.backup-1").read_text() == "print('mine')\n"
        edits += 1
    assert edits > 1


def test_a_target_that_was_empty_before_a_kill_is_empty_to_the_next_run(tmp_path: Path) -> None:
    """What a killed run left in an empty target is no reason to refuse it."""
    for target in harmed("kill", tmp_path, "empty_current_folder", 1, 5):
        if not is_complete(target):
            with without_syncing():
                check_target(target, force=False)


@pytest.mark.parametrize("scenario", ["nothing_there", "changed_project"])
def test_a_termination_undoes_all_and_ends_the_process(tmp_path: Path, scenario: str) -> None:
    """SIGTERM during a write: the process dies of it, with nothing half done or left over."""
    before = state_before(scenario, tmp_path / "before")
    ends = harmed("terminate", tmp_path / "terminated", scenario, 1, 3)
    assert set(list(ends.values())[:-1]) == {-signal.SIGTERM}
    for target in ends:
        room = target.parent.parent
        assert untimed(room) == before or is_complete(target), target
        assert not leftovers(room), target


@pytest.mark.parametrize("scenario", ["nothing_there", "changed_project"])
def test_a_limit_on_file_sizes_undoes_all(tmp_path: Path, scenario: str) -> None:
    """A file over the limit: a sentence that says so, exit 3, and all as before."""
    before = state_before(scenario, tmp_path / "before")
    message, code = drive("limit", tmp_path / "limited", scenario)
    assert code == "3"
    assert "project/src/pkg/train.py: the limit on file sizes is too low; raise it" in message
    assert untimed(tmp_path / "limited") == before


def test_of_several_runs_one_wins(tmp_path: Path) -> None:
    """Runs at the same moment: one tree is there, unmixed, and every other run says why not."""
    *messages, codes = drive("race", tmp_path)
    assert sorted(codes.strip("[]").split(", ")) == ["0"] + ["3"] * 5
    assert len(messages) == 5
    others = [m for m in messages if "another kscaffold run" not in m and "is not empty" not in m]
    assert others == []
    assert len({(tmp_path / "project" / file.path).read_text() for file in TREE}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["project"]
