"""Wherever a write is stopped, the target is complete or as it was, and nothing is left over."""

from __future__ import annotations

import errno
import itertools
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kscaffold.errors import TargetError
from kscaffold.write import check_target, write_tree
from tests.write.faulty_os import (
    SCENARIOS,
    TREE,
    changed_project,
    faulty,
    is_complete,
    nothing_there,
    snapshot,
)

pytestmark = pytest.mark.slow

Scenario = Callable[[Path], None]
every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.__name__)


@pytest.fixture(autouse=True)
def _back_to_the_folder_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _interrupts_are_heard() -> Iterator[None]:
    """A test run in the background of a shell was started with interrupts ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def rooms(tmp_path: Path, scenario: Scenario) -> Iterator[tuple[int, Path, Path]]:
    """A fresh room with a target in it for each operation, numbered from 1, without an end."""
    for number in itertools.count(1):
        room = tmp_path / str(number)
        room.mkdir()
        target = room / "around" / "project"
        scenario(target)
        yield number, room, target


def fail_with(code: int) -> Callable[[], None]:
    """What fails as the system does."""

    def act() -> None:
        raise OSError(code, os.strerror(code))

    return act


def interrupt() -> None:
    """Do what Ctrl-C does."""
    raise KeyboardInterrupt


@every_scenario
def test_an_error_at_any_operation_undoes_all(tmp_path: Path, scenario: Scenario) -> None:
    """An error at any one operation: a TargetError and all as before, or all is written."""
    for number, room, target in rooms(tmp_path, scenario):
        before = snapshot(room)
        with faulty(number, fail_with(errno.ENOSPC)) as stand_in:
            try:
                write_tree(target, TREE, force=True)
            except TargetError:
                assert snapshot(room) == before, number
            else:
                assert is_complete(target), number
                assert no_leftovers(room), number
        if not stand_in.struck:
            break
    assert number > 50


@pytest.mark.parametrize("scenario", [nothing_there, changed_project])
def test_an_interrupt_at_any_operation_undoes_all(tmp_path: Path, scenario: Scenario) -> None:
    """A KeyboardInterrupt raised inside any one operation: all as before, or all is written."""
    for number, room, target in rooms(tmp_path, scenario):
        before = snapshot(room)
        with faulty(number, interrupt) as stand_in:
            if is_interrupted(target):
                assert snapshot(room) == before or is_complete(target), number
            else:
                assert is_complete(target), number
        assert no_leftovers(room), number
        if not stand_in.struck:
            break


@pytest.mark.parametrize("scenario", [nothing_there, changed_project])
def test_a_signal_at_any_operation_is_acted_on_in_the_end(
    tmp_path: Path, scenario: Scenario
) -> None:
    """SIGINT during any operation becomes a KeyboardInterrupt once all is undone or written."""
    for number, room, target in rooms(tmp_path, scenario):
        before = snapshot(room)
        with faulty(number, lambda: signal.raise_signal(signal.SIGINT)) as stand_in:
            stopped = is_interrupted(target)
        assert stopped == stand_in.struck, number
        assert snapshot(room) == before or is_complete(target), number
        assert no_leftovers(room), number
        if not stopped:
            break


@every_scenario
def test_a_disk_that_goes_away_is_recovered_from(tmp_path: Path, scenario: Scenario) -> None:
    """All operations fail from one on, even those that undo: the next run puts all in order."""
    for number, room, target in rooms(tmp_path, scenario):
        before = snapshot(room)
        failing = faulty(number, fail_with(errno.EIO), lasting=True)
        with failing as stand_in, suppress(TargetError):
            write_tree(target, TREE, force=True)
        check_target(target, force=True)
        assert snapshot(room) == before or is_complete(target), number
        assert no_leftovers(room), number
        if not stand_in.struck:
            break


def test_a_link_put_in_place_during_the_write_leads_nowhere(tmp_path: Path) -> None:
    """A folder swapped for a link at any moment: nothing outside the target is touched."""
    for number, room, target in rooms(tmp_path, changed_project):
        outside = room / "outside"
        (outside / "pkg").mkdir(parents=True)
        (outside / "pkg" / "train.py").write_text("not to be touched\n")
        before = snapshot(outside)

        def swap(target: Path = target, outside: Path = outside) -> None:
            (target / "src").rename(target / "moved")
            (target / "src").symlink_to(outside)

        with faulty(number, swap) as stand_in, suppress(TargetError):
            write_tree(target, TREE, force=True)
        assert snapshot(outside) == before, number
        mine = [path.read_text() for path in target.rglob("train.py*")]
        assert "print('mine')\n" in mine, number
        if not stand_in.struck:
            break


def test_a_write_that_cannot_be_undone_says_so(tmp_path: Path) -> None:
    """Where even undoing fails, the message says that the next run will put things back."""
    messages = set()
    for number, _, target in rooms(tmp_path, changed_project):
        with faulty(number, fail_with(errno.EIO), lasting=True) as stand_in:
            try:
                write_tree(target, TREE, force=True)
            except TargetError as error:
                messages.add("next kscaffold run" in str(error))
        if not stand_in.struck:
            break
    assert messages == {True, False}


def is_interrupted(target: Path) -> bool:
    """Write; tell whether that was interrupted."""
    try:
        write_tree(target, TREE, force=True)
    except KeyboardInterrupt:
        return True
    return False


def no_leftovers(room: Path) -> bool:
    """Whether no temporary file of the tool is left."""
    return not any(".kscaffold-" in path.name for path in room.rglob("*"))
