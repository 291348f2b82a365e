"""Pipes, devices and huge files in the place of a file: refused in a line, without being read."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kscaffold.project.inspectors import csv_task
from kscaffold.safety.files import open_regular, read_regular
from kscaffold.template.overlays import Layer
from tests.template.own_templates import WHOLE, template, whole

# What a refused command may take: far less than the largest of these files.
SECONDS = 20
MEMORY = 1 << 30


def pipe(path: Path) -> None:
    """A pipe that nobody writes to: to open it waits for ever."""
    os.mkfifo(path)


def endless(path: Path) -> None:
    """A link to a device that has no end."""
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    """A file of 3 GB that takes no space."""
    with path.open("wb") as file:
        file.truncate(3 << 30)


each_kind = pytest.mark.parametrize("unusual", [pipe, endless, huge])
Kind = Callable[[Path], None]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run each test in a folder of its own, whose large files are not kept."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    yield
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.stat().st_size > 1 << 20:
            path.unlink()


def refused(*arguments: str, code: int) -> str:
    """The one line of a command that is refused, within little time and memory."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    result = subprocess.run(
        [sys.executable, "-m", "kscaffold", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        preexec_fn=limit,
    )
    assert (result.returncode, result.stdout) == (code, ""), result.stdout + result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert "bug" not in result.stderr
    assert not Path("demo").exists()
    return result.stderr


@each_kind
@pytest.mark.parametrize("name", ["out.txt.jinja", "copied.bin", "unused", "kscaffold.toml"])
def test_in_a_template(unusual: Kind, name: str) -> None:
    """Whether the template writes it, or it only lies there, or is the manifest."""
    own = whole("own", '[[files]]\ntemplate = "copied.bin"\ntarget = "copied.bin"\n')
    (own / "copied.bin").write_bytes(b"x")
    (own / name).unlink(missing_ok=True)
    unusual(own / name)
    assert name in refused("new", "demo", "--template", "own", code=4)
    assert name in refused("template", "lint", "own", code=4)


@each_kind
def test_as_a_zip(unusual: Kind) -> None:
    """A template's zip is a file."""
    unusual(Path("lab.zip"))
    assert "lab.zip" in refused("new", "demo", "--template", "lab.zip", code=4)


@each_kind
def test_as_answers(unusual: Kind) -> None:
    """A data file is a person's own, and one that a person can read."""
    unusual(Path("answers.toml"))
    message = refused("new", "demo", "--data-file", "answers.toml", code=2)
    assert message.startswith("error: --data-file: answers.toml: ")


@each_kind
def test_as_a_table(unusual: Kind) -> None:
    """The table to train on is looked at line by line, and no line is so long."""
    unusual(Path("table.csv"))
    arguments = ("new", "demo", "--defaults", "--data", "csv", "--data-path", "table.csv")
    assert "table.csv" in refused(*arguments, code=2)


@each_kind
@pytest.mark.parametrize("path", [".kscaffold.toml", "configuration/kscaffold/config.toml"])
def test_as_a_configuration(unusual: Kind, path: str) -> None:
    """Of the folder and of the user."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    unusual(Path(path))
    assert Path(path).name in refused("new", "demo", code=2)


@each_kind
def test_in_the_place_of_a_template_file(unusual: Kind) -> None:
    """In the moment between the search for a file and its reading, too."""
    Path("own").mkdir()
    unusual(Path("own/file"))
    with pytest.raises(Exception, match="own/file: ") as error:
        Layer("own", Path("own"), "own/").read_bytes("file")
    assert type(error.value).__name__ == "TemplateError"


def test_a_link_that_leads_to_itself() -> None:
    """It is named as well."""
    own = whole("own")
    (own / "loop").symlink_to("loop")
    assert "own/loop: Too many levels of symbolic links" in refused(
        "new", "demo", "--template", "own", code=4
    )


def test_files_that_are_large_together() -> None:
    """A template's files have a bound as a whole."""
    own = whole("own")
    for name in ("a", "b"):
        with (own / name).open("wb") as file:
            file.truncate(150 << 20)
    assert "more than 256 MiB" in refused("new", "demo", "--template", "own", code=4)


def test_a_file_that_grows_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What its size was does not count, but what comes."""
    Path("a").write_bytes(b"12345")
    monkeypatch.setattr("kscaffold.safety.files._check", lambda *_: None)
    with pytest.raises(OSError, match="Larger than 0 MiB"):
        read_regular(Path("a"), 4)
    with open_regular(Path("a"), 4) as file:
        assert file.read() == b"12345"


def test_a_table_with_long_lines_and_many() -> None:
    """A long cell is refused; of very many, the first ones tell what a column is."""
    Path("long.csv").write_text("a,b\n" + "1" * 1_000_001 + ",2\n")
    with pytest.raises(Exception, match="a cell has more than 131072 characters"):
        csv_task("long.csv", "b")
    with Path("many.csv").open("w") as file:
        file.write("a,b\n")
        file.writelines(f"{'x' * 100_000},{n}.5\n" for n in range(1_100))
    assert csv_task("many.csv", "b") == "regression"


def test_what_is_large_and_legal() -> None:
    """A manifest and a file to copy may be longer than a page."""
    own = whole("own", "# " + "x" * 500_000 + "\n")
    (own / "data").write_bytes(b"\0" * (10 << 20))
    result = subprocess.run(
        [sys.executable, "-m", "kscaffold", "new", "demo", "--template", "own", "--no-git"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", ["a" * 5_000, "a\\u0000b"])
def test_a_file_whose_name_cannot_be_is_the_templates_fault(name: str) -> None:
    """One line that names it, wherever it is."""
    own = template("own", f'{WHOLE}[[files]]\ntemplate = "{name}"\ntarget = "x"\n')
    message = refused("new", "demo", "--defaults", "--template", str(own), code=4)
    assert "own/a" in message
