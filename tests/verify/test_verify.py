"""`kscaffold verify`: what it takes, what it prints, and what it refuses."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kscaffold.cli import main
from kscaffold.errors import AnswerError
from kscaffold.verify import report
from kscaffold.verify.cases import SETUPS, Case, Declared, Outcome, Verdict, all_cases
from kscaffold.verify.snippet import snippet
from kscaffold.verify.subjects import Subject, find_subject
from tests.projects import Answers, generate

SUBJECT = Subject("tests.verify.guide_models:GuideModel")
CASE = next(case for case in all_cases() if case.name == "vector")


def verify(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(main, ["verify", *arguments])


@pytest.mark.parametrize("problem", SETUPS)
@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)
def test_cases_are_python(case: Case, problem: str) -> None:
    """Every case's code parses, for each kind of problem, and so does what it is shown as."""
    declared = Declared(problem)  # type: ignore[arg-type]
    ast.parse(case.build_code(declared))
    ast.parse(case.run_code())
    ast.parse(f"dict({case.compile_code(declared, manual=False)})")
    ast.parse(snippet(case, Subject("a.b:C", "/a"), declared))


def test_steps_per_execution_go_to_every_case_but_those_about_them() -> None:
    """A case is compiled with so many steps, and keeps what it says of them itself."""
    for case in all_cases():
        code = case.with_steps(3).compile_code(Declared(), manual=False)
        assert "steps_per_execution" in code + case.run
        assert ast.parse(f"dict({code})")
    about = next(case for case in all_cases() if case.name == "steps_per_execution")
    assert about.with_steps(3) == about


def test_names_are_unique_and_each_family_has_its_quick_case() -> None:
    """A name chooses one case, and the quick set has one of each family."""
    cases = all_cases()
    assert len({case.id for case in cases}) == len(cases)
    quick = [case.family for case in cases if case.quick]
    assert sorted(quick) == sorted({case.family for case in cases})
    assert len(cases) > 96


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--family", "callback"], "no family 'callback'; did you mean 'callbacks'"),
        (["--family", "zzz"], "there are batches, sample weights"),
        (["--case", "zzz"], "--list lists them"),
        (["--case", "batches: raged"], "did you mean 'batches: ragged'"),
        (["nothing"], "neither the folder of a project nor package.module:Class"),
        (["no-module:Model"], "neither the folder"),
        (["tests"], "is not a kscaffold project"),
        (["--behaviour", "--quick"], "--behaviour goes with"),
        (["--trains", "generator"], "--trains goes with --behaviour"),
    ],
)
def test_wrong_words_are_refused(arguments: list[str], message: str) -> None:
    """What cannot be run is one line that names it and the fix: exit code 2."""
    result = verify(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_list_names_what_was_chosen() -> None:
    """--list runs nothing: it names the cases of the families, for people and machines."""
    lines = verify("--list", "--family", "callbacks", "--family", "masks").stdout.splitlines()
    assert len(lines) == sum(case.family in ("callbacks", "masks") for case in all_cases())
    listed = json.loads(verify("--list", "--quick", "--format", "json").stdout)
    assert {"family": "masks", "case": "a masked sequence", "quick": True} in listed


def test_a_project_is_found_by_its_trainer(tmp_path: Path) -> None:
    """Whatever its answers are called; what its class has built in is asked of the class."""
    folder = generate(tmp_path / "project", {"package": "recorded"})
    place = Subject("recorded.trainer:CustomModel", str(folder / "src"), None)
    assert find_subject(str(folder)) == place


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answers", "problem", "loss", "counted", "weighted"),
    [
        ({}, "regression", "'mse'", 1, 1),
        ({"data": "digits", "sample_weight": False}, "regression", "'mse'", 1, 1),
        ({"manual_metrics": True}, "regression", "MeanSquaredError", 0, 1),
        ({"manual_metrics": True, "data": "digits"}, "multiclass", "SparseCategorical", 0, 1),
        ({"manual_metrics": True, "data": "breast-cancer"}, "binary", "BinaryCross", 1, 1),
    ],
)
def test_a_class_is_asked_what_it_has_built_in(
    answers: Answers, problem: str, loss: str, counted: int, weighted: int, tmp_path: Path
) -> None:
    """A loss and metrics of its own are given to keras.Model, too, whatever the data set is."""
    from kscaffold.verify.built_in import built_in

    package = f"asked_{problem}_{len(answers)}_{counted}"
    found = built_in(find_subject(str(generate(tmp_path, {**answers, "package": package}))).load())
    assert (found.problem, found.manual) == (problem, "manual_metrics" in answers)
    assert loss in found.loss
    assert found.metrics.count("[") + found.metrics.count("None") >= 1
    assert (found.metrics != "None", found.weighted_metrics != "None") == (counted, weighted)


@pytest.mark.slow
def test_a_loss_that_keras_cannot_be_given_is_refused() -> None:
    """Nothing could be compared, which must not look like a promise that is kept."""
    import keras

    from kscaffold.verify.built_in import built_in

    class Local(keras.losses.Loss):  # type: ignore[misc]
        """A loss that no code can name."""

    class Own(keras.Model):  # type: ignore[misc]
        """A model with that loss."""

        def __init__(self, *arguments: object, **more: object) -> None:
            super().__init__(*arguments, **more)
            self.own_loss, self.tracker = Local(), keras.metrics.Mean(name="loss")

        @property
        def metrics(self) -> list[keras.Metric]:
            """The loss alone."""
            return [self.tracker]

    with pytest.raises(AnswerError, match="cannot be given Local"):
        built_in(Own)


def outcomes(*verdicts: Verdict) -> list[Outcome]:
    """Return an outcome for each verdict."""
    return [Outcome(case, v, "why") for case, v in zip(all_cases(), verdicts, strict=False)]


def test_table_counts_verdicts_by_family() -> None:
    """The table has a line for each family and one for all; markdown has the same."""
    ended = outcomes("exact", "exact", "differs", "crashes", "refuses", "not applicable", "exact")
    last = report.text_table(ended).splitlines()[-1]
    assert last.split() == ["all", "7", "cases", "3", "1", "1", "1", "1"]
    rows = report.markdown_table(ended).splitlines()
    assert rows[2].split(" | ")[0] == "| batches"
    assert rows[-1] == "| all 7 cases | 3 |  | 1 | 1 | 1 | 1 |"


def test_several_classes_are_shown_side_by_side() -> None:
    """A column for each class: how many cases hold, of those that apply."""
    table = report.markdown_comparison(
        {SUBJECT: outcomes("exact", "differs", "not applicable"), Subject("keras:Model"): []}
    )
    assert "| batches | 1/2 | 0/0 |" in table.splitlines()
    assert (
        table.splitlines()[0]
        == "| family | `tests.verify.guide_models:GuideModel` | `keras:Model` |"
    )


def test_failures_say_what_why_and_how_to_see_it() -> None:
    """A failing case: the difference, the usual cause, and code; for machines the same."""
    code = snippet(CASE, SUBJECT, Declared())
    failure = Outcome(CASE, "differs", "weight 0: 1, keras.Model: 2, off by 1", code)
    for text in (report.text_failure(failure), report.markdown_failure(failure)):
        assert "off by 1" in text
        assert CASE.cause in text
        assert "from tests.verify.guide_models import GuideModel" in text
    [found] = report.as_json(SUBJECT, [failure])["cases"]
    assert (found["verdict"], found["holds"], found["cause"]) == ("differs", False, CASE.cause)


@pytest.mark.slow
def test_a_snippet_shows_the_case_by_itself() -> None:
    """The printed code runs alone, with both classes, and shows what differs."""
    case = next(case for case in all_cases() if case.id == "batches: ragged")
    code = snippet(case, SUBJECT, Declared())
    assert len(code.splitlines()) < 20
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    stock, own = (line.partition(" ") for line in done)
    assert (stock[0], own[0]) == ("Model", "GuideModel")
    assert stock[2] != own[2]


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_command_ends_with_what_it_found(jobs: str) -> None:
    """keras.Model itself holds, exit code 0; a class that does not is shown, exit code 1."""
    arguments = ("--family", "class weights", "--jobs", jobs, "--format", "json")
    held = verify("keras:Model", *arguments)
    assert held.exit_code == 0, held.stderr
    failed = json.loads(verify("tests.verify.guide_models:ManualGuideModel", *arguments).stdout)
    assert failed["exit_code"] == 1
    assert failed["targets"][0]["fails"] == 2


@pytest.mark.slow
def test_exitfirst_stops_at_the_first_failure() -> None:
    """-x: nothing more is run after a case that fails."""
    arguments = (
        "tests.verify.guide_models:ManualGuideModel",
        "--family",
        "batches",
        "-x",
        "-j",
        "1",
    )
    report_of = json.loads(verify(*arguments, "--format", "json").stdout)
    assert len(report_of["targets"][0]["cases"]) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "code", "message"),
    [
        ("tests.nowhere:Model", 2, "no module 'tests.nowhere'"),
        ("tests.verify.guide_models:Nothing", 2, "has no 'Nothing'"),
        ("tests.verify.guide_models:State", 2, "is not a Keras model class"),
        ("tests.broken_module:Model", 1, "fails while it is imported: ZeroDivisionError"),
    ],
)
def test_targets_that_give_no_class_are_named(
    place: str, code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module or class that is not there, or breaks: one line with the reason."""
    if "broken" in place:
        (tmp_path / "broken_module.py").write_text("1 / 0\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        place = place.removeprefix("tests.")
    result = verify(place, "--case", "vector", "-j", "1")
    assert result.exit_code == code
    assert message in result.stderr


@pytest.mark.slow
def test_another_backend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With KERAS_BACKEND set to another one, verify says what to do."""
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    result = verify("keras:Model", "--case", "vector", "-j", "1")
    assert result.exit_code == 1
    assert "unset it" in result.stderr


@pytest.mark.slow
def test_what_any_subclass_cannot_do_does_not_apply() -> None:
    """A crash that a class without a line of its own has too is Keras' own."""
    case = "kinds of models: subclassed, after a functional one"
    result = verify(
        "tests.verify.guide_models:GuideModel", "--case", case, "-j", "1", "--format", "json"
    )
    [outcome] = json.loads(result.stdout)["targets"][0]["cases"]
    assert outcome["verdict"] == "not applicable"
    assert "any subclass of keras.Model" in outcome["detail"]
