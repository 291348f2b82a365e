"""A manifest says what a template asks and writes; what is wrong with it is named."""

from __future__ import annotations

import re
from contextlib import suppress

import hypothesis.strategies as st
import pytest
from hypothesis import given

from kscaffold.errors import TemplateError
from kscaffold.template.sources import load_template
from tests.template.own_templates import read

HEAD = '[template]\nname = "t"\ndescription = "d"\n'
FILE = '[[files]]\ntemplate = "a"\ntarget = "a"\n'


def question(lines: str) -> str:
    """Return a manifest with one question."""
    return f'{HEAD}[questions.colour]\nhelp = "Which?"\n{lines}\n'


def test_built_in_manifest_is_whole() -> None:
    """The built-in manifest has a help line, and a default or a way to one, for each question."""
    template = load_template()
    manifest = template.manifest
    for asked in manifest.questions.values():
        assert asked.help.endswith("?" if asked.type == "bool" else ":")
        assert asked.option == f"--{asked.name}".replace("_", "-")
        assert asked.default is not None or asked.choices or asked.inspect
    for choice in template.choices:
        # An algorithm may use the networks of any style.
        answers = {"style": "functional", choice.question: choice.answer}
        chosen = template.chosen(answers, is_whole=False)
        assert all(chosen.layers.find(file.template) is not None for file in chosen.manifest.files)
        assert choice.layer.description.endswith(".")


def test_least_manifest() -> None:
    """Name and description are enough."""
    manifest = read(HEAD)
    assert (manifest.template.name, manifest.template.description) == ("t", "d")
    assert not manifest.files
    assert not manifest.rules


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[template", "kscaffold.toml: "),
        ("", "kscaffold.toml: [template] name: is missing"),
        ('[template]\nname = "t"', "[template] description: is missing"),
        ('[template]\nname = 1\ndescription = "d"', "[template] name: must be letters, digits, "),
        ('[template]\nname = "t"\ndescription = 1', "description: must be a string, not 1"),
        ('[template]\nname = "a b"', "must be letters, digits, dots, hyphens and underscores, not"),
        ("template = 1", "kscaffold.toml: [template]: must be a table"),
        (f"{HEAD}versoin = 1", "[template] versoin: unknown key; there are name, desc"),
        (f"versoin = 1\n{HEAD}", "kscaffold.toml: versoin: unknown key; there are extends, remove"),
        (f"{HEAD}[question.a]\n", "question: unknown key; did you mean 'questions'?"),
        (f"{HEAD}[questions]\na = 1", "[questions.a]: must be a table"),
        (f"questions = 1\n{HEAD}", "questions: must be a table, not 1"),
        (f"{HEAD}files = 1", "[template] files: unknown key"),
        (f"files = 1\n{HEAD}", "files: must be a list of tables, not 1"),
        (f"files = [1]\n{HEAD}", "[[files]] #1: must be a table"),
        (f'{HEAD}[messages]\nafter = ["a"]', "[messages] after: must be a string, not ['a']"),
        (f"remove = 1\n{HEAD}", "remove: must be a list of strings, not 1"),
        (
            question('type = "colour"'),
            "type: must be str, int, float, bool, choice, multi-choice, list or path, not 'colour'",
        ),
        (question(""), "[questions.colour] type: is missing"),
        (question('type = "str"\ndefalt = "x"'), "defalt: unknown key; did you mean 'default'?"),
        (question('type = "str"\nname = "x"'), "name: unknown key; there are type, help, "),
        (question('type = "str"\nplace = "x"'), "place: unknown key; there are type, help, "),
        (
            question('type = "str"\ndefault = 3'),
            "default: must be a string for the type 'str', not 3",
        ),
        (
            question('type = "int"\ndefault = true'),
            "default: must be an integer for the type 'int', not True",
        ),
        (
            question('type = "int"\notherwise = "x"'),
            "otherwise: must be an integer for the type 'int'",
        ),
        (question('type = "str"\ndefault = [1]'), "default: must be a string, true or false, "),
        (question('type = "str"\nmax_length = true'), "max_length: must be a positive integer"),
        (question('type = "str"\nmax_length = 0'), "max_length: must be a positive integer, not 0"),
        (question('type = "choice"'), "choices: belongs to the types 'choice'"),
        (question('type = "str"\nchoices = ["a"]'), "choices: belongs to the types 'choice'"),
        (question('type = "choice"\nchoices = [1]'), "choices: must be a list of at least one"),
        (question('type = "choice"\nchoices = ["a,b"]'), "choices: a choice is a word without"),
        (
            question('type = "choice"\nchoices = ["a", "b"]\ndefault = "c"'),
            "default: must be a or b, not 'c'",
        ),
        (question('type = "bool"'), "needs a default, true or false"),
        (question('type = "str"\nvalidate = "email"'), "validate: must be module, not 'email'"),
        (question('type = "int"\npattern = "a"'), "pattern: belongs to the type 'str'"),
        (question('type = "str"\npattern = "("'), "pattern: is not a regular expression: "),
        (question('type = "str"\npattern = "a{99999999999999}"'), "is not a regular expression: "),
        (question('type = "int"\nsecret = true'), "secret: belongs to the type 'str'"),
        (question('type = "str"\ncarried = { a = 1 }'), "carried] a: must be a string, not 1"),
        (
            question('type = "str"\ninspect = { arguments = [] }'),
            "[questions.colour.inspect] function: is missing",
        ),
        (
            question('type = "str"\ninspect = { function = "guess" }'),
            "function: must be csv_last_column, csv_names, csv_header_in_doubt, csv_task, "
            "csv_checked_task, csv_columns or csv_batch_size, not 'guess'",
        ),
        (
            question('type = "str"\ninspect = { function = "csv_task", arguments = ["colr"] }'),
            "[questions.colour] inspect: no question 'colr'; did you mean 'colour'?",
        ),
        (f'{HEAD}[questions.Bad-Name]\ntype = "str"\nhelp = "h"', "must be lower-case letters"),
        (f'{HEAD}[questions.loop]\ntype = "str"\nhelp = "h"', "'loop' has another meaning"),
        (f'{HEAD}[questions.a]\ntype = "str"\nhelp = "a\\nb"', "help: must be one plain line"),
        (f'{HEAD}[[files]]\ntarget = "a"', "[[files]] #1 template: is missing"),
        (f'{HEAD}{FILE}{FILE}mode = "777"', "[[files]] #2 mode: must be 644 or 755, not '777'"),
        (f'{HEAD}[[rules]]\nwhen = "a"\nmessage = "m"\nrequires = {{ b = true }}', "question 'b'"),
        (f'{HEAD}[[rules]]\nwhen = "a"\nmessage = "m"', "#1: requires or conflicts is missing"),
        (f"{HEAD}[[after]]\nrun = []", "run: must be the words of a command, such as ["),
        (f'{HEAD}[placeholders]\nmy_package = "pakage"', "value 'pakage'"),
        (f"{HEAD}[derived]\na = 1", "[derived] a: must be a string, not 1"),
        (question('type = "str"\n[derived]\ncolour = "1"'), "colour: is a question already"),
        (f'extends = "builtin"\n{HEAD}', "extends 'builtin', so it needs that below it"),
    ],
)
def test_errors_name_place_key_and_fix(text: str, message: str) -> None:
    """Each mistake is one line that names the table, the key, and what is accepted."""
    with pytest.raises(TemplateError, match=re.escape(message)) as error:
        read(text)
    assert str(error.value).startswith("kscaffold.toml: ")


@given(text=st.text(), table=st.sampled_from(["template", "questions.a", "rules", "files"]))
def test_any_text_is_a_manifest_or_an_error(text: str, table: str) -> None:
    """No text raises anything but a TemplateError."""
    for whole in (text, f"{HEAD}{text}", f"{HEAD}[{table}]\n{text}"):
        with suppress(TemplateError):
            read(whole)
