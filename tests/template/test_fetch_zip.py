"""Templates in zips: unpacked, or refused with a reason, and never out of their folder."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
import tomllib
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kscaffold.errors import AnswerError, TemplateError
from kscaffold.template import fetch_zip
from kscaffold.template.fetch_zip import unpack
from tests.cli.runner import contents, error_of, kscaffold

MANIFEST = 'extends = "builtin"\n'


def zipped(folder: Path, entries: dict[str | zipfile.ZipInfo, str | bytes]) -> Path:
    """Write a zip with a manifest and some entries."""
    path = folder / "lab.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the same name twice
        for name, text in {"kscaffold.toml": MANIFEST, **entries}.items():
            archive.writestr(name, text)
    return path


def refused(path: Path) -> str:
    """The reason for which a zip is refused."""
    with pytest.raises(TemplateError) as error:
        unpack(path)
    return str(error.value)


def test_a_zip_is_a_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project is made from it, its record names the zip, and makes the project again."""
    monkeypatch.chdir(tmp_path)
    zipped(tmp_path, {"project/NOTE.md.jinja": "for {{ name }}\n"})
    made = kscaffold("new", "first", "--template", "lab.zip", "--defaults", "--no-git", "-q")
    assert made.exit_code == 0, made.output
    assert Path("first/NOTE.md").read_text() == "for first\n"
    record = tomllib.loads(Path("first/.kscaffold/answers.toml").read_text())
    [layer] = record["kscaffold"]["layers"]
    assert layer["kind"] == "zip"
    assert layer["source"] == str(tmp_path / "lab.zip")
    assert layer["relative"] == "../lab.zip"
    assert len(layer["digest"]) == 64
    again = kscaffold("new", "second", "--data-file", "first/.kscaffold/answers.toml", "-q")
    assert again.exit_code == 0, again.output
    assert Path("second/NOTE.md").exists()


def test_one_folder_in_a_zip_is_the_template(tmp_path: Path) -> None:
    """As servers pack a repository."""
    path = tmp_path / "lab.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lab-1.0/kscaffold.toml", MANIFEST)
        archive.writestr("lab-1.0/project/a.txt", "a")
    assert contents(unpack(path)) == {"kscaffold.toml": MANIFEST.encode(), "project/a.txt": b"a"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../out.txt", "leads out of the zip"),
        ("project/../../out.txt", "leads out of the zip"),
        ("/etc/out.txt", "leads out of the zip"),
        ("project//out.txt", "leads out of the zip"),
        ("C:/out.txt", "leads out of the zip"),
        ("..\\out.txt", "is a name that systems read in different ways"),
        ("a\0b.txt", "is a name that systems read in different ways"),
        ("KSCAFFOLD.toml", "is there twice"),
        ("kscaffold.toml/", "is there twice"),
    ],
)
def test_an_entry_that_leads_astray_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    """The zip and the entry are named."""
    info = zipfile.ZipInfo("x")
    info.filename = name
    message = refused(zipped(tmp_path, {info: "x"}))
    assert message.startswith(f"{tmp_path / 'lab.zip'}: ")
    assert reason in message


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    """A template has plain files only."""
    info = zipfile.ZipInfo("project/link.txt")
    info.external_attr = (kind | 0o644) << 16
    assert "is a link or a device" in refused(zipped(tmp_path, {info: "/etc/passwd"}))


def test_unicode_forms_of_a_name_are_one(tmp_path: Path) -> None:
    """Two names that one system takes for the same are refused."""
    composed, apart = "project/caf\u00e9", "project/cafe\u0301"
    assert "is there twice" in refused(zipped(tmp_path, {composed: "", apart: ""}))


def test_an_encrypted_entry_is_refused(tmp_path: Path) -> None:
    """By its flag, in both places where a zip has it."""
    path = zipped(tmp_path, {})
    raw = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(mark) + offset] |= 1
    path.write_bytes(raw)
    assert "is encrypted" in refused(path)


def test_what_unpacks_to_too_much_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes out is counted, over all files, whatever the zip says of itself."""
    monkeypatch.setattr(fetch_zip, "MAX_BYTES", 3 << 20)
    files: dict[str | zipfile.ZipInfo, str | bytes] = {f"f{n}": bytes(1 << 20) for n in range(2)}
    assert unpack(zipped(tmp_path, files)).is_dir()
    files |= {f"g{n}": bytes(1 << 20) for n in range(2)}
    assert "unpacks to more than 3 MiB" in refused(zipped(tmp_path, files))


def test_a_single_file_is_stopped_on_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only when all of it is on the disk."""
    monkeypatch.setattr(fetch_zip, "MAX_BYTES", 1 << 20)
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.setattr(tempfile, "mkdtemp", lambda **_: str(out))
    assert "unpacks to more than 1 MiB" in refused(zipped(tmp_path, {"big": bytes(8 << 20)}))
    assert (out / "big").stat().st_size <= (1 << 20) + fetch_zip.CHUNK


def test_too_many_entries_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is unpacked."""
    monkeypatch.setattr(fetch_zip, "MAX_FILES", 3)
    assert "more than 3 entries" in refused(zipped(tmp_path, dict.fromkeys("abc", "")))


def test_a_zip_without_a_manifest_is_no_template(tmp_path: Path) -> None:
    """It is told what is missing."""
    path = tmp_path / "lab.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")
    assert "no kscaffold.toml in it" in refused(path)


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    """A text, a cut zip, and one whose content was altered."""
    path = tmp_path / "lab.zip"
    path.write_text("no zip")
    assert "is not a readable zip" in refused(path)
    whole = zipped(tmp_path, {"project/a.txt": os.urandom(1000)}).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "is not a readable zip" in refused(path)
    altered = bytearray(whole)
    altered[whole.index(b"project/a.txt") + 100] ^= 0xFF
    path.write_bytes(altered)
    assert refused(path).startswith(f"{path}: 'project/a.txt' cannot be read: ")


@given(st.lists(st.tuples(st.integers(0, 999), st.integers(0, 255)), min_size=1, max_size=6))
def test_an_altered_zip_is_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    """Whatever bytes are changed: nothing but a refusal comes of it."""
    path = zipped(tmp_path_factory.mktemp("altered"), {"project/a.txt": "a" * 300})
    raw = bytearray(path.read_bytes())
    for place, value in changes:
        raw[place % len(raw)] = value
    path.write_bytes(raw)
    with suppress(TemplateError):
        assert (unpack(path) / "kscaffold.toml").is_file()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path: Path, method: int) -> None:
    """Of them, a few bytes unpack to more than there is memory, before they can be counted."""
    info = zipfile.ZipInfo("project/a.txt")
    info.compress_type = method
    message = refused(zipped(tmp_path, {info: "a"}))
    assert "'project/a.txt' has an unsupported compression" in message


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("a/b", "A/c"), ("a/", "a")])
def test_a_folder_has_one_name_and_is_no_file(tmp_path: Path, names: tuple[str, str]) -> None:
    """Also where only its case differs."""
    message = refused(zipped(tmp_path, dict.fromkeys(names, "x")))
    assert f"{names[1]!r} is there twice" in message


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    """One reader would take the first file, another the last."""
    twice: dict[str | zipfile.ZipInfo, str | bytes] = {
        zipfile.ZipInfo("a"): "1",
        zipfile.ZipInfo("a"): "2",
    }
    assert "'a' is there twice" in refused(zipped(tmp_path, twice))


def test_folders_may_be_listed_or_not(tmp_path: Path) -> None:
    """Before their files, after them, and more than once."""
    path = zipped(tmp_path, {"a/": "", "a/b": "1", "c/d": "2", "c/": ""})
    assert set(contents(unpack(path))) == {"kscaffold.toml", "a/b", "c/d"}


def test_notes_of_macos_are_left_out(tmp_path: Path) -> None:
    """They stand beside the one folder, and are none of the template."""
    path = tmp_path / "lab.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lab/kscaffold.toml", MANIFEST)
        archive.writestr("__MACOSX/lab/._kscaffold.toml", b"\0")
    assert set(contents(unpack(path))) == {"kscaffold.toml"}
    assert unpack(path).name == "lab"


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    """With the zip and the entry."""
    name = "a" * 300
    assert f"{name!r} cannot be read: " in refused(zipped(tmp_path, {name: ""}))


def test_modes_are_left_out(tmp_path: Path) -> None:
    """A file that a zip calls executable, or unreadable, is a plain one."""
    info = zipfile.ZipInfo("run.sh")
    info.external_attr = (stat.S_IFREG | 0o4755) << 16
    mode = (unpack(zipped(tmp_path, {info: "x"})) / "run.sh").stat().st_mode
    assert not mode & (stat.S_ISUID | stat.S_IXUSR)


def test_what_is_unpacked_is_removed_at_the_end(tmp_path: Path) -> None:
    """When the process ends."""
    path = zipped(tmp_path, {})
    code = "import sys, pathlib; from kscaffold.template.fetch_zip import unpack\n"
    code += "folder = unpack(pathlib.Path(sys.argv[1])); print(folder, folder.is_dir())"
    command = [sys.executable, "-c", code, str(path)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert shown[1] == "True"
    assert not Path(shown[0]).exists()


def test_a_zip_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a bad option, with nothing written."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AnswerError, match=r"no such file: .*none\.zip"):
        unpack(Path("none.zip"))
    result = kscaffold("new", "demo", "--template", "none.zip", "--defaults")
    assert "no such file: none.zip" in error_of(result, 2)
    assert contents(tmp_path) == {}


@given(st.lists(st.text(min_size=1, max_size=8), max_size=4))
def test_nothing_is_ever_written_outside(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    """Whatever the names are: the zip is refused, or all its files lie in its folder."""
    folder = tmp_path_factory.mktemp("zips")
    infos: dict[str | zipfile.ZipInfo, str | bytes] = {}
    for name in names:
        info = zipfile.ZipInfo("x")
        info.filename = name.encode("utf-8", "replace").decode()
        infos[info] = "x"
    try:
        path = zipped(folder, infos)
    except ValueError:
        return  # no zip can hold such a name
    try:
        unpacked = unpack(path)
    except TemplateError:
        pass
    else:
        files = {info.filename for info in infos if isinstance(info, zipfile.ZipInfo)}
        files = {name for name in files if not name.endswith("/")}
        assert set(contents(unpacked)) == {"kscaffold.toml", *files}
    assert set(contents(folder)) == {"lab.zip"}
