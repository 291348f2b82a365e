"""An error has fields, from which its sentence is made; nothing reads the sentence again."""

from __future__ import annotations

from pathlib import Path

import pytest

from kscaffold.cli import COMMANDS
from kscaffold.cli.new import command as new_command
from kscaffold.cli.shared import ASSIGNED
from kscaffold.cli.template import SUBCOMMANDS
from kscaffold.errors import AnswerError, KscaffoldError, Place, TemplateError, place_named
from kscaffold.project.answers import resolve
from kscaffold.project.pipeline import build_tree, prepare
from kscaffold.template.sources import load_template
from tests.cli.runner import error_of, kscaffold, report_of
from tests.template.own_templates import refused, whole

MANIFEST = Place("lab/kscaffold.toml")
QUESTION = MANIFEST.below("questions", "data")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (KscaffoldError("is bad"), "is bad"),
        (KscaffoldError("is bad", hint="make it good"), "is bad; make it good"),
        (AnswerError("is bad", key="--data"), "--data: is bad"),
        (TemplateError("is bad", place="lab/a.py, line 3"), "lab/a.py, line 3: is bad"),
        (TemplateError("is bad", place=MANIFEST, key="a"), "lab/kscaffold.toml: a: is bad"),
        (
            TemplateError("is bad", place=QUESTION, key="help", hint="make it good"),
            "lab/kscaffold.toml: [questions.data] help: is bad; make it good",
        ),
        (
            TemplateError("is bad", place=MANIFEST.below("files", 1)),
            "lab/kscaffold.toml: [[files]] #2: is bad",
        ),
    ],
)
def test_the_sentence_has_place_key_reason_and_hint(error: KscaffoldError, sentence: str) -> None:
    """In this order; what there is not is left out."""
    assert str(error) == sentence


def test_the_most_precise_place_counts() -> None:
    """A place that is known is not replaced by one around it."""
    for place, key in ((QUESTION, "help"), (MANIFEST, "")):
        with pytest.raises(TemplateError) as caught:  # noqa: SIM117
            with place_named(MANIFEST.below("derived"), "a"):
                raise TemplateError("is bad", place=place, key=key)
        assert (caught.value.place, caught.value.key) == (place, key)
    with pytest.raises(TemplateError) as caught, place_named(QUESTION, "when"):
        raise TemplateError("is bad")
    assert (caught.value.place, caught.value.key) == (QUESTION, "when")


def test_an_error_about_an_answer_has_its_option() -> None:
    """As a field, without the name in the reason."""
    scaffold = prepare(load_template(), "demo")
    for given, option in ({"style": "x"}, "--style"), ({"sample_weight": "x"}, "--sample-weight"):
        with pytest.raises(AnswerError) as caught:
            resolve(scaffold.template.manifest, given, scaffold.tools)
        assert caught.value.key == option
        assert option not in caught.value.reason


def test_an_error_keeps_its_fields_on_the_way_out_of_the_child() -> None:
    """A template that is not our own is rendered in a process of its own."""
    question = '[questions.word]\ntype = "str"\nhelp = "h"\n'
    listed = '[[files]]\ntemplate = "out.txt.jinja"\ntarget = "{{ wrod }}"\n'
    own = whole("own", question + listed)
    scaffold = prepare(load_template(own), "demo")
    answers = resolve(scaffold.template.manifest, {}, scaffold.tools)
    with pytest.raises(TemplateError) as caught:
        build_tree(scaffold, answers)
    assert caught.value.place == Place(f"{own}/kscaffold.toml", ("files", 0))
    assert caught.value.key == "target"
    assert caught.value.hint == "did you mean 'word'?"


@pytest.mark.parametrize("name", ["CON", "nul", "Com1"])
def test_a_target_that_no_package_can_be_named_after_is_the_answers_fault(name: str) -> None:
    """The option is named that gives the package another name, and nothing is written."""
    message = error_of(kscaffold("new", name, "--defaults", "--no-git"), 2)
    assert message == f"--package: {name.lower()!r} is the name of a device on Windows"
    assert kscaffold("new", name, "-n", "--package", "model").exit_code == 0


def test_an_answer_that_makes_an_impossible_path_is_named() -> None:
    """Also where the path follows from it by a derived value; else it is the template's fault."""
    question = '[questions.word]\ntype = "str"\nhelp = "h"\ndefault = "w"\n'
    derived = "[derived]\nfile = \"word ~ '.txt'\"\n"
    listed = '[[files]]\ntemplate = "out.txt.jinja"\ntarget = "{}"\n'
    own = whole("own", question + derived + listed.format("a/{{ file }}"))
    message, _ = refused(own, code=2, more=("--word", "aux"))
    assert message == (
        "--word: makes the path 'a/aux.txt': 'aux.txt' is the name of a device on Windows"
    )
    own = whole("own", question + derived + listed.format("../{{ file }}"))
    assert "[[files]] #1 target: the template writes to '../aux.txt'" in (
        refused(own, more=("--word", "aux"))[0]
    )


OWN_NAMES = {
    option.removeprefix("--").replace("-", "_")
    for param in new_command.params
    for option in (*param.opts, *param.secondary_opts)
    if not option.startswith("-") or option.startswith("--")
}


@pytest.mark.parametrize("name", sorted({*OWN_NAMES, "help", "form", ASSIGNED}))
def test_a_question_cannot_have_the_name_of_an_option(name: str) -> None:
    """Of whichever option the command has; lint says so as well."""
    own = whole("own", f'[questions.{name}]\ntype = "str"\nhelp = "h"\n', f"{{{{ {name} }}}}\n")
    message, _ = refused(own)
    assert message == (
        f"own/kscaffold.toml: [questions.{name}]: this name is an option of `kscaffold new`"
        " already; choose another"
    )
    linted = kscaffold("template", "lint", "./own")
    assert (linted.exit_code, "taken-name" in linted.stdout) == (4, True)


@pytest.mark.parametrize(
    "words",
    [
        *([name] for name in COMMANDS),
        *(["template", name] for name in SUBCOMMANDS),
    ],
    ids=" ".join,
)
def test_a_usage_error_points_to_the_help_of_its_command(words: list[str]) -> None:
    """Whichever command it is, and in the form that is asked for."""
    message = error_of(kscaffold(*words, "--no-such-option"), 2)
    assert message.endswith(f" Try 'kscaffold {' '.join(words)} --help'")
    result = kscaffold(*words, "--format", "json", "--no-such-option")
    assert (report_of(result)["state"], result.stderr) == ("error", "")
