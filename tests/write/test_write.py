"""What writing a tree does: to a new target, to an existing one, and to whoever sets traps."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kscaffold.errors import TargetError
from kscaffold.project.tree import Tree, TreeFile
from kscaffold.write import Written, check_target, write_tree
from kscaffold.write.workspace import LOCK, WORK, Workspace
from tests.write.faulty_os import (
    TREE,
    changed_project,
    faulty,
    is_complete,
    snapshot,
    without_syncing,
)

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes and links")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """The folder that is to be written, not there yet."""
    return tmp_path / "project"


def refusal(target: Path, tree: Tree = TREE, *, force: bool = False) -> str:
    """The message with which a write is refused; all around the target stays as it was."""
    before = snapshot(target.parent)
    with pytest.raises(TargetError) as caught:
        write_tree(target, tree, force=force)
    assert snapshot(target.parent) == before
    return str(caught.value)


def names_in(folder: Path) -> list[str]:
    """The names of all entries of a folder."""
    return [path.name for path in folder.iterdir()]


def test_a_new_target_gets_the_whole_tree(target: Path) -> None:
    """All files are there and listed, and nothing else, neither inside nor beside."""
    written = write_tree(target, TREE)
    assert written == Written(tuple(file.path for file in TREE))
    assert is_complete(target)
    assert len(list(target.rglob("*"))) == len(TREE) + 3
    assert names_in(target.parent) == ["project"]


@posix
def test_modes_follow_the_umask(target: Path) -> None:
    """Files are 644 or, executable, 755, folders 755, less what the umask takes."""
    before = os.umask(0o027)
    try:
        write_tree(target, TREE)
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE((target / path).stat().st_mode) for path in (".", "bin/run")}
    assert modes == {".": 0o750, "bin/run": 0o750}
    assert stat.S_IMODE((target / "README.md").stat().st_mode) == 0o640


def test_text_is_written_as_it_is(target: Path) -> None:
    """UTF-8, no translation of line ends, an empty file stays empty."""
    text = "naïve 🙂\n\ttab\n"
    write_tree(target, (TreeFile("a", text), TreeFile("b", ""), TreeFile("c", "x\r\n")))
    assert (target / "a").read_bytes() == text.encode()
    assert (target / "b").read_bytes() == b""
    assert (target / "c").read_bytes() == b"x\r\n"


def test_missing_folders_around_the_target_are_made(tmp_path: Path) -> None:
    """Several levels may be missing; they come into being together with the target."""
    write_tree(tmp_path / "a" / "b" / "project", TREE)
    assert is_complete(tmp_path / "a" / "b" / "project")
    assert names_in(tmp_path) == ["a"]


@posix
def test_an_empty_folder_is_filled_and_keeps_its_mode(target: Path) -> None:
    """An existing empty folder needs no force."""
    target.mkdir()
    target.chmod(0o750)
    check_target(target, force=False)
    write_tree(target, TREE)
    assert is_complete(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o750


@pytest.mark.parametrize("path", [".", "../project", "./"])
def test_the_current_folder_stays_the_same_folder(
    target: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Filling the folder one is in does not put another in its place, under the user's feet."""
    target.mkdir()
    monkeypatch.chdir(target)
    inode = target.stat().st_ino
    write_tree(Path(path), TREE)
    assert is_complete(target)
    assert target.stat().st_ino == inode


def test_a_long_name_leaves_room_for_temporary_names(tmp_path: Path) -> None:
    """A name as long as the file system allows can be written."""
    write_tree(tmp_path / ("x" * 255), TREE)
    write_tree(tmp_path / ("é" * 127), TREE)
    assert is_complete(tmp_path / ("x" * 255))
    assert len(names_in(tmp_path)) == 2


def test_a_folder_with_files_is_refused(target: Path) -> None:
    """Without force, one foreign file is enough; the message gives both ways on."""
    target.mkdir()
    (target / "notes.txt").touch()
    with pytest.raises(TargetError, match="is not empty; choose another path, or --force") as error:
        check_target(target, force=False)
    assert error.value.exit_code == 3
    assert "is not empty" in refusal(target)
    check_target(target, force=True)


@pytest.mark.parametrize("force", [False, True])
def test_a_file_or_a_link_as_target_is_refused(tmp_path: Path, force: bool) -> None:
    """Not even force writes over a file, or through a link to wherever it leads."""
    (tmp_path / "file").write_text("mine\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "nowhere").symlink_to("missing")
    assert "is not a folder" in refusal(tmp_path / "file", force=force)
    assert "is a symbolic link" in refusal(tmp_path / "link", force=force)
    assert "is a symbolic link" in refusal(tmp_path / "nowhere", force=force)
    assert "is not a folder" in refusal(tmp_path / "file" / "project", force=force)
    assert "is a symbolic link to nothing" in refusal(tmp_path / "nowhere" / "x", force=force)


@pytest.mark.parametrize(
    ("name", "part"),
    [("x" * 300, "too long"), ("a\0b", "no path can have"), ("\ud800", "no path can have")],
)
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, name: str, part: str) -> None:
    """Too long, or with characters that the system has no bytes for: a sentence."""
    for call in (lambda p: check_target(p, force=False), lambda p: write_tree(p, TREE)):
        with pytest.raises(TargetError, match=part):
            call(tmp_path / name)


@pytest.mark.parametrize("exists", [False, True])
def test_a_folder_without_write_permission_is_refused(
    target: Path, monkeypatch: pytest.MonkeyPatch, exists: bool
) -> None:
    """The check names the folder that may not be written to."""
    if exists:
        target.mkdir()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(TargetError, match="no permission to write in") as error:
        check_target(target, force=False)
    assert str(target if exists else target.parent) in str(error.value)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.ENOSPC, "the disk is full; free some space"),
        (errno.EROFS, "the file system is read-only; choose a path"),
        (errno.EACCES, "you have no permission; choose a path"),
        (errno.ENAMETOOLONG, "the name is too long; choose a shorter path"),
        (errno.ETIMEDOUT, f"{os.strerror(errno.ETIMEDOUT)}; choose another path"),
    ],
)
def test_an_error_of_the_disk_becomes_a_sentence(
    target: Path, monkeypatch: pytest.MonkeyPatch, code: int, reason: str
) -> None:
    """The message names the file where it was to be, the reason in words, and the fix."""

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "write", refuse)
    message = refusal(target)
    assert message.startswith(f"cannot write {target / 'README.md'}: {reason}")


def test_force_keeps_what_was_changed(target: Path) -> None:
    """Other files stay, changed ones become named backups with their bytes, mode and time."""
    changed_project(target)
    before = snapshot(target)
    written = write_tree(target, TREE, force=True)
    after = snapshot(target)
    assert written.backups == ("README.md.backup-2", "src/pkg/train.py.backup-1")
    assert written.files == ("README.md", "src/pkg/train.py", "bin/run")
    assert is_complete(target)
    assert after["README.md.backup-2"] == before["README.md"]
    assert after["src/pkg/train.py.backup-1"] == before["src/pkg/train.py"]
    untouched = ["README.md.backup-1", "src/pkg/data.py", "src/pkg/mine.py", "latest"]
    assert [after[path] for path in untouched] == [before[path] for path in untouched]
    assert not [path for path in after if ".kscaffold-" in path]


def test_backups_are_never_written_over(target: Path) -> None:
    """Each further run that replaces a file counts on, past whatever has such a name."""
    for round_ in range(3):
        write_tree(target, (TreeFile("a.py", f"{round_}\n"),), force=True)
    (target / "a.py.BACKUP-3").mkdir()
    written = write_tree(target, (TreeFile("a.py", "3\n"),), force=True)
    assert written.backups == ("a.py.backup-4",)
    texts = {path.name: path.read_text() for path in target.iterdir() if path.is_file()}
    assert texts == {
        "a.py": "3\n",
        "a.py.backup-1": "0\n",
        "a.py.backup-2": "1\n",
        "a.py.backup-4": "2\n",
    }


def test_writing_the_same_again_changes_nothing(target: Path) -> None:
    """With the same bytes in place, no file is touched and no backup made."""
    write_tree(target, TREE)
    before = snapshot(target)
    assert write_tree(target, TREE, force=True) == Written(())
    assert snapshot(target) == before


@pytest.mark.parametrize(
    "path",
    [
        *("/etc/x", "../x", "a/../../x", "a//b", "", ".", "C:x", "a\\b", "a\0b", "a/" * 70 + "b"),
        *(".git/hooks/x", "sub/.GIT/config", "git~1/config", ".git./x", ".kscaffold-work/journal"),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(target: Path, path: str) -> None:
    """Absolute, upwards, into git's own folder or the tool's temporary one: never written."""
    assert "is not a path in a project" in refusal(target, (TreeFile(path, "x"),))


@pytest.mark.parametrize(
    "paths", [("a", "a"), ("a", "a/b"), ("a", "A"), ("A/x", "a/y"), ("é", "é")]
)
def test_two_files_at_one_place_are_refused(target: Path, paths: tuple[str, str]) -> None:
    """Twice the same path, or the same for a file system that ignores case and accent forms."""
    refusal(target, tuple(TreeFile(path, "x") for path in paths))


def test_text_that_is_no_text_is_refused(target: Path) -> None:
    """A lone surrogate cannot be written as UTF-8."""
    assert "cannot be written as UTF-8" in refusal(target, (TreeFile("a", "\ud800"),))


def link_file(target: Path, outside: Path) -> None:
    """A link to an outside file in place of a file."""
    (target / "src/pkg/train.py").unlink()
    (target / "src/pkg/train.py").symlink_to(outside / "pkg" / "train.py")


def link_to_nothing(target: Path, outside: Path) -> None:
    """A link to a missing outside file in place of a file."""
    (target / "bin").mkdir()
    (target / "bin/run").symlink_to(outside / "run")


def link_folder(target: Path, outside: Path) -> None:
    """A link to an outside folder in place of a folder."""
    (target / "src").rename(target / "moved")
    (target / "src").symlink_to(outside)


def folder_for_file(target: Path, _: Path) -> None:
    """A folder in place of a file."""
    (target / "bin/run").mkdir(parents=True)


def file_for_folder(target: Path, _: Path) -> None:
    """A file in place of a folder."""
    (target / "bin").write_text("mine\n")


def pipe_for_file(target: Path, _: Path) -> None:
    """A pipe, which blocks whoever reads it."""
    (target / "bin").mkdir()
    os.mkfifo(target / "bin/run")


def other_case(target: Path, _: Path) -> None:
    """A name that differs by case only."""
    (target / "README.md").rename(target / "Readme.MD")


def link_for_lock(target: Path, outside: Path) -> None:
    """A link in place of the lock file."""
    (target / LOCK).symlink_to(outside / "pkg" / "train.py")


def link_for_work(target: Path, outside: Path) -> None:
    """A link in place of the temporary folder."""
    (target / WORK).symlink_to(outside)


@posix
@pytest.mark.parametrize(
    "trap",
    [
        link_file,
        link_to_nothing,
        link_folder,
        folder_for_file,
        file_for_folder,
        pipe_for_file,
        other_case,
        link_for_lock,
        link_for_work,
    ],
)
def test_what_is_in_the_way_is_refused(tmp_path: Path, trap: Callable[[Path, Path], None]) -> None:
    """Links, folders, files and pipes in place of ours: nothing changes, inside or outside."""
    target, outside = tmp_path / "room" / "project", tmp_path / "outside"
    (outside / "pkg").mkdir(parents=True)
    (outside / "pkg" / "train.py").write_text("not to be touched\n")
    changed_project(target)
    trap(target, outside)
    before = snapshot(outside)
    refusal(target, force=True)
    assert snapshot(outside) == before


@posix
def test_a_link_named_like_a_staged_folder_is_left_alone(tmp_path: Path) -> None:
    """In a folder that many may write to, cleaning up follows nobody's link."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").touch()
    link = tmp_path / Workspace.beside(str(tmp_path / "project")).new_name()
    link.symlink_to(outside)
    (tmp_path / ".project.kscaffold-lock").touch()
    write_tree(tmp_path / "project", TREE)
    assert (outside / "mine").exists()
    assert link.is_symlink()


@pytest.mark.parametrize("path", ["../outside", "/tmp/x", ".git/hooks/pre-commit", "link/train.py"])
def test_a_journal_of_a_stranger_reaches_nothing_outside(tmp_path: Path, path: str) -> None:
    """A folder that was handed over with a journal in it: nothing outside it is touched."""
    target, outside = tmp_path / "project", tmp_path / "outside"
    (target / WORK).mkdir(parents=True)
    outside.mkdir()
    (outside / "train.py").write_text("mine\n")
    (outside / "train.py.backup-1").write_text("older\n")
    (target / "link").symlink_to(outside)
    found = (outside / "train.py").stat()
    stamp = [found.st_ino, found.st_size, found.st_mtime_ns]
    backup = f"{path.rsplit('/', 1)[-1]}.backup-1"
    journal = {"folders": ["link"], "files": [[path, stamp, backup]]}
    (target / WORK / "journal").write_text(json.dumps(journal))
    before = snapshot(outside)
    with pytest.raises(TargetError):
        write_tree(target, TREE, force=True)
    assert snapshot(outside) == before


def test_a_journal_that_cannot_be_read_is_left_for_the_user(target: Path) -> None:
    """What it meant is not guessed; the message names it and says what to look for."""
    (target / WORK).mkdir(parents=True)
    (target / WORK / "journal").write_text("{")
    assert "journal cannot be read; look for files named *.backup-1" in refusal(target, force=True)


@pytest.mark.parametrize("force", [False, True])
def test_a_run_that_is_under_way_keeps_others_out(target: Path, force: bool) -> None:
    """The second run is told, by the check already, and removes nothing of the first."""
    beside = Workspace.beside(str(target))
    staged = target.parent / beside.new_name()
    staged.mkdir()
    with beside.locked("x"):
        with pytest.raises(
            TargetError, match=f"another kscaffold run is writing to {target}; wait"
        ):
            check_target(target, force=force)
        assert "another kscaffold run" in refusal(target, force=force)
    check_target(target, force=force)
    write_tree(target, TREE, force=force)
    assert staged.exists()  # it was made while no lock file told of it


def test_a_run_inside_the_target_keeps_others_out(target: Path) -> None:
    """The same for a run that writes into an existing folder."""
    changed_project(target)
    with Workspace(str(target)).locked("x"):
        assert "another kscaffold run" in refusal(target, force=True)
    write_tree(target, TREE, force=True)
    assert is_complete(target)


def test_a_file_system_without_locks(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes the lock file has the lock; who finds one is told which file to remove."""
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    write_tree(target, TREE)
    assert is_complete(target)
    lock = target / LOCK
    lock.touch()
    assert f"if that is not so, remove {lock}" in refusal(target, force=True)


def test_a_file_system_without_hard_links(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are then put in place by renames, and undone likewise."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", refuse)
    changed_project(target)
    before = snapshot(target)
    for number in range(1, 1000):
        with faulty(number, lambda: refuse_with(errno.ENOSPC)) as stand_in:
            try:
                write_tree(target, TREE, force=True)
            except TargetError:
                assert snapshot(target) == before, number
        if is_complete(target):
            break
    assert stand_in.count > 50
    assert (target / "src/pkg/train.py.backup-1").read_text() == "print('mine')\n"


def refuse_with(code: int) -> None:
    """Fail as the system does."""
    raise OSError(code, os.strerror(code))


def test_a_signal_goes_to_whoever_handled_it_before(target: Path) -> None:
    """The handler from before gets the signal after the write is undone, and is in place again."""
    got: list[tuple[int, bool]] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: got.append((number, target.exists())))
    try:
        handler = signal.getsignal(signal.SIGTERM)
        stopped = pytest.raises(TargetError, match="stopped by SIGTERM; nothing was written")
        with faulty(30, lambda: signal.raise_signal(signal.SIGTERM)), stopped:
            write_tree(target, TREE)
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)
    assert got == [(signal.SIGTERM, False)]
    assert names_in(target.parent) == []


def test_another_thread_can_write(target: Path) -> None:
    """Where signal handlers cannot be set, writing works without."""
    thread = threading.Thread(target=write_tree, args=(target, TREE))
    thread.start()
    thread.join()
    assert is_complete(target)


def test_nothing_is_cleaned_up_where_nothing_is_left(target: Path) -> None:
    """Nothing happens to a missing target, nor to a folder of the user's."""
    check_target(target, force=True)
    changed_project(target)
    before = snapshot(target)
    check_target(target, force=True)
    assert snapshot(target) == before


names = st.text("aAbé.x ", min_size=1, max_size=3).filter(lambda name: name.strip(". ") == name)
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
trees = st.dictionaries(paths, st.text("xy\n", max_size=6), max_size=6)


@settings(max_examples=60, deadline=None)
@given(ours=trees, theirs=trees)
def test_any_tree_into_any_folder(ours: dict[str, str], theirs: dict[str, str]) -> None:
    """All of ours is there and all of theirs somewhere; or it is refused and all is as before."""
    with TemporaryDirectory() as room, without_syncing():
        target = Path(room) / "project"
        try:
            write_tree(target, tuple(TreeFile(path, text) for path, text in theirs.items()))
        except TargetError:
            assert not names_in(Path(room))
            return
        before = snapshot(Path(room))
        try:
            tree = tuple(TreeFile(path, text) for path, text in ours.items())
            written = write_tree(target, tree, force=True)
        except TargetError:
            assert snapshot(Path(room)) == before
            return
        assert {path: (target / path).read_text() for path in ours} == ours
        replaced = [path for path in theirs if path in ours and ours[path] != theirs[path]]
        assert len(written.backups) == len(replaced)
        for path in theirs:
            kept = [path, *(b for b in written.backups if b.startswith(f"{path}.backup-"))]
            assert theirs[path] in [(target / p).read_text() for p in kept]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a file system that takes no files")
def test_a_file_system_that_takes_no_files_is_refused() -> None:
    """Where no file can be created at all, that is said, and not tried for ever."""
    with pytest.raises(TargetError, match="/proc"):
        write_tree(Path("/proc/project"), (TreeFile("a", "a"),))
