"""`kscaffold template eject` writes all of it or nothing, and nothing outside its folder."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest

from kscaffold.errors import TargetError
from kscaffold.write import check_target
from tests.cli.runner import contents, error_of, kscaffold
from tests.template.own_templates import new
from tests.write.faulty_os import faulty
from tests.write.write_driver import exit_code, in_child

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and fork"),
]
UPDATE = ("template", "eject", "package/trainer.py.jinja:update", "--into", "mine")
LOSS = ("template", "eject", "package/trainer.py.jinja:loss", "--into", "mine")
EVERYTHING = ("template", "eject", "--into", "mine")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def killed(arguments: tuple[str, ...], operation: int) -> int:
    """Run the command in a child that is killed before an operation on the disk."""

    def work() -> None:
        with faulty(operation, lambda: os.kill(os.getpid(), signal.SIGKILL)):
            result = kscaffold(*arguments)
        if result.exit_code != 0:
            raise TargetError(result.output)

    return exit_code(in_child(work))


def before() -> None:
    """An overlay with one block, a folder of the user's, and one that is empty."""
    assert kscaffold(*UPDATE).exit_code == 0


def scene(name: str) -> dict[str, bytes]:
    """Set a scene; returns the files that are there."""
    if name == "an overlay":
        before()
    elif name == "a folder":
        Path("mine").mkdir()
        Path("mine/notes.txt").write_text("mine")
    return contents(Path("mine"))


def test_an_empty_folder_name_is_refused() -> None:
    """It is none, and not the current folder."""
    result = kscaffold("template", "eject", "--into", "")
    assert error_of(result, 2).startswith("--into: is empty")
    assert not [*Path().iterdir()]


def operations(arguments: tuple[str, ...]) -> list[int]:
    """Return operations on the disk all along the command's run, and one after its last."""
    with faulty(-1, lambda: None) as counted:
        assert kscaffold(*arguments).exit_code == 0
    return [*range(1, counted.count + 1, max(1, counted.count // 12)), counted.count + 1]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (UPDATE, "nothing"),
        (UPDATE, "a folder"),
        (LOSS, "an overlay"),
        (EVERYTHING, "nothing"),
    ],
    ids=["block", "into a folder", "one block more", "everything"],
)
def test_a_kill_leaves_all_or_nothing(
    tmp_path: Path, arguments: tuple[str, ...], name: str
) -> None:
    """Whenever it comes: what is there is what was there, or all that was to be."""

    def room(number: int) -> contextlib.chdir[Path]:
        folder = tmp_path / f"room{number}"
        folder.mkdir()
        return contextlib.chdir(folder)

    with room(0):
        scene(name)
        chosen = operations(arguments)
        new = contents(Path("mine"))
        assert kscaffold("template", "lint", "mine").exit_code == 0
    for operation in chosen:
        with room(operation):
            old = scene(name)
            code = killed(arguments, operation)
            check_target(Path("mine"), force=True)
            now = {p: data for p, data in contents(Path("mine")).items() if ".backup-" not in p}
            assert now in (old, new)
            assert not [path for path in Path().rglob("*") if ".kscaffold-" in path.name]
            assert (code == 0) == (operation == chosen[-1])
            assert code != 0 or now == new


def test_a_half_written_template_is_not_used() -> None:
    """Until the next run has put back what was there."""
    before()
    work = Path("mine/.kscaffold-work")
    work.mkdir()
    (work / "journal").write_text('{"folders": [], "files": []}')
    message = error_of(new("--template", "./mine"), 4)
    assert message.startswith("./mine/: half written by a run that was stopped; run it again")
    assert kscaffold(*LOSS).exit_code == 0
    assert not work.exists()
    assert new("--template", "./mine").exit_code == 0


def test_what_a_stopped_run_leaves_is_no_part_of_a_template() -> None:
    """Neither a copy nor a lock goes into a project."""
    before()
    folder = Path("mine/algorithms/supervised/package")
    for name in ("trainer.py.jinja.backup-1", "x.py.jinja~"):
        (folder / name).write_text("left over")
    Path("mine/.kscaffold-lock").write_text("left over")
    assert new("--template", "./mine").exit_code == 0
    assert not [path for path in contents(Path("demo")) if "backup" in path or "x.py" in path]


def test_a_file_that_gets_a_block_keeps_the_rest() -> None:
    """Its own lines and line ends; no copy of it is left."""
    before()
    path = Path("mine/algorithms/supervised/package/trainer.py.jinja")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n") + b"# mine\r\n")
    old = path.read_bytes()
    assert kscaffold(*LOSS).exit_code == 0
    assert path.read_bytes().startswith(old)
    assert b"#: block loss\r\n" in path.read_bytes()
    assert b"\n" not in path.read_bytes().replace(b"\r\n", b"")
    folder = "algorithms/supervised"
    assert sorted(contents(Path("mine"))) == [
        *(f"{folder}/kscaffold.toml", f"{folder}/package/trainer.py.jinja", "kscaffold.toml")
    ]


@pytest.mark.parametrize("arguments", [UPDATE, EVERYTHING])
def test_a_link_is_not_followed(arguments: tuple[str, ...]) -> None:
    """Neither as the folder nor in it: what it leads to stays as it was."""
    Path("elsewhere").mkdir()
    Path("mine").symlink_to("elsewhere")
    assert "mine is a symbolic link" in error_of(kscaffold(*arguments), 3)
    Path("mine").unlink()
    Path("mine").mkdir()
    Path("mine/algorithms").symlink_to("../elsewhere")
    assert "mine" in error_of(kscaffold(*arguments), 3)
    assert contents(Path("elsewhere")) == {}
    assert sorted(path.name for path in Path("mine").iterdir()) == ["algorithms"]


def test_a_link_in_the_place_of_a_file_is_not_followed() -> None:
    """Also one that leads nowhere."""
    folder = Path("mine/algorithms/supervised/package")
    folder.mkdir(parents=True)
    (folder / "trainer.py.jinja").symlink_to("../../../../outside")
    assert "is a symbolic link" in error_of(kscaffold(*UPDATE), 3)
    assert not Path("outside").exists()
    assert not Path("mine/kscaffold.toml").exists()


def test_two_at_once_do_not_mix() -> None:
    """The second one is told of the first."""
    before()
    with Path("mine/.kscaffold-lock").open("w") as lock:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another kscaffold run" in error_of(kscaffold(*LOSS), 3)
