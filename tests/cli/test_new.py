"""`kscaffold new`: answers in, what is printed, what is refused, and the exit codes."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kscaffold import __version__, errors
from kscaffold.cli import COMMANDS, INTERRUPTED, creation
from kscaffold.project.record import ANSWERS, to_toml
from kscaffold.safety.escaping import unsafe_character
from kscaffold.template import fetch
from kscaffold.template.manifest import Question
from tests.cli.runner import (
    QUESTIONS,
    another_answer,
    contents,
    error_of,
    kscaffold,
    needed,
    report_of,
)
from tests.projects import options
from tests.template.own_templates import whole
from tests.write.faulty_os import without_syncing

DRY = ("--dry-run", "--format", "json")
answers_only = pytest.mark.usefixtures("without_files")
ASKED = [question for question in QUESTIONS.values() if len(question.choices) != 1]
each_question = pytest.mark.parametrize("question", ASKED, ids=[each.name for each in ASKED])


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run each test in a folder of its own."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def without_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Render nothing, where only the answers matter."""
    monkeypatch.setattr(creation, "build_tree", lambda *_: ())


def answer(name: str, *arguments: str) -> object:
    """What a question is answered with by these arguments."""
    return report_of(kscaffold("new", "demo", *DRY, *arguments))["answers"][name]


def refused(*arguments: str) -> str:
    """The line with which arguments are refused; nothing is written."""
    message = error_of(kscaffold("new", "demo", *arguments), 2)
    assert not Path("demo").exists()
    return message


# ---------------------------------------------------------------- the ways in


@answers_only
@each_question
def test_every_question_has_three_ways_in(question: Question, tmp_path: Path) -> None:
    """Each question takes the same answer as an option, as a key of -d and of a data file."""
    value, more = another_answer(question, tmp_path), needed(question, tmp_path)
    file = tmp_path / "answers.toml"
    given = tuple(value) if isinstance(value, list) else value
    file.write_text(to_toml({question.name: given}))
    word = "yes" if value is True else "no" if value is False else value
    word = value[0] if isinstance(value, list) else word
    assert answer(question.name, *more) != value
    assert answer(question.name, *more, *options({question.name: value})) == value
    assert answer(question.name, *more, "-d", f"{question.name}={word}") == value
    assert answer(question.name, *more, "--data-file", str(file)) == value


@each_question
def test_every_question_has_help_of_its_own(question: Question) -> None:
    """`new --help` shows each question's option and text, in the group of questions."""
    text = " ".join(kscaffold("new", "--help").stdout.replace("-\n", "-").split())
    own, _, asked = text.partition("Questions of the template:")
    squeezed = "".join(asked.split())
    assert question.option in asked
    about = question.help.rstrip(":?")
    assert "".join(about.split()) in squeezed
    assert about not in own


def test_help_is_no_prompt() -> None:
    """A question's text may end in a colon, which only the prompt shows."""
    whole("own", '[questions.a]\ntype = "str"\nhelp = "Kind of a:"\n', "{{ a }}\n")
    text = kscaffold("new", "--help", "--template", "./own").stdout
    assert "  --a TEXT  Kind of a\n" in text


@answers_only
@pytest.mark.parametrize("key", ["sample-weight", "sample_weight", " sample_weight "])
def test_a_key_may_be_spelt_as_the_option(key: str) -> None:
    """-d takes dashes for underscores, and space around the key."""
    assert answer("sample_weight", "-d", f"{key}=no") is False


@answers_only
@pytest.mark.parametrize(
    ("word", "value"), [("Yes", True), ("on", True), ("1", True), ("FALSE", False), ("n", False)]
)
def test_yes_and_no_have_the_usual_spellings(word: str, value: bool) -> None:
    """A yes or no question takes the words that people and programs write."""
    assert answer("test_step", "-d", f"test_step={word}") is value


@answers_only
def test_a_question_named_data_is_like_any_other() -> None:
    """--data takes its answer, and -d the answer to any question."""
    assert answer("data", "--data", "digits", "-d", "style=subclass") == "digits"
    assert answer("style", "--data", "digits", "-d", "style=subclass") == "subclass"
    assert answer("data", "-d", "data=digits") == "digits"
    assert refused("-d", "digits") == "-d digits: has no value; give KEY=VALUE"


@answers_only
def test_a_value_may_hold_an_equals_sign() -> None:
    """Only the first "=" divides key and value."""
    assert answer("description", "-d", "description=a=b") == "a=b"


@answers_only
def test_the_command_line_goes_before_the_data_file(tmp_path: Path) -> None:
    """An option or -d replaces what the file says; the rest of the file holds."""
    file = tmp_path / "answers.toml"
    file.write_text('style = "subclass"\nlicense = "none"\nauthor = "A"\n')
    given = ["--style", "sequential", "-d", "license=MIT", "--data-file", str(file)]
    answers = report_of(kscaffold("new", "demo", *DRY, *given))["answers"]
    assert (answers["style"], answers["license"], answers["author"]) == ("sequential", "MIT", "A")


def test_a_project_s_answers_are_a_data_file(tmp_path: Path) -> None:
    """The answers.toml of a project makes the same project again."""
    kscaffold("new", "demo", "--no-git", "--data", "csv", "--author", "A", "--no-sample-weight")
    (tmp_path / "again").mkdir()
    with contextlib.chdir(tmp_path / "again"):
        file = tmp_path / "work" / "demo" / ANSWERS
        assert kscaffold("new", "demo", "--no-git", "--data-file", str(file)).exit_code == 0
        assert contents(Path("demo")) == contents(tmp_path / "work" / "demo")


# ---------------------------------------------------------------- what is refused


@each_question
def test_a_misspelt_key_names_the_nearest(question: Question, tmp_path: Path) -> None:
    """An unknown key, of -d as of a file, is refused with the right name."""
    wrong = f"{question.name}x"
    file = tmp_path / "answers.toml"
    file.write_text(f'{wrong} = "x"\n')
    for arguments in (["-d", f"{wrong}=x"], ["--data-file", str(file)]):
        assert refused(*arguments) == f"no question '{wrong}'; did you mean '{question.name}'?"


def test_a_key_that_resembles_none_is_told_all() -> None:
    """Where no name is near, all are listed."""
    assert refused("-d", "zzz=1") == f"no question 'zzz'; there are {', '.join(QUESTIONS)}"


@each_question
def test_a_bad_value_names_what_is_accepted(question: Question, tmp_path: Path) -> None:
    """The one line begins with the question and says what it takes, and the nearest choice."""
    bad = {"bool": "maybe", "choice": f"{question.choices[-1]}x" if question.choices else ""}
    value = bad.get(question.type, "\a")
    message = refused(*needed(question, tmp_path), "-d", f"{question.name}={value}")
    assert message.startswith(f"{question.option}: ")
    accepted = {"bool": ["yes or no"], "choice": [*question.choices, "did you mean"]}
    for part in accepted.get(question.type, ["must be one plain line"]):
        assert part in message


@each_question
def test_a_value_of_another_kind_is_refused(question: Question, tmp_path: Path) -> None:
    """A list of numbers in a data file is no answer to anything, nor a number to a list."""
    file = tmp_path / "answers.toml"
    given = "3" if question.type == "list" else "[1, 2]"
    file.write_text(f"{question.name} = {given}\n")
    message = refused(*needed(question, tmp_path), "--data-file", str(file))
    assert message.startswith(f"{question.option}: ")
    assert given in message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--style", "subclass", "-d", "style=sequential"], "--style: given twice, as "),
        (["-d", "author=A", "-d", "author=B"], "--author: given twice, as 'A' and as 'B'"),
        (["--test-step", "-d", "test_step=no"], "--test-step: given twice, as 'no' and as True"),
        (["--manual-metrics", "--no-test-step"], "--no-test-step does not go with"),
        (["--data-path", "x.csv"], "--data-path: is only asked when data == 'csv'"),
        (["--data", "csv", "--data-path", "x.csv"], "--data-path: no such file: "),
        (["--data", "csv", "--target", "ash_"], "did you mean 'ash'?"),
        (["--package", "class"], "--package: 'class' is a keyword of Python"),
        (["--package", "json"], "--package: 'json' is a module of Python's standard library"),
        (["--package", "keras"], "--package: 'keras' is a module that the project imports"),
        (["--name", "模型"], "--package: no module name can be made of '模型'"),
        (["--name", ""], "--name: must not be empty"),
        (["--name", "x" * 101], "--name: 101 characters are too many; at most 100"),
        (["--data", "csvs"], "--data: must be breast-cancer, csv, diabetes or digits, not 'csvs'"),
        (["--data-file", ""], "--data-file: .: Is a directory"),
        (["--data-file", "none.toml"], "--data-file: none.toml: No such file or directory"),
        (["--licens", "x"], "no such option '--licens'. Did you mean '--license'?"),
        (["--style"], "option '--style' requires an argument"),
        (["more"], "unexpected extra argument"),
        (["--format", "xml"], "invalid value for '--format': 'xml' is not one of 'text', 'json'"),
    ],
    ids=lambda value: "_".join(value)[:40] if isinstance(value, list) else "",
)
def test_what_cannot_be_is_refused_in_one_line(given: list[str], message: str) -> None:
    """A conflict, a value or an option that cannot be: exit 2, one line with the reason."""
    assert message in refused(*given)


@pytest.mark.parametrize("text", ["style", "= 1", "style = 'a", "\udcff"])
def test_a_data_file_that_is_no_toml_is_refused(tmp_path: Path, text: str) -> None:
    """The line names the file; bytes that are no text count too."""
    file = tmp_path / "answers.toml"
    file.write_bytes(text.encode(errors="surrogateescape"))
    assert refused("--data-file", str(file)).startswith(f"--data-file: {file}: is not valid TOML: ")


@answers_only
def test_the_same_answer_twice_is_no_conflict() -> None:
    """An option and -d that agree are accepted, whatever the spelling."""
    assert answer("style", "--style", "subclass", "-d", "style=subclass") == "subclass"
    assert answer("test_step", "--test-step", "-d", "test_step=on") is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["new"], "missing argument 'PATH'. Try 'kscaffold new --help'"),
        (["new", ""], "the path is empty; give a folder, or . for the current one"),
        (["mew", "demo"], "no command 'mew'; did you mean 'new'? Try 'kscaffold --help'"),
        (["demo"], f"no command 'demo'; there are {', '.join(COMMANDS)}"),
        (["--bad"], "no such option '--bad'. Try 'kscaffold --help'"),
        (["completion", "tcsh"], "'tcsh' is not one of 'bash', 'zsh', 'fish'"),
    ],
)
def test_a_command_that_is_none_is_refused_in_one_line(arguments: list[str], message: str) -> None:
    """Usage errors look like every other error, and say where the help is."""
    assert message in error_of(kscaffold(*arguments), 2)


# ---------------------------------------------------------------- shown, not written


def test_a_dry_run_prints_the_tree_and_writes_nothing() -> None:
    """-n lists exactly the files that the command would write."""
    result = kscaffold("new", "demo", "-n")
    assert result.exit_code == 0
    assert result.stdout.startswith("demo/\n├── .github/\n│   └── workflows/\n")
    assert not Path("demo").exists()
    files = report_of(kscaffold("new", "demo", *DRY))["files"]
    names = [line.split("── ")[1] for line in result.stdout.splitlines()[1:]]
    shown = sorted(name for name in names if not name.endswith("/"))
    assert shown == sorted(file.rpartition("/")[2] for file in files)


def test_a_dry_run_shows_what_force_would_do() -> None:
    """Neither -n nor --diff minds a target with files, and both leave it alone."""
    Path("demo").mkdir()
    Path("demo/README.md").write_text("mine\n")
    for shown in ("-n", "--diff"):
        assert kscaffold("new", "demo", shown).exit_code == 0
        assert contents(Path("demo")) == {"README.md": b"mine\n"}


def test_a_diff_of_nothing_is_a_patch_that_makes_the_project() -> None:
    """Where no file is, --diff prints each in full: git can apply it."""
    patch = kscaffold("new", "demo", "--diff").stdout
    assert list(Path().iterdir()) == []
    kscaffold("new", "demo", "--no-git")
    Path("patched").mkdir()
    applied = subprocess.run(
        ["git", "apply", "-"], input=patch, text=True, cwd="patched", check=False
    )
    assert applied.returncode == 0
    assert contents(Path("patched")) == contents(Path("demo"))


def test_a_diff_shows_only_what_differs() -> None:
    """Where the target exists, unchanged files are left out and a changed one is compared."""
    kscaffold("new", "demo", "--no-git")
    assert kscaffold("new", "demo", "--diff").stdout == ""
    readme = Path("demo/README.md")
    before = readme.read_text()
    readme.write_text(before.replace("# demo\n", "# mine") + "end\r\x0c of page")
    lines = kscaffold("new", "demo", "--diff").stdout.splitlines(keepends=True)
    assert lines[:2] == ["--- a/README.md\n", "+++ b/README.md\n"]
    assert lines[2].startswith("@@ -1,")
    assert "-# mine\n" in lines
    assert "+# demo\n" in lines
    assert "".join(lines).endswith("\n-end\\r\\x0c of page\n\\ No newline at end of file\n")


def test_a_diff_reads_files_only() -> None:
    """What is in the place of a file and is none, such as a device or a pipe, is not read."""
    Path("demo").mkdir()
    Path("demo/README.md").symlink_to(os.devnull)
    assert "--- /dev/null\n+++ b/README.md" in kscaffold("new", "demo", "--diff").stdout


# ---------------------------------------------------------------- what is printed


def test_the_end_of_the_output_is_how_to_go_on() -> None:
    """The tree, the two commands to go on with, the command that makes it again."""
    result = kscaffold("new", "my demo", "--no-git", "--package", "pkg", "--author", "A B")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout.startswith("my demo/\n")
    assert result.stdout.endswith("""
Go on with
  cd 'my demo' && pip install -e .
  python -m pkg train

The same project again, without questions
  kscaffold new 'my demo' --defaults --package pkg --author 'A B' --no-git
""")


def test_quiet_prints_nothing() -> None:
    """With -q a success is silent, whatever it would have to tell; an error is not."""
    for more in (["-n"], ["--diff"], [], ["--force", "--style", "subclass"]):
        result = kscaffold("new", "demo", "-q", "--no-git", "--manual-metrics", *more)
        assert (result.exit_code, result.output) == (0, "")
    assert "is not empty" in error_of(kscaffold("new", "demo", "-q"), 3)


def test_a_notice_says_what_was_switched_on() -> None:
    """manual_metrics alone brings test_step along, and says so beside the output."""
    result = kscaffold("new", "demo", "-n", "--manual-metrics")
    assert result.stderr.startswith("note: --manual-metrics needs --test-step: ")
    assert result.stderr.count("\n") == 1
    report = report_of(kscaffold("new", "demo", *DRY, "--manual-metrics"))
    assert report["answers"]["test_step"] is True
    assert report["notices"] == [result.stderr.removeprefix("note: ").strip()]


@pytest.mark.parametrize("arguments", [["demo", "--diff"], ["demo", "--style", "x"]])
def test_colours_are_for_terminals_that_want_them(arguments: list[str]) -> None:
    """A terminal gets colours; NO_COLOR, a pipe or a file gets none."""
    assert "\x1b[" in kscaffold("new", *arguments, color=True).output
    assert "\x1b" not in kscaffold("new", *arguments, color=True, env={"NO_COLOR": "1"}).output
    assert "\x1b" not in kscaffold("new", *arguments).output


def test_a_message_is_one_line_without_escapes() -> None:
    """Control characters of an argument are spelt out."""
    message = error_of(kscaffold("new", "demo", "--data-file", "a\nb\x1b[31m"), 2)
    assert "a\\nb\\x1b[31m" in message


def test_the_version_is_told() -> None:
    """--version and -V print name and version."""
    for option in ("--version", "-V"):
        result = kscaffold(option)
        assert (result.exit_code, result.stdout) == (0, f"kscaffold {__version__}\n")


def test_the_help_names_every_exit_code() -> None:
    """The exit codes in `new --help` are those that the errors have."""
    text = kscaffold("new", "--help").stdout.partition("Exit codes:")[2]
    kinds = (kind for kind in vars(errors).values() if isinstance(kind, type))
    codes = {kind.exit_code for kind in kinds if issubclass(kind, errors.KscaffoldError)}
    assert {int(code) for code in re.findall(r"^ +(\d+) ", text, re.M)} == codes | {0, INTERRUPTED}


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["new", "--help"], ["completion", "-h"]])
def test_help_is_no_error(arguments: list[str]) -> None:
    """Help goes to stdout, with exit 0."""
    result = kscaffold(*arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Usage: kscaffold")


# ---------------------------------------------------------------- for machines


def test_json_tells_what_was_written() -> None:
    """A success is one object: state, files, backups, all answers, exit code; nothing else."""
    result = kscaffold("new", "demo", "--format", "json", "--no-git", "--data", "digits")
    report = report_of(result)
    assert result.stderr == ""
    assert (report["state"], report["path"], report["exit_code"]) == ("written", "demo", 0)
    assert sorted(report["files"]) == sorted(contents(Path("demo")))
    assert list(report["answers"]) == list(QUESTIONS)
    assert report["answers"]["data"] == "digits"
    assert report["answers"]["data_path"] is None
    assert report["backups"] == report["notices"] == []


@pytest.mark.parametrize("shown", ["-n", "--diff"])
def test_json_of_a_dry_run_is_the_same_but_for_the_state(shown: str) -> None:
    """A dry run announces the files and answers of the run that follows."""
    announced = report_of(kscaffold("new", "demo", "--format", "json", shown))
    assert not Path("demo").exists()
    written = report_of(kscaffold("new", "demo", "--format", "json", "--no-git"))
    assert announced == {**written, "state": "dry-run"}


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["demo", "--style", "x"], 2),
        (["demo", "--styl", "x"], 2),
        (["demo", "-d", "x=1"], 2),
        ([], 2),
        ([""], 2),
        (["/"], 3),
        (["x" * 300], 3),
    ],
)
def test_json_of_an_error_is_one_object_too(arguments: list[str], exit_code: int) -> None:
    """Every error is an object with the message and the exit code; stderr stays empty."""
    for json in (["--format", "json"], ["--format=json"]):
        result = kscaffold("new", *json, *arguments)
        report = report_of(result)
        assert (report["state"], report["exit_code"], result.stderr) == ("error", exit_code, "")
    text = kscaffold("new", *arguments).stderr
    assert text == f"error: {report['error']}\n"


# ---------------------------------------------------------------- the target


def test_a_folder_with_files_is_left_alone() -> None:
    """An existing non-empty target is refused with exit 3, and stays as it was."""
    Path("demo").mkdir()
    Path("demo/notes.txt").write_text("mine\n")
    assert "demo is not empty" in error_of(kscaffold("new", "demo"), 3)
    assert contents(Path("demo")) == {"notes.txt": b"mine\n"}


def test_force_keeps_what_the_user_changed() -> None:
    """With --force a changed file is kept as a backup that is named, in text as in JSON."""
    kscaffold("new", "demo", "--no-git")
    before = contents(Path("demo"))
    for number, more in enumerate([(), ("--format", "json")], start=1):
        Path("demo/README.md").write_text(f"mine {number}\n")
        result = kscaffold("new", "demo", "--no-git", "--force", *more)
        assert result.exit_code == 0
        backup = f"README.md.backup-{number}"
        before[backup] = b"mine %d\n" % number
        assert contents(Path("demo")) == before
        if more:
            assert report_of(result)["backups"] == [backup]
            assert report_of(result)["files"] == ["README.md"]
        else:
            assert result.stderr == f"kept what was there: demo/{backup}\n"


def test_the_target_is_looked_at_before_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target in the way is refused before anything is asked or rendered."""
    monkeypatch.setattr(creation, "prepare", pytest.fail)
    Path("demo").touch()
    assert "demo is not a folder" in error_of(kscaffold("new", "demo", "--force"), 3)


@pytest.mark.parametrize(
    ("path", "name", "package"),
    [
        ("my model", "my model", "my_model"),
        ("modèle-é🙂", "modèle-é🙂", "modele_e"),
        ("-x", "-x", "x"),
        ("2nd", "2nd", "project_2nd"),
        ("new/deep/one", "one", "one"),
        ('it\'s "$HOME"', 'it\'s "$HOME"', "it_s_home"),
        ("sub/../demo/", "demo", "demo"),
    ],
)
def test_any_path_is_a_target(path: str, name: str, package: str) -> None:
    """Spaces, quotes, other scripts, dashes in front: the last part names the project."""
    report = report_of(kscaffold("new", "--no-git", "--format", "json", "--", path))
    assert report["state"] == "written", report
    assert (report["answers"]["name"], report["answers"]["package"]) == (name, package)
    assert Path(report["path"], "src", package, "trainer.py").is_file()


def test_the_current_folder_is_a_target(in_an_empty_folder: Path) -> None:
    """With "." an empty current folder is filled; the commands to go on with need no cd."""
    result = kscaffold("new", ".", "--no-git")
    assert (in_an_empty_folder / "src" / "work" / "trainer.py").is_file()
    assert "Go on with\n  pip install -e .\n" in result.stdout
    assert result.stdout.endswith("  kscaffold new . --defaults --name work --no-git\n")


def test_a_place_that_cannot_be_written_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without permission to write: exit 3, one line, and what to do."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "no permission to write in" in error_of(kscaffold("new", "demo"), 3)


def test_a_current_folder_that_is_gone_is_told() -> None:
    """In a folder that was removed meanwhile, the error says so."""
    Path("gone").mkdir()
    with contextlib.chdir("gone"):
        Path("../gone").rmdir()
        message = error_of(kscaffold("new", "demo"), 3)
    assert message == "the current folder is gone; change to another one"


# ---------------------------------------------------------------- the command that makes it again


def taken_apart(command: str) -> list[str]:
    """The words of a command, as bash has them."""
    printing = ["bash", "-c", f"printf '%s\\0' {command}"]
    taken = subprocess.run(printing, capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"})
    return taken.stdout.decode().split("\0")[:-1]


texts = st.text(min_size=1, max_size=30).filter(lambda text: not unsafe_character(text))
nasty = st.text("\"'$`\\-!#{}%~* a=é", min_size=1, max_size=12) | st.sampled_from(
    ["--ref", "--template", "--data-file", "--template=x", "--", "-d"]
)
words = (texts | nasty).filter(lambda text: bool(text.strip()))


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    path=st.sampled_from(["demo", "-d", "$HOME", "a 'b\"", "~", "--help"]),
    name=words,
    description=words,
    author=words,
    data=st.sampled_from(["diabetes", "csv"]),
    flags=st.tuples(st.booleans(), st.booleans()),
)
def test_the_printed_command_makes_the_same_project(
    path: str, name: str, description: str, author: str, data: str, flags: tuple[bool, bool]
) -> None:
    """Taken apart as a shell does, the command at the end of the output writes the same bytes."""
    answers = {"name": name, "description": description, "author": author, "package": "pkg"}
    given = [f"--{key}={value}" for key, value in answers.items()]
    more = options({"data": data, "sample_weight": flags[0], "manual_metrics": flags[1]})
    arguments = ["new", "--no-git", *given, *more, "--", path]
    made = []
    for _ in range(2):
        with TemporaryDirectory() as folder, contextlib.chdir(folder), without_syncing():
            result = kscaffold(*arguments)
            assert result.exit_code == 0, result.output
            made.append(contents(Path(path)))
        program, *arguments = taken_apart(result.stdout.splitlines()[-1])
        assert program == "kscaffold"
        assert "--defaults" in arguments
    assert made[0] == made[1]


# ---------------------------------------------------------------- when things go wrong


def test_an_unexpected_error_is_told_as_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 1, one line that says how to report it; the traceback is shown with -v only."""

    def broken(*_: object) -> None:
        raise ValueError("two\nlines")

    monkeypatch.setattr(creation, "build_tree", broken)
    message = error_of(kscaffold("new", "demo"), 1)
    assert message.startswith("ValueError: two\\nlines. This is a bug in kscaffold")
    assert report_of(kscaffold("new", "demo", "--format", "json"))["error"] == message
    for arguments in (["-v", "new", "demo"], ["new", "demo", "-v"]):
        lines = kscaffold(*arguments).stderr.splitlines()
        assert lines[0] == "Traceback (most recent call last):"
        assert lines[-1] == f"error: {message}"


def test_verbose_shows_where_a_refusal_comes_from() -> None:
    """With -v every error has its traceback; without, none has."""
    assert "Traceback" in kscaffold("new", "demo", "-v", "--style", "x").stderr
    assert "Traceback" not in kscaffold("new", "demo", "--style", "x").stderr


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (OSError(errno.EIO, "I/O error", "a/b"), "a/b: I/O error"),
    ],
)
def test_what_the_system_refuses_is_no_bug(
    monkeypatch: pytest.MonkeyPatch, error: OSError, message: str
) -> None:
    """A full disk under the output or the like is told in the system's words."""

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(creation, "build_tree", refuse)
    assert error_of(kscaffold("new", "demo"), 1) == message


@pytest.mark.parametrize("error", [KeyboardInterrupt, EOFError])
def test_an_interruption_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    """Ctrl-C, or a terminal that is closed: exit 130, one line, nothing written."""

    def interrupt(*_: object) -> None:
        raise error

    monkeypatch.setattr(creation, "build_tree", interrupt)
    result = kscaffold("new", "demo")
    assert (result.exit_code, result.stdout) == (INTERRUPTED, "")
    assert result.stderr == "Interrupted. Nothing was written.\n"
    assert not Path("demo").exists()


def test_a_broken_template_ends_with_4(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A template without a manifest is told, with the folder where it should be."""
    monkeypatch.setattr(fetch, "template_root", lambda: tmp_path)
    assert "no readable kscaffold.toml" in error_of(kscaffold("new", "demo"), 4)


def test_a_reader_that_leaves_early_is_no_error() -> None:
    """`kscaffold new ... | head`: no message and no traceback, when the pipe breaks."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kscaffold", "new", "demo", "--diff"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr as stderr:
        assert stderr.read() == b""
    assert process.wait() == 1


def test_without_a_terminal_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even when input is there to be read, defaults are taken and it stays unread."""
    monkeypatch.setitem(sys.modules, "questionary", None)
    result = kscaffold("new", "demo", "--no-git", input="other\n")
    assert result.exit_code == 0
    assert Path("demo/src/demo").is_dir()
