"""What a template has as bytes is copied as bytes: pictures, and text with any line ends."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest

from kscaffold.project.record import BASE
from tests.cli.runner import contents, kscaffold, report_of
from tests.template.own_templates import OVERLAY, new, template

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xfe"
CRLF = "first\r\nsecond é\r\n".encode()
CODE = b"x  =  1\r\n"
FILES = {
    "project/logo.png": PNG,
    "project/notes.txt": CRLF,
    "project/run.bat": CRLF,
    "project/legacy.py": CODE,
    "project/old.py": b"print 'Python 2'\n",
}
WRITTEN = {path.partition("/")[2]: data for path, data in FILES.items()}


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def own(manifest: str = OVERLAY) -> Path:
    """An overlay with such files."""
    folder = template("own", manifest)
    for path, data in FILES.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def written(source: str) -> dict[str, bytes]:
    """The files of a project that the template brings, by the paths that they have there."""
    result = new("--template", source)
    assert result.exit_code == 0, result.output
    return {path: data for path, data in contents(Path("demo")).items() if path in WRITTEN}


def test_from_a_folder() -> None:
    """Every byte, whatever the name of the file."""
    assert written(str(own())) == WRITTEN


def test_from_a_zip() -> None:
    """As it was packed."""
    folder = own()
    with ZipFile("own.zip", "w") as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder))
    assert written("own.zip") == WRITTEN


def test_from_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was committed; no attribute of the repository changes a byte."""
    folder = own()
    (folder / ".gitattributes").write_text("*.txt text eol=lf\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.autocrlf=false"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "m"]):
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True)
    kept = written(f"file://{folder.resolve()}")
    # What git itself has made of it before it is in the repository.
    assert kept == {**WRITTEN, "notes.txt": CRLF.replace(b"\r\n", b"\n")}


def test_a_template_file_has_the_line_ends_of_its_project() -> None:
    """What is rendered is text, with line feeds."""
    folder = own()
    (folder / "project/rendered.txt.jinja").write_bytes(b"a\r\n{{ name }}\r\n")
    assert new("--template", "own").exit_code == 0
    assert Path("demo/rendered.txt").read_bytes() == b"a\ndemo\n"


def test_the_record_tells_whether_they_change() -> None:
    """Text is kept as it is, of a picture the digest."""
    assert written(str(own())) == WRITTEN
    base = json.loads(Path("demo", BASE).read_text(encoding="utf-8"))
    assert base["notes.txt"] == CRLF.decode()
    assert base["legacy.py"] == CODE.decode()
    assert base["logo.png"] == {"sha256": hashlib.sha256(PNG).hexdigest()}


def test_a_preview_names_them() -> None:
    """A difference of bytes is no text to show."""
    own()
    files = report_of(new("--template", "own", "-n", "--format", "json"))["files"]
    assert {*WRITTEN} <= {*files}
    shown = new("--template", "own", "--diff").stdout
    assert "\nbinary file logo.png is new\n" in shown
    assert "\n+first\\r\n+second é\\r\n" in shown
    assert "IHDR" not in shown
    assert not Path("demo").exists()


def test_a_preview_tells_what_would_change() -> None:
    """Where the bytes are the same, nothing is said; where one of the two is no text, no line."""
    written(str(own()))
    assert new("--template", "own", "--diff").stdout == ""
    Path("demo/logo.png").write_bytes(b"mine")
    Path("demo/notes.txt").write_bytes(b"\0mine")
    Path("demo/run.bat").write_bytes(CRLF.replace(b"\r\n", b"\n"))
    shown = new("--template", "own", "--diff").stdout
    assert "binary file logo.png differs\n" in shown
    assert "binary file notes.txt differs\n" in shown
    assert "-first\n-second é\n+first\\r\n+second é\\r\n" in shown


def test_force_keeps_what_was_there() -> None:
    """Only where a byte differs."""
    written(str(own()))
    Path("demo/logo.png").write_bytes(PNG + b"mine")
    report = report_of(new("--template", "own", "--force", "--format", "json"))
    assert (report["files"], report["backups"]) == (["logo.png"], ["logo.png.backup-1"])
    assert Path("demo/logo.png").read_bytes() == PNG
    assert Path("demo/logo.png.backup-1").read_bytes() == PNG + b"mine"


def test_the_other_commands_take_them() -> None:
    """`lint`, `show`, `test` and `eject`."""
    folder = own('[template]\nname = "own"\ndescription = "d"\n[folders]\nproject = ""\n')
    (folder / "project/old.py").unlink()
    assert kscaffold("template", "lint", "own").exit_code == 0
    assert "logo.png" in kscaffold("template", "show", "own").stdout
    tested = kscaffold("template", "test", "own", "--format", "json")
    assert json.loads(tested.stdout)["checks"]["renders"]["failed"] == 0
    assert json.loads(tested.stdout)["checks"]["black"]["failed"] == 0
    assert kscaffold("template", "eject", "--into", "again", "--template", "./own").exit_code == 0
    assert contents(Path("again/project")) == contents(Path("own/project"))
    part = ("project/logo.png", "--into", "part", "--template", "./own")
    assert kscaffold("template", "eject", *part).exit_code == 0
    assert Path("part/project/logo.png").read_bytes() == PNG


@pytest.mark.parametrize("option", ["--dry-run", "--diff", "--no-git"])
def test_text_that_no_file_can_hold_is_the_templates_fault(option: str) -> None:
    """Whether it is written or only shown."""
    folder = template("own", OVERLAY, {"project/half.txt.jinja": "{{ '\\ud800' }}\n"})
    result = new("--template", str(folder), option)
    assert result.exit_code == 4
    assert "project/half.txt.jinja: renders to half of a surrogate pair" in result.stderr
    assert not Path("demo").exists()


def test_a_large_file_is_copied() -> None:
    """It does not pass through the process that renders, whose memory is bounded."""
    folder = own()
    with (folder / "project/data.bin").open("wb") as file:
        file.truncate(60 << 20)
    assert new("--template", "own").exit_code == 0
    assert Path("demo/data.bin").stat().st_size == 60 << 20
    Path("demo/data.bin").unlink()


def test_a_secret_is_hidden_beside_them() -> None:
    """A copied file holds none."""
    question = '[questions.token]\ntype = "str"\nhelp = "h"\nsecret = true\n'
    folder = own(OVERLAY + question)
    (folder / "project/env.jinja").write_text("TOKEN={{ token }}\n")
    assert new("--template", "own", "--token", "s3cret").exit_code == 0
    assert Path("demo/env").read_text() == "TOKEN=s3cret\n"
    base = Path("demo", BASE).read_text(encoding="utf-8")
    assert "s3cret" not in base
    assert json.loads(base)["env"] == "TOKEN=<token>\n"
    assert Path("demo/logo.png").stat().st_mode & 0o077
    assert not Path("demo/env").stat().st_mode & 0o077


def test_a_copied_pyproject_says_how_black_writes() -> None:
    """As a rendered one does."""
    folder = template("own", '[template]\nname = "own"\ndescription = "d"\n[folders]\np = ""\n')
    (folder / "p").mkdir()
    (folder / "p/pyproject.toml").write_text("[tool.black]\nskip-string-normalization = true\n")
    (folder / "p/a.py.jinja").write_text("x  =  'a'\n")
    assert new("--template", "own").exit_code == 0
    assert Path("demo/a.py").read_text() == "x = 'a'\n"
