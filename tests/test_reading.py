"""A manifest says what a template asks and writes; what is wrong with it is named."""

from __future__ import annotations

from contextlib import suppress

import hypothesis.strategies as st
import pytest
from hypothesis import given

from kscaffold.errors import TemplateError
from kscaffold.reading import parse_manifest
from tests.projects import ROOT

HEAD = '[template]\nname = "t"\ndescription = "d"\n'


def question(lines: str) -> str:
    """Return a manifest with one question."""
    return f'{HEAD}[questions.colour]\nhelp = "Which?"\n{lines}\n'


def test_built_in_manifest_is_whole() -> None:
    """The built-in manifest has a help line, and a default or a way to one, for each question."""
    manifest = parse_manifest((ROOT / "templates/kscaffold.toml").read_text(encoding="utf-8"))
    for asked in manifest.questions.values():
        assert asked.help.endswith(".")
        assert asked.option == f"--{asked.name}".replace("_", "-")
        assert asked.default is not None or asked.choices or asked.inspect
    assert {file.template for file in manifest.files} <= {
        path.relative_to(ROOT / "templates").as_posix()
        for path in (ROOT / "templates").rglob("*")
        if path.is_file()
    }


def test_least_manifest() -> None:
    """Name and description are enough."""
    manifest = parse_manifest(HEAD)
    assert (manifest.name, manifest.description) == ("t", "d")
    assert not manifest.files
    assert not manifest.rules


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[template", "kscaffold.toml: "),
        ("", r"the manifest: template is missing|template is missing"),
        ('[template]\nname = "t"', "description is missing"),
        ('[template]\nname = 1\ndescription = "d"', "name must be a str, not 1"),
        (f"{HEAD}versoin = 1", "versoin"),
        (f"{HEAD}[question.a]\n", "'question'; did you mean 'questions'"),
        (f"{HEAD}[questions]\na = 1", r"\[questions.a\] must be a table"),
        (
            question('type = "colour"'),
            "type must be str, int, float, bool, choice, multi-choice or path, not 'colour'",
        ),
        (question('type = "str"\ndefalt = "x"'), "'defalt'; did you mean 'default'"),
        (question('type = "str"\ndefault = 3'), "default does not fit the type 'str': 3"),
        (question('type = "choice"'), "choices belong to the types 'choice'"),
        (question('type = "str"\nchoices = ["a"]'), "choices belong to the types 'choice'"),
        (question('type = "choice"\nchoices = [1]'), "choices must be a list of strings"),
        (question('type = "bool"'), "needs a default, true or false"),
        (question('type = "str"\nvalidate = "email"'), "validate must be 'module', not 'email'"),
        (f'{HEAD}[questions.Bad-Name]\ntype = "str"\nhelp = "h"', "lower-case letters"),
        (f'{HEAD}[[files]]\ntarget = "a"', "template is missing"),
        (f'{HEAD}[[rules]]\nwhen = "a"\nmessage = "m"\nrequires = {{ b = true }}', "question 'b'"),
        (f'{HEAD}[placeholders]\nmy_package = "pakage"', "value 'pakage'"),
        (f"{HEAD}[derived]\na = 1", "a must be text in quotes"),
        (question('type = "str"\n[derived]\ncolour = "1"'), "colour is a question already"),
    ],
)
def test_errors_name_place_key_and_mend(text: str, message: str) -> None:
    """Each mistake is one line that names the table, the key, and what is accepted."""
    with pytest.raises(TemplateError, match=message) as error:
        parse_manifest(text)
    assert str(error.value).startswith("kscaffold.toml: ")


@given(text=st.text(), table=st.sampled_from(["template", "questions.a", "rules", "files"]))
def test_any_text_is_a_manifest_or_an_error(text: str, table: str) -> None:
    """No text raises anything but a TemplateError."""
    for whole in (text, f"{HEAD}{text}", f"{HEAD}[{table}]\n{text}"):
        with suppress(TemplateError):
            parse_manifest(whole)
