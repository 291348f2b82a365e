"""Commands of a template: shown to everybody, run for those who trust it."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kscaffold.config import Config
from kscaffold.template.parts import Origin
from kscaffold.template.sources import load_template
from tests.cli.runner import contents, kscaffold, report_of
from tests.template.own_templates import OVERLAY, new, project, refused, template, whole

PYTHON = shlex.quote(Path(sys.executable).as_posix())


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own, with a configuration of its own."""
    (tmp_path / "room").mkdir()
    monkeypatch.chdir(tmp_path / "room")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))


def command(*words: str, when: str = "") -> str:
    """A command that a manifest asks to run."""
    condition = f'when = "{when}"\n' if when else ""
    return f"[[after]]\nrun = {list(words)}\n{condition}"


def touching(folder: str = "own") -> Path:
    """A template that wants to make a file in the project."""
    return whole(folder, command("touch", "made"))


def test_without_trust_nothing_is_written() -> None:
    """The commands are shown, and what to do."""
    message, _ = refused(touching(), code=5)
    assert message == (
        "the template wants to run commands, `touch made`; allow them with --trust, or give"
        " --no-commands; nothing is written"
    )


def test_without_trust_a_folder_stays_as_it_is() -> None:
    """Also one that is written into by force."""
    Path("demo").mkdir()
    Path("demo/mine").write_text("mine")
    assert new("--template", str(touching()), "--force").exit_code == 5
    assert contents(Path("demo")) == {"mine": b"mine"}


def test_with_trust_commands_run_in_the_project_and_in_order() -> None:
    """Each is said before it runs."""
    manifest = command("sh", "-c", "pwd >> log") + command("sh", "-c", "echo second >> log")
    result = new("--template", str(whole("own", manifest)), "--trust")
    assert result.exit_code == 0
    assert Path("demo/log").read_text() == f"{Path('demo').resolve()}\nsecond\n"
    assert result.stderr == "running: sh -c 'pwd >> log'\nrunning: sh -c 'echo second >> log'\n"


def test_no_shell_reads_the_words() -> None:
    """Whatever an answer holds, it stays one word."""
    manifest = (
        '[questions.word]\ntype = "str"\nhelp = "h"\n'
        '[[after]]\nrun = ["touch", "--", "{{ word }}"]\n'
    )
    word = "a; touch b $(touch c) `touch d` && {{ e }}"
    project(whole("own", manifest), more=("--trust", "--word", word))
    assert {path for path in contents(Path("demo")) if not path.startswith(".")} == {
        "out.txt",
        word,
    }


def test_a_command_reads_no_keys() -> None:
    """It cannot wait for what nobody knows that it waits for."""
    result = new("--template", str(whole("own", command("sh", "-c", "cat > read"))), "--trust")
    assert result.exit_code == 0
    assert Path("demo/read").read_text() == ""


def test_no_commands_writes_without_them() -> None:
    """Nothing is to be trusted then."""
    result = new("--template", str(touching()), "--no-commands")
    assert result.exit_code == 0
    assert not Path("demo/made").exists()
    assert "touch" not in result.output


def test_a_command_runs_where_its_condition_holds() -> None:
    """Where none is left, no trust is needed."""
    manifest = '[questions.yes]\ntype = "bool"\nhelp = "h"\ndefault = false\n'
    own = whole("own", manifest + command("touch", "made", when="yes"))
    assert "made" not in project(own)
    assert refused(own, code=5, more=("--yes",), path="other")
    assert "made" in project(own, more=("--yes", "--trust"), path="other")


@pytest.mark.parametrize("option", ["--dry-run", "--diff"])
@pytest.mark.parametrize("trust", [(), ("--trust",)])
def test_a_preview_shows_commands_and_runs_none(option: str, trust: tuple[str, ...]) -> None:
    """With and without trust."""
    result = new("--template", str(touching()), option, *trust)
    assert result.exit_code == 0
    assert result.stderr == "would run: touch made\n"
    assert not Path("demo").exists()


def test_json_lists_the_commands() -> None:
    """Of a preview, and of what has run."""
    own = str(touching())
    for more in (["--dry-run"], ["--trust"]):
        report = report_of(new("--template", own, "--format", "json", *more))
        assert report["commands"] == [["touch", "made"]]


def test_json_says_what_is_not_trusted() -> None:
    """As every error."""
    report = report_of(new("--template", str(touching()), "--format", "json"))
    assert (report["state"], report["exit_code"]) == ("error", 5)


@pytest.mark.parametrize(
    ("words", "reason"),
    [(("false",), "false failed: 1"), (("no-such-program",), "failed: No such file or directory")],
)
def test_a_command_that_fails_is_named(words: tuple[str, ...], reason: str) -> None:
    """The project is there; no further command runs."""
    own = whole("own", command(*words) + command("touch", "made"))
    result = new("--template", str(own), "--trust")
    assert result.exit_code == 1
    assert "error: demo is written, but the command " in result.stderr
    assert reason in result.stderr
    assert Path("demo/out.txt").exists()
    assert not Path("demo/made").exists()


def test_json_tells_of_a_command_that_fails() -> None:
    """What is written is listed all the same."""
    own = whole("own", command("false"))
    report = report_of(new("--template", str(own), "--trust", "--format", "json"))
    assert report["state"] == "written"
    assert report["exit_code"] == 1
    assert report["error"].endswith("the command false failed: 1")


def test_a_broken_command_is_named_and_nothing_is_written() -> None:
    """Its words are templates."""
    message, _ = refused(whole("own", command("echo", "{{ nme }}")), more=("--trust",))
    assert message == (
        "own/kscaffold.toml: [[after]] #1: '{{ nme }}': 'nme' is undefined (with the default"
        " answers)"
    )


# ---------------------------------------------------------------- the training of a template

TRAIN = """[test]\ntrain = ["-c", "open('made', 'w').close()"]\n"""
SHOWN = """python -c 'open('"'"'made'"'"', '"'"'w'"'"').close()'"""


def test_a_training_needs_trust_as_every_command() -> None:
    """It is shown, and nothing is written."""
    message, _ = refused(whole("own", TRAIN), code=5, more=("--train",))
    assert message == (
        f"the template wants to run commands, `{SHOWN}`; allow them with --trust, or leave"
        " out --train; nothing is written"
    )
    message, _ = refused(whole("own", TRAIN + command("touch", "x")), code=5, more=("--train",))
    assert message.endswith(
        f"`touch x`, `{SHOWN}`; allow them with --trust, or give --no-commands and leave out"
        " --train; nothing is written"
    )
    assert "made" in project("own", more=("--train", "--trust"))


def test_no_commands_means_no_training() -> None:
    """Whoever asks for both is told, whatever template it is."""
    for source in (whole("own", TRAIN), "builtin"):
        message, _ = refused(source, code=2, more=("--train", "--no-commands", "--trust"))
        assert message == "--train: runs a command of the template, which --no-commands forbids"


def test_a_working_folder_trains_nothing() -> None:
    """What its .kscaffold.toml names is as untrusted as anything."""
    whole("own", TRAIN)
    Path(".kscaffold.toml").write_text('[kscaffold]\ntemplates = ["./own"]\n')
    refused(code=5, more=("--train",))


def test_a_preview_shows_the_training_and_runs_none() -> None:
    """As it does with every command."""
    result = new("--template", str(whole("own", TRAIN)), "--dry-run", "--train")
    assert (result.exit_code, result.stderr) == (0, f"would run: {SHOWN}\n")
    report = report_of(new("--template", "own", "--train", "--trust", "--format", "json"))
    assert report["commands"] == [["python", "-c", "open('made', 'w').close()"]]


def test_a_training_that_is_trusted_may_run() -> None:
    """The built-in template is, and so is a source of `kscaffold config trusted`."""
    whole("own", TRAIN)
    kscaffold("config", "trusted", "./own")
    assert "made" in project("./own", more=("--train",))


def test_a_training_shows_no_secret() -> None:
    """The name of the question stands in its place."""
    manifest = (
        '[questions.token]\ntype = "str"\nhelp = "h"\nsecret = true\n'
        '[test]\ntrain = ["-c", "# {{ token }}"]\n'
    )
    message, _ = refused(whole("own", manifest), code=5, more=("--train", "--token", "s3cret"))
    assert "`python -c '# <token>'`" in message


# ---------------------------------------------------------------- trusted by the configuration


@pytest.mark.parametrize("source", ["./own", "../room/own", "{here}/own"])
def test_a_folder_that_is_trusted_may_run_commands(source: str) -> None:
    """However its path is spelled, there and on the command line."""
    touching()
    kscaffold("config", "trusted", source.format(here=Path.cwd()))
    assert "made" in project("own")
    assert "made" in project("../room/own", path="again")


def test_trust_in_one_folder_is_no_trust_in_another() -> None:
    """Nor in one below it, or one whose name begins the same."""
    kscaffold("config", "trusted", "./own")
    for other in ("own2", "own/deep", "other"):
        refused(touching(other), code=5)


def test_a_link_to_another_folder_is_that_folder() -> None:
    """What is trusted is the folder, not the name that leads to it."""
    touching("real")
    Path("link").symlink_to("real")
    kscaffold("config", "trusted", "./link")
    Path("link").unlink()
    Path("link").symlink_to(touching("evil"))
    refused("link", code=5)


def test_an_overlay_that_is_not_trusted_takes_the_trust_away() -> None:
    """Each layer must be trusted: any of them may have written the command."""
    base = touching("base")
    kscaffold("config", "trusted", "./base")
    overlay = template("overlay", 'extends = "../base"\n')
    assert "made" in project(base)
    refused(overlay, code=5, path="other")
    kscaffold("config", "trusted", "./base", "./overlay")
    assert "made" in project(overlay, path="other")


def test_the_built_in_template_needs_no_trust() -> None:
    """An overlay on it does, for its own commands."""
    overlay = template("overlay", OVERLAY + command("touch", "made"))
    refused(overlay, code=5)
    kscaffold("config", "trusted", "./overlay")
    assert "made" in project(overlay)


def test_a_working_folder_cannot_trust_itself() -> None:
    """What it chooses is as untrusted as anything."""
    touching()
    Path(".kscaffold.toml").write_text('[kscaffold]\ntemplates = ["./own"]\n')
    refused(code=5)


def test_a_template_cannot_trust_itself() -> None:
    """It is no key of a manifest."""
    own = touching()
    text = (own / "kscaffold.toml").read_text()
    (own / "kscaffold.toml").write_text(f"trust = true\n{text}")
    assert "trust: unknown key" in refused(own)[0]


def test_a_repository_is_trusted_however_it_is_spelled() -> None:
    """As its record has it: without `git+`, and without the user's name and password."""
    origin = Origin("git", "https://example.org/lab.git")
    built_in = load_template()
    lab = replace(built_in, parts=(replace(built_in.parts[0], origin=origin),))
    for spelled in (
        "https://example.org/lab.git",
        "git+https://example.org/lab.git",
        "https://me:s3cret@example.org/lab.git",
    ):
        assert Config(trusted=(spelled,)).trusts(lab)
    assert not Config(trusted=("https://example.org/other.git",)).trusts(lab)
    assert Config().trusts(built_in)
