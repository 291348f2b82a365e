"""On a terminal, a table is asked about only where its cells leave a doubt."""

from __future__ import annotations

from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from kscaffold.cli import prompts
from kscaffold.errors import AnswerError
from kscaffold.project.answers import Interview, resolve
from kscaffold.project.pipeline import prepare
from kscaffold.template.sources import load_template
from tests.cli.test_prompts import ENTER, answered
from tests.tables.makers import LEARNED, PLAIN, REFUSED, write

ABOUT = ("data_path", "header", "target", "task", "drop", "keep", "weight_column", "copy_data")


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (PLAIN, ["target", "task"]),
        (LEARNED["no_header.csv"][0], ["header", "target", "task"]),
    ],
)
def test_what_is_asked_about_a_table(text: str, asked: list[str], tmp_path: Path) -> None:
    """The header only if its first line may be a row; columns to drop, keep and so on never."""
    path = write(tmp_path, "t.csv", text)
    keys = ENTER * len(asked)
    answers, came = answered(keys, *ABOUT[1:], data="csv", data_path=str(path))
    assert came == asked
    assert answers["task"] == "classification"


def test_names_of_columns_complete(tmp_path: Path) -> None:
    """A prompt for a column knows those that there are."""
    path = write(tmp_path, "t.csv", PLAIN)
    scaffold = prepare(load_template(), "demo")
    questions = scaffold.template.manifest.questions
    given = {"data": "csv", "data_path": str(path)}
    target = questions["target"]
    interview = Interview(scaffold.template.manifest, given, scaffold.tools, until=target)
    assert interview.suggestions(target) == ["a", "b", "c", "y"]
    assert interview.suggestions(questions["name"]) == []


def test_paths_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tab key completes the name of a file."""
    write(tmp_path, "people.csv", PLAIN)
    monkeypatch.chdir(tmp_path)
    scaffold = prepare(load_template(), "demo")
    question = scaffold.template.manifest.questions["data_path"]
    interview = Interview(scaffold.template.manifest, {"data": "csv"}, scaffold.tools)
    completer = prompts._completer(question, interview)
    found = completer.get_completions(Document("peo"), CompleteEvent())
    assert [each.text for each in found] == ["ple.csv"]


@pytest.mark.parametrize("name", ["ragged.csv", "identifier_target.csv", "texts.csv"])
def test_the_wizard_refuses_what_defaults_refuse(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the same words, at once or as the reason to ask again."""
    path = write(tmp_path, name, REFUSED[name][0])
    scaffold = prepare(load_template(), "demo")
    given = {"data": "csv", "data_path": str(path)}
    with pytest.raises(AnswerError) as by_defaults:
        resolve(scaffold.template.manifest, given, scaffold.tools)
    with pytest.raises((AnswerError, EOFError)) as by_prompts:
        answered(ENTER * 2, *ABOUT[1:], **given)
    said = f"{by_prompts.value} {capsys.readouterr().out}"
    assert by_defaults.value.reason in said
