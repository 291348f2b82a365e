"""The questions on a terminal: chosen with keys, checked at once, taken back."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from kscaffold.cli import INTERRUPTED, prompts
from kscaffold.errors import AnswerError
from kscaffold.project.pipeline import prepare
from kscaffold.template.manifest import Question, Value
from kscaffold.template.sources import load_template
from tests.cli.runner import QUESTIONS, contents, kscaffold, table

ENTER, UP, DOWN, CTRL_C, CTRL_U = "\r", "\x1b[A", "\x1b[B", "\x03", "\x15"
BACK = f"<{ENTER}"
STEPS = ("sample_weight", "manual_metrics", "test_step", "fused")
ALWAYS = [
    name
    for name, question in QUESTIONS.items()
    if not question.when and name != "task" and len(question.choices) != 1  # data settle the task
]


def answered(keys: str, *asked: str, **given: object) -> tuple[dict[str, object], list[str]]:
    """Press the keys; returns the answers, and the questions in the order in which they came.

    All but `asked` are answered beforehand, by `given` or as here.
    """
    others = {"name": "demo", "package": "demo", "description": "d", "author": "", "license": "MIT"}
    others |= {
        "algorithm": "supervised",
        "style": "functional",
        "data": "diabetes",
        "distribution": "none",
        **dict.fromkeys(STEPS, "no"),
    }
    given = {name: value for name, value in {**others, **given}.items() if name not in asked}
    came: list[str] = []
    ask_one = prompts._ask_one

    def recorded(question: Question, *arguments: object, **more: object) -> Value:
        came.append(question.name)
        return ask_one(question, *arguments, **more)  # type: ignore[arg-type]

    with create_pipe_input() as pipe, mock.patch.object(prompts, "_ask_one", recorded):
        pipe.send_text(keys)
        pipe.close()  # what waits for more keys ends, with an error
        with create_app_session(input=pipe, output=DummyOutput()):
            return prompts.ask(prepare(load_template(), "demo"), given), came


def test_enter_takes_every_default() -> None:
    """With Enter alone each question that applies comes once, and gets its default."""
    answers, came = answered(ENTER * len(ALWAYS), *QUESTIONS)
    assert came == list(answers) == ALWAYS
    assert (answers["name"], answers["package"], answers["author"]) == ("demo", "demo", "")
    assert (answers["style"], answers["data"]) == ("functional", "diabetes")
    assert [answers[name] for name in STEPS] == [True, False, False, True]


@pytest.mark.parametrize(
    ("keys", "style"),
    [
        (ENTER, "functional"),
        (DOWN + ENTER, "sequential"),
        (DOWN + DOWN + ENTER, "subclass"),
        (DOWN + DOWN + UP + ENTER, "sequential"),
        (UP + ENTER, "subclass"),
    ],
)
def test_arrow_keys_choose(keys: str, style: str) -> None:
    """Up and down move over the choices, from the first one and around the ends."""
    assert answered(keys, "style")[0]["style"] == style


def test_what_is_typed_replaces_the_default() -> None:
    """The default is shown, not filled in: nothing needs to be deleted."""
    assert answered(f"A B{ENTER}", "name")[0]["name"] == "A B"


def test_a_default_follows_from_the_answer_before() -> None:
    """The package is named after the project that was just named."""
    answers, _ = answered(f"My model{ENTER}{ENTER}", "name", "package")
    assert answers["package"] == "my_model"


def test_a_default_that_cannot_be_is_no_default() -> None:
    """Where no package name can be made of the project's, one must be typed."""
    answers, _ = answered(f"模型{ENTER}{ENTER}model{ENTER}", "name", "package")
    assert (answers["name"], answers["package"]) == ("模型", "model")


def test_an_invalid_answer_is_not_taken() -> None:
    """Enter does not end a question whose answer is refused; it can be mended."""
    answers, came = answered(f"class{ENTER}{CTRL_U}json{ENTER}5{ENTER}", "package")
    assert (answers["package"], came) == ("json5", ["package"])


def test_a_question_that_does_not_apply_is_not_asked() -> None:
    """The questions about a table come after the answer csv, and only then."""
    about = ("data", "data_path", "target", "task")
    assert answered(ENTER, *about)[1] == ["data"]
    answers, came = answered(UP + ENTER * 4, *about)
    assert tuple(came) == about
    assert answers["data_path"] == "data/wine.csv"
    assert (answers["target"], answers["task"]) == ("cultivar", "classification")


def test_what_is_given_is_not_asked() -> None:
    """An answer from the command line needs no question."""
    assert answered(ENTER, "author", style="subclass")[1] == ["author"]


def test_manual_metrics_decide_test_step() -> None:
    """With metrics kept by hand there is a test_step, so that it is not asked for."""
    assert answered(UP + ENTER, "manual_metrics", "test_step")[1] == ["manual_metrics"]
    assert answered(ENTER * 2, "manual_metrics", "test_step")[1] == ["manual_metrics", "test_step"]


def test_back_asks_the_question_before_and_remembers() -> None:
    """Typed "<" and chosen "< back" go back one; what was answered is the default then."""
    keys = f"A{ENTER}" + DOWN + ENTER + UP + ENTER + UP * 2 + ENTER + ENTER * 3
    answers, came = answered(keys, "author", "license", "style")
    assert came == ["author", "license", "style", "license", "author", "license", "style"]
    assert (answers["author"], answers["license"]) == ("A", "BSD-3-Clause")
    answers, came = answered(f"A{ENTER} <{ENTER}{ENTER}D{ENTER}", "name", "description")
    assert came == ["name", "description", "name", "description"]
    assert (answers["name"], answers["description"]) == ("A", "D")


def test_back_skips_what_does_not_apply() -> None:
    """Going back, too, passes over questions that are not asked."""
    assert answered(ENTER + UP + ENTER + ENTER * 2, "data", "data_path", "sample_weight")[1] == [
        "data",
        "sample_weight",
        "data",
        "sample_weight",
    ]


def test_before_the_first_question_there_is_nothing() -> None:
    """Back at the first question asks it again."""
    assert answered(f"{BACK}A{ENTER}", "name") == ({**answered("")[0], "name": "A"}, ["name"] * 2)


def test_the_first_question_offers_no_way_back() -> None:
    """A choice that comes first has no "< back": up from its first leads to its last."""
    assert answered(UP + ENTER, "license")[0]["license"] == "none"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"styel": "x"}, "no question 'styel'; did you mean 'style'?"),
        ({"style": "x"}, "--style: must be functional, sequential or subclass, not 'x'"),
    ],
)
def test_what_was_given_is_checked_before_the_first_question(
    given: dict[str, object], message: str
) -> None:
    """A mistake on the command line costs nobody the answers to the questions."""
    with pytest.raises(AnswerError) as caught:
        answered("", "name", **given)
    assert str(caught.value) == message


def test_an_answer_that_contradicts_what_was_given_is_asked_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The reason is told, and the other answers are kept."""
    keys = ENTER + UP + ENTER + ENTER
    answers, came = answered(keys, "author", "manual_metrics", test_step=False)
    assert came == ["author", "manual_metrics", "manual_metrics"]
    assert answers["manual_metrics"] is False
    assert "--no-test-step does not go with --manual-metrics" in capsys.readouterr().out


def test_a_column_that_is_not_there_is_asked_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table is looked at as soon as its column is named."""
    keys = f"{table(tmp_path)}{ENTER}chnged{ENTER}changed{ENTER}{ENTER}"
    about = ("data_path", "target", "task")
    answers, came = answered(keys, *about, data="csv")
    assert came == ["data_path", "target", "target", "task"]
    assert (answers["target"], answers["task"]) == ("changed", "regression")
    assert "has no column 'chnged'; did you mean 'changed'?" in capsys.readouterr().out


def test_ctrl_c_ends_the_questions() -> None:
    """Ctrl-C is no answer."""
    with pytest.raises(KeyboardInterrupt):
        answered(ENTER + CTRL_C, "name", "license")


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *arguments: str, folder: Path) -> None:
        self.screen = ""
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (50, 200))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kscaffold", *arguments],
            cwd=folder,
            env={**os.environ, "PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)

    def press(self, keys: str, *, after: str) -> None:
        """Press keys, once some text is on the screen."""
        while after not in self.screen:
            assert self._read(), self.screen
        self.screen = ""
        os.write(self._master, keys.encode())

    def end(self) -> int:
        """Wait for the end; returns the exit code."""
        while self._read():
            pass
        return self._process.wait()

    def close(self) -> None:
        """End whatever is still there."""
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def _read(self) -> bool:
        assert select.select([self._master], [], [], 60)[0], self.screen
        try:
            self.screen += os.read(self._master, 100_000).decode(errors="replace")
        except OSError:  # the last one to hold the other end has closed it
            return False
        return True


@contextmanager
def terminal(*arguments: str, folder: Path) -> Iterator[Terminal]:
    """A terminal that is closed in the end."""
    opened = Terminal(*arguments, folder=folder)
    try:
        yield opened
    finally:
        opened.close()


def test_on_a_real_terminal_the_project_is_what_was_answered(tmp_path: Path) -> None:
    """All of it: questions, a refused answer with its reason, the project, the last lines."""
    with terminal("new", "demo", "--no-git", folder=tmp_path) as screen:
        screen.press(f"My model{ENTER}", after=QUESTIONS["name"].help)
        screen.press(f"json{ENTER}", after=QUESTIONS["package"].help)
        screen.press(f"{CTRL_U}pkg{ENTER}", after="is a module of Python's standard library")
        for name in ALWAYS[2:]:
            screen.press((DOWN if name == "style" else "") + ENTER, after=QUESTIONS[name].help)
        assert screen.end() == 0
        last = screen.screen.rstrip().splitlines()[-1]
    command = "kscaffold new demo --defaults --name 'My model' --package pkg --style sequential"
    assert last.strip() == f"{command} --no-git"
    again = ["--name", "My model", "--package", "pkg", "--style", "sequential", "--no-git"]
    kscaffold("new", str(tmp_path / "again"), *again)
    assert contents(tmp_path / "demo") == contents(tmp_path / "again")


def test_ctrl_c_on_a_real_terminal_ends_with_130(tmp_path: Path) -> None:
    """In the midst of the questions: one line, nothing written."""
    with terminal("new", "demo", folder=tmp_path) as screen:
        screen.press(ENTER, after=QUESTIONS["name"].help)
        screen.press(CTRL_C, after=QUESTIONS["package"].help)
        assert screen.end() == INTERRUPTED
        assert "Interrupted. Nothing was written." in screen.screen
        assert "Traceback" not in screen.screen
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", [["--defaults"], ["--format", "json"]])
def test_on_a_terminal_too_one_can_do_without_questions(tmp_path: Path, option: list[str]) -> None:
    """--defaults and --format json ask nothing."""
    with terminal("new", "demo", "--no-git", *option, folder=tmp_path) as screen:
        assert screen.end() == 0
        assert QUESTIONS["name"].help not in screen.screen
    assert (tmp_path / "demo" / "README.md").exists()
