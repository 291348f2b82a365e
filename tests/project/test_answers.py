"""What was given is completed to a legal answer to every question, or refused with the fix."""

from __future__ import annotations

import keyword
import sys
import tomllib
from contextlib import suppress
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from kscaffold.errors import AnswerError
from kscaffold.project.answers import Answers, resolve
from kscaffold.project.pipeline import prepare
from kscaffold.project.record import read_data_file, to_toml
from kscaffold.template.manifest import Question
from kscaffold.template.sources import load_template

BUILT_IN = prepare(load_template(), "my-model")
QUESTIONS = BUILT_IN.template.manifest.questions
TEXTS = [name for name, question in QUESTIONS.items() if question.type == "str"]


def answer(**given: object) -> Answers:
    """Resolve answers for the built-in template."""
    return resolve(BUILT_IN.template.manifest, given, BUILT_IN.tools)


def test_defaults_answer_everything() -> None:
    """With nothing given, every question has its value, in the manifest's order."""
    answers = answer()
    assert list(answers.values) == list(QUESTIONS)
    assert answers.values["package"] == "my_model"
    assert answers.values["sample_weight"] is True
    assert answers.values["task"] == "regression"
    assert answers.chosen == {}
    assert answers.notices == ()


def test_chosen_are_the_answers_that_matter() -> None:
    """An answer that is given, but the default anyway, needs not be given again."""
    answers = answer(style="sequential", license="MIT", sample_weight=True, name="my-model")
    assert answers.chosen == {"style": "sequential"}


def test_defaults_follow_other_answers() -> None:
    """A default may be made of earlier answers."""
    assert answer(name="Other Name").values["package"] == "other_name"


@pytest.mark.parametrize(
    ("given_words", "value"),
    [
        (("yes", "TRUE", "on", "1", "y", True), True),
        (("no", "false", "Off", "0", "n", False), False),
    ],
)
def test_bool_takes_the_usual_words(given_words: tuple[object, ...], value: bool) -> None:
    """A yes-or-no question takes the words that people and files use."""
    for word in given_words:
        assert answer(sample_weight=word).values["sample_weight"] is value


@pytest.mark.parametrize(
    ("given_answers", "message"),
    [
        ({"styl": "functional"}, "no question 'styl'; did you mean 'style'"),
        ({"zzz": 1}, "there are name, package"),
        ({"sample_weight": "maybe"}, "--sample-weight: must be yes or no, not 'maybe'"),
        ({"style": "sequental"}, "functional, sequential or subclass, not 'sequental'"),
        ({"style": 3}, "functional, sequential or subclass, not 3"),
        ({"name": 3}, "--name: must be text, not 3"),
        ({"name": ""}, "--name: must not be empty"),
        ({"name": "a\nb"}, "must be one plain line"),
        ({"description": "x" * 501}, "501 characters are too many; at most 500"),
        ({"target": "y"}, "--target: is only asked when"),
        ({"data": "csv", "data_path": "/nowhere/table.csv"}, "no such file: /nowhere/table.csv"),
        ({"name": "模型"}, "--package: no module name can be made of .*; give one"),
    ],
)
def test_errors_name_question_and_fix(given_answers: dict[str, object], message: str) -> None:
    """A key or a value that is not accepted: one line with the question and what it takes."""
    with pytest.raises(AnswerError, match=message) as error:
        answer(**given_answers)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("package", "reason"),
    [
        ("class", "keyword"),
        ("match", "keyword"),
        ("json", "standard library"),
        ("keras", "imports or uses"),
        ("tests", "imports or uses"),
        ("my-model", "a-z, 0-9 and _"),
        ("2d", "a-z, 0-9 and _"),
        ("Model", "a-z, 0-9 and _"),
        ("", "a-z, 0-9 and _"),
    ],
)
def test_package_must_be_importable_by_its_own_name(package: str, reason: str) -> None:
    """A package that Python could not import, or that would hide another, is refused."""
    with pytest.raises(AnswerError, match=reason):
        answer(package=package)


@given(text=st.text())
def test_accepted_packages_are_good_names(text: str) -> None:
    """Whatever is accepted as a package is an identifier that hides nothing."""
    try:
        package = str(answer(package=text).values["package"])
    except AnswerError:
        return
    assert package.isidentifier()
    assert not keyword.iskeyword(package)
    assert package not in sys.stdlib_module_names


@pytest.mark.parametrize("name", TEXTS)
@settings(max_examples=50, deadline=None)
@given(text=st.text())
def test_any_text_is_an_answer_or_an_error(name: str, text: str) -> None:
    """No text given to a question raises anything but an AnswerError."""
    given_answers: dict[str, object] = {"package": "p", "data": "csv", name: text}
    with suppress(AnswerError):
        assert answer(**given_answers).values[name] == text.strip()


def test_manual_metrics_switch_test_step_on() -> None:
    """An answer that needs another one brings it along, and says so."""
    answers = answer(manual_metrics=True)
    assert answers.values["test_step"] is True
    assert answers.chosen == {"manual_metrics": True}
    [notice] = answers.notices
    assert notice.startswith("--manual-metrics needs --test-step: ")
    assert "evaluate() would report 0.0" in notice


def test_manual_metrics_without_test_step_are_refused() -> None:
    """Two answers that do not go together are refused with the reason."""
    with pytest.raises(
        AnswerError, match=r"--no-test-step does not go with --manual-metrics: .*0\.0"
    ):
        answer(manual_metrics=True, test_step=False)


def test_csv_defaults_come_from_the_table(tmp_path: Path) -> None:
    """Of a table of one's own, the last column is the target, and its values tell the task."""
    path = tmp_path / "mine.csv"
    path.write_text("a,colour\n" + "1,red\n2,blue\n" * 3)
    values = answer(data="csv", data_path=str(path)).values
    assert values["data_path"] == path.as_posix()
    assert (values["target"], values["task"]) == ("colour", "classification")


def values_for(question: Question) -> st.SearchStrategy[object]:
    """Draw legal values of a question."""
    if question.type == "bool":
        return st.booleans()
    if question.type == "choice":
        return st.sampled_from(question.choices)
    return st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_answers_survive_their_file(data: st.DataObject) -> None:
    """Answers written as TOML and given again are the same answers."""
    drawn: dict[str, object] = {"package": "p"}
    for name in ("description", "author", "style", "sample_weight", "test_step", "license"):
        drawn[name] = data.draw(values_for(QUESTIONS[name]))
    values = answer(**drawn).values
    again = tomllib.loads(to_toml(values))
    assert answer(**again).values == values


def test_data_file_may_be_flat_or_a_projects_record(tmp_path: Path) -> None:
    """Answers are read from a file of keys, and from the record of a project."""
    flat, record = tmp_path / "flat.toml", tmp_path / "answers.toml"
    flat.write_text('style = "subclass"\n')
    record.write_text('[kscaffold]\nversion = "1"\n[answers]\nstyle = "subclass"\n')
    assert read_data_file(flat) == read_data_file(record) == {"style": "subclass"}


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "No such file"), (b"\xff", "not valid TOML"), (b"a =", "not valid TOML")],
)
def test_unreadable_data_file_is_named(content: bytes | None, message: str, tmp_path: Path) -> None:
    """A file that is missing or no TOML is an error that names it."""
    path = tmp_path / "answers.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AnswerError, match=message) as error:
        read_data_file(path)
    assert str(path) in str(error.value)
