"""The user's configuration, and that of the working folder."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.cli.runner import error_of, kscaffold
from tests.template.own_templates import project, refused, template, whole


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own, with a configuration of its own."""
    (tmp_path / "room").mkdir()
    monkeypatch.chdir(tmp_path / "room")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))


def file() -> Path:
    """The configuration file, whose folder is there afterwards."""
    path = Path("../configuration/kscaffold/config.toml")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def shown(*arguments: str) -> str:
    """What `kscaffold config` prints."""
    result = kscaffold("config", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_without_a_file_nothing_is_set() -> None:
    """What is shown is TOML, with the file's path; to show it writes nothing."""
    text = shown()
    assert tomllib.loads(text) == {"templates": [], "trusted": []}
    assert text.startswith(f"# {Path('..').resolve()}/configuration/kscaffold/config.toml\n")
    assert not Path("../configuration").exists()


def test_what_is_set_is_shown() -> None:
    """All of it, or the values of one key, one a line."""
    shown("templates", "lab", "https://example.org/a.git")
    shown("trusted", "lab")
    assert shown("templates") == "lab\nhttps://example.org/a.git\n"
    expected = {"templates": ["lab", "https://example.org/a.git"], "trusted": ["lab"]}
    assert tomllib.loads(shown()) == expected
    assert tomllib.loads(file().read_text(encoding="utf-8")) == expected


def test_to_set_replaces() -> None:
    """The values are those given last, each once."""
    shown("templates", "a", "b")
    shown("templates", "c", "d", "c")
    assert shown("templates") == "c\nd\n"


def test_unset_forgets_one_key() -> None:
    """The other one stays."""
    shown("templates", "a")
    shown("trusted", "b")
    shown("templates", "--unset")
    assert (shown("templates"), shown("trusted")) == ("", "b\n")


def test_unset_takes_no_values() -> None:
    """To set and to forget at once is a mistake."""
    assert error_of(kscaffold("config", "templates", "a", "--unset"), 2) == (
        "--unset takes no values"
    )


def test_an_unknown_key_is_refused() -> None:
    """With the nearest, or all of them."""
    assert error_of(kscaffold("config", "template"), 2).endswith("did you mean 'templates'?")
    assert error_of(kscaffold("config", "x"), 2) == "no key 'x'; there are templates, trusted"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("./own", "{here}/own"),
        ("../room/own", "{here}/own"),
        ("deep/own", "{here}/deep/own"),
        ("~/own", "{home}/own"),
        ("own.zip", "{here}/own.zip"),
        ("/own", "/own"),
        ("own", "own"),
        ("builtin", "builtin"),
        ("https://example.org/a/b.git", "https://example.org/a/b.git"),
        ("git@example.org:a/b", "git@example.org:a/b"),
    ],
)
def test_paths_are_kept_absolute(given: str, kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that they mean the same everywhere; names and URLs stay as they are."""
    monkeypatch.setenv("HOME", "/home/somebody")
    shown("templates", given)
    assert shown("templates") == f"{kept.format(here=Path.cwd(), home='/home/somebody')}\n"


def test_any_text_comes_back() -> None:
    """Quotes, backslashes and characters of any language are kept."""
    strange = 'https://a"b\\c \u00e9\u6a21\U0001f600'
    shown("trusted", strange)
    assert shown("trusted") == f"{strange}\n"


def test_a_configured_template_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """From every folder, though it was given as seen from another one."""
    whole("own")
    shown("templates", "./own")
    Path("other").mkdir()
    monkeypatch.chdir("other")
    assert project()["out.txt"] == "fine\n"


def test_the_name_of_a_folder_here_is_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is for --template; kept as such, it is found from every folder."""
    whole("own")
    shown("templates", "own")
    shown("trusted", "own")
    assert shown("templates") == shown("trusted") == f"{Path('own').resolve()}\n"
    Path("other").mkdir()
    monkeypatch.chdir("other")
    assert project()["out.txt"] == "fine\n"


def test_a_name_of_a_folder_and_of_a_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is for --template."""
    monkeypatch.setattr("kscaffold.template.fetch.installed", lambda: {"own": "some_package"})
    whole("own")
    message = error_of(kscaffold("config", "templates", "own"), 2)
    assert message.startswith("template 'own' is both a folder and an installed template")
    assert not Path("../configuration").exists()


def test_paths_in_the_file_start_from_its_folder() -> None:
    """Of the user's file and of a working folder's."""
    file().write_text('templates = ["./own"]\n')
    whole(file().parent / "own", text="configured\n")
    assert project()["out.txt"] == "configured\n"
    Path(".kscaffold.toml").write_text('[kscaffold]\ntemplates = ["./here"]\n')
    whole("here", text="here\n")
    assert project(path="other")["out.txt"] == "here\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"templates = [", "is not valid TOML: "),
        (b"templates = ['\xff']", "is not valid TOML: 'utf-8' codec can't decode"),
        (b"a = " + b"9" * 5_000, "is not valid TOML: "),
        (b"a = " + b"[" * 50_000, "is not valid TOML: "),
        (b"template = []", "template: unknown key; did you mean 'templates'?"),
        (b"templates = 'lab'", "templates: must be a list of strings, not 'lab'"),
        (b"trusted = [1]", "trusted: must be a list of strings, not [1]"),
    ],
)
def test_a_broken_file_is_named(content: bytes, message: str) -> None:
    """With what is wrong, by every command that reads it."""
    file().write_bytes(content)
    for arguments in (("config",), ("config", "trusted", "a"), ("new", "demo", "--defaults")):
        error = error_of(kscaffold(*arguments), 2)
        assert error.startswith(f"{file().resolve()}: {message}"[:200]), error
    assert file().read_bytes() == content
    assert not Path("demo").exists()


def test_a_folder_in_the_files_place_is_named() -> None:
    """It cannot be read."""
    file().mkdir()
    assert error_of(kscaffold("config"), 2) == f"{file().resolve()}: Is a directory"


def test_what_cannot_be_written_is_named() -> None:
    """A file where the folder should be."""
    Path("../configuration").write_text("")
    message = error_of(kscaffold("config", "templates", "a"), 1)
    assert "configuration/kscaffold" in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("templates = []", ".kscaffold.toml: templates: unknown key; there is only kscaffold"),
        ("[kscaffold]\ntrusted = []", "[kscaffold] trusted: unknown key; there is only templates"),
        ("kscaffold = 1", "[kscaffold]: must be a table"),
        (
            "[kscaffold]\ntemplates = 'a'",
            "[kscaffold] templates: must be a list of strings, not 'a'",
        ),
        ("[kscaffold", "is not valid TOML: "),
        ("[kscaffold]\ntemplates = ['./none']", "there is no "),
    ],
)
def test_a_broken_file_of_the_folder_is_named(content: str, message: str) -> None:
    """A folder cannot make itself trusted, either."""
    Path(".kscaffold.toml").write_text(content)
    assert message in refused(code=2)[0]


def test_a_whole_template_of_the_folder_leaves_out_what_is_configured() -> None:
    """The folder's lies on top."""
    template("lab", 'extends = "builtin"\n', {"project/LAB": "lab"})
    shown("templates", "./lab")
    assert "LAB" in project()
    whole("own")
    Path(".kscaffold.toml").write_text('[kscaffold]\ntemplates = ["./own"]\n')
    assert "LAB" not in project(path="other")


def test_a_password_is_not_kept() -> None:
    """The URL is refused without showing the password; one in the file is not shown either."""
    password = "https://me:s3cret@nowhere.invalid/lab.git"
    message = error_of(kscaffold("config", "trusted", password), 2)
    assert message.startswith("https://nowhere.invalid/lab.git: a password would be kept")
    assert not Path("../configuration").exists()
    file().write_text(f'templates = ["{password}"]\n')
    listed = kscaffold("template", "list").output
    assert "https://nowhere.invalid/lab.git" in listed
    assert "s3cret" not in listed


def test_a_source_that_cannot_be_is_named_and_can_be_forgotten() -> None:
    """The home folder of an unknown user, a name that is too long, or one that is not text."""
    file().write_text('templates = ["~nosuchuser/x", "./a\\u0000b"]\n')
    assert "~nosuchuser/x" in refused(code=2)[0]
    shown("templates", "--unset")
    assert shown("templates") == ""
    Path(".kscaffold.toml").write_text('[kscaffold]\ntemplates = ["./a\\u0000b"]\n')
    assert refused(code=2)[0].startswith("template './a\\x00b': no file can have this name")
    for source in ("a" * 5_000, f"./{'a' * 5_000}"):
        assert "File name too long" in error_of(kscaffold("config", "templates", source), 2)
    assert "must be one plain line" in error_of(kscaffold("config", "templates", "\udcff"), 2)
