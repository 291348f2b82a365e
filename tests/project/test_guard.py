"""Answers stay text, also in the templates of those who do not quote them."""

from __future__ import annotations

import ast
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kscaffold.project.guard import _stand_in
from kscaffold.project.structure import leaves, mean_the_same
from kscaffold.safety.escaping import quote, unsafe_character
from tests.template.own_templates import OVERLAY, WHOLE, new, project, refused, template

QUESTION = '[questions.{}]\ntype = "{}"\nhelp = "h"\n{}\n'
CELL = '{{"cells": [{{"cell_type": "code", "source": ["x = 1\\n", "{}"]}}]}}\n'
DESCRIPTION = QUESTION.format("description", "str", 'default = ""')


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def own(text: str, path: str = "out.py", questions: str = DESCRIPTION, more: str = "") -> Path:
    """A whole template of one file."""
    files = f'[[files]]\ntemplate = "{path}.jinja"\ntarget = "{path}"\n{more}'
    return template("own", f"{WHOLE}{questions}\n{files}", {f"{path}.jinja": text})


def answered(answer: str) -> tuple[str, str]:
    """The option that answers, whatever it begins with."""
    return (f"--description={answer}", "--no-git")


@pytest.mark.parametrize(
    ("path", "text", "answer"),
    [
        ("out.py", 'D = "{{ description }}"\n', '"; import os; "'),
        ("out.py", 'D = "{{ description }}"\n', 'a" + open("x").read() + "b'),
        ("out.py", 'D = "{{ description }}"\n', 'a" "b'),
        ("out.py", 'D = "{{ description }}"\n', "C:\\new"),
        ("out.py", 'D = "{{ description }}"\n', "ends in a \\"),
        ("out.py", "D = '{{ description }}'\n", "it's"),
        ("out.py", 'D = """{{ description }}"""\n', '""" + x + """'),
        ("out.py", 'D = f"{{ description }}"\n', "{open(1)}"),
        ("out.py", '"""{{ description }}"""\n', '"""; x = 1; """'),
        ("out.py", "D = {{ description }}\n", "True"),
        ("out.py", "D = {{ description }}\n", "1"),
        ("out.py", "D = {{ description }}\n", "x if y else z"),
        ("out.py", "import {{ description }}\n", "os, sys"),
        ("out.py", "def f(a={{ description }}): ...\n", "exec(1)"),
        ("out.py", "# {{ description }}\nx = '+AGE-'\n", "coding: utf-7"),
        ("out.toml", 'd = "{{ description }}"\n', '"; evil = "1'),
        ("out.toml", 'd = { e = "{{ description }}" }\n', '", evil = "1'),
        ("out.toml", 'd = "{{ description }}"\n', "a\\tb"),
        ("out.toml", "d = {{ description }}\n", "[1, 2]"),
        ("out.toml", "d = {{ description }}\n", "true"),
        ("out.toml", "[{{ description }}]\nx = 1\n", "a.b"),
        ("out.json", '{"d": "{{ description }}"}\n', '", "evil": "1'),
        ("out.json", '{"d": {{ description }}}\n', "null"),
        ("out.json", '{"d": "{{ description }}"} // a comment\n', '", "evil": "1'),
        ("out.ipynb", '{"d": "{{ description }}"}\n', '", "evil": "1'),
        ("out.json", '{"{{ description }}": 1, "evil": 2}\n', "evil"),
        ("out.py", 'D = {"{{ description }}": 1, "evil": 2}\n', "evil"),
        ("out.ipynb", CELL.format("D = '{{ description }}'"), "'; evil(); '"),
        ("out.ipynb", CELL.format("!echo {{ description }}"), "$(evil)"),
        ("out.ipynb", CELL.format("%run {{ description }}"), "a.py; evil"),
        ("OUT.TOML", 'd = "{{ description }}"\n', '"; evil = "1'),
        ("Pipfile", 'd = "{{ description }}"\n', '"; evil = "1'),
        (".condarc", "d: {{ description }}\n", "[a, b]"),
        ("out.pyw", 'D = "{{ description }}"\n', '"; import os; "'),
        ("out.yml", "d: {{ description }}\n", "a: b"),
        ("out.yml", "d: {{ description }}\n", "[a, b]"),
        ("out.yml", "d: {{ description }}\n", "yes"),
        ("out.yml", "d: {{ description }}\n", "1.0"),
        ("out.yml", "d: {{ description }}\n", "a #b"),
        ("out.yml", "d: {{ description }}\n", "*alias"),
        ("out.yml", "d: {{ description }}\n", "!!python/object:x"),
        ("out.yml", "d: {{ description }}\n", "- a"),
        ("out.yml", 'd: "{{ description }}"\n', 'x" y'),
        ("out.yml", "d: '{{ description }}'\n", "it's"),
        ("out.yml", "run: echo {{ description }}\n", "$(evil)"),
        ("out.cff", "title: {{ description }}\n", "a: b"),
    ],
)
def test_an_answer_that_is_more_than_text_is_refused(path: str, text: str, answer: str) -> None:
    """In one line with the file, its line and the fix; nothing is written."""
    # A comment that names an encoding stands in the first lines.
    source = own(text if "coding" in answer else f"\n{text}", path)
    message, _ = refused(source, code=2, more=answered(answer))
    line = 1 if "coding" in answer else 2
    assert message == (
        f"--description: the answer is more than text in {path}, line {line}: it changes the"
        f" structure of the file; have {path}.jinja quote it: {{{{ description | quote }}}}"
    )


@pytest.mark.parametrize(
    ("path", "text", "answer"),
    [
        ("out.py", "D = {{ description | quote }}\n", '"; import os; "\'\\ {x} é模'),
        ("out.py", 'D = "{{ description }}"\n', "A Keras model, for 100 % (of) 'us': {fine}"),
        ("out.py", 'D = "{{ description | upper }}"\n', "a Keras model"),
        ("out.py", "# {{ description }}\nx = 1\n", '"; import os; "'),
        ("out.py", "class {{ description | title | replace(' ', '') }}: ...\n", "my model"),
        ("out.py", "import {{ description }}\n", "os"),
        ("out.py", "D = {{ description }}\n", "a_name"),
        ("out.py", "D = \"{{ description | replace('\"', '') }}\"\n", 'a "b" c'),
        ("out.py", "#: if description\nx = 1\n#: endif\n", '"'),
        ("out.py", "#: if description | length > 20\nx = 1\n#: endif\n", "a text of this length"),
        ("out.toml", "d = {{ description | quote }}\n", '"\\ []'),
        ("out.toml", 'd = "{{ description }}"\n', "it's fine"),
        ("out.json", '{"d": {{ description | quote }}}\n', '"}'),
        ("out.yml", "d: {{ description | quote }}\n", 'a: b #"'),
        ("out.yml", "d: {{ description }}\n", "Conan O'Brien the 2nd"),
        ("out.yml", 'd: "{{ description }}"\n', "a: b # c"),
        ("out.json", '{"{{ description }}": 1, "other": 2}\n', "fine"),
        ("out.ipynb", CELL.format("D = '{{ description }}'"), "a Keras model"),
        ("out.ipynb", CELL.format("%run {{ description }}"), "train.py"),
        ("out.ipynb", CELL.replace("code", "markdown").format("{{ description }}"), "'; evil()"),
        ("out.md", '"{{ description }}"\n', '"; import os'),
        ("out.txt", "{{ description }}\n", '"; import os'),
    ],
)
def test_text_that_stays_text_is_taken(path: str, text: str, answer: str) -> None:
    """Quoted, or harmless where it stands, or in a file of another kind."""
    assert path in project(own(text, path), more=answered(answer))


def test_what_is_copied_is_not_looked_at() -> None:
    """No answer stands in it."""
    files = '[[files]]\ntemplate = "out.py"\ntarget = "out.py"\n'
    source = template("own", f"{WHOLE}{DESCRIPTION}{files}", {"out.py": '"{{ description }}"\n'})
    assert project(source, more=answered('"'))["out.py"] == '"{{ description }}"\n'


def test_the_name_of_the_folder_is_an_answer_too() -> None:
    """A default that is made of what somebody typed."""
    name = QUESTION.format("name", "str", 'default = "{{ target_name }}"')
    own('N = "{{ name }}"\n', questions=name)
    message, _ = refused("own", code=2, path='x"; import os; "')
    assert message.startswith("--name: the answer is more than text in out.py, line 1")
    assert "out.py" in project("own", path="fine")


def test_a_path_is_an_answer_too() -> None:
    """Whatever folders it leads through."""
    own('P = "{{ file }}"\n', questions=QUESTION.format("file", "path", 'default = "x"'))
    refused("own", code=2, more=("--file", '/a"; import os; "/b'))
    assert "out.py" in project("own", more=("--file", "/My Data/table (1).csv"))


def test_a_derived_value_is_made_of_answers() -> None:
    """What follows from a text is as free as the text."""
    derived = f"{DESCRIPTION}[derived]\ntitle = \"'About ' ~ description\"\n"
    own('D = "{{ title }}"\n', questions=derived)
    message, _ = refused("own", code=2, more=answered('"; x = 1; "'))
    assert message.startswith("--description: ")


def test_two_answers_together() -> None:
    """Neither of them alone changes anything."""
    two = QUESTION.format("one", "str", 'default = ""') + DESCRIPTION
    own('D = ["{{ one }}", "{{ description }}"]\n', questions=two)
    more = ("--one=\\", *answered(", 1]; import os  #"))
    message, _ = refused("own", code=2, more=more)
    assert message.startswith("--one: ")


def test_a_number_in_a_text_question_is_a_number() -> None:
    """Where the template's own default is one; another kind of value is refused."""
    rate = QUESTION.format("rate", "str", 'default = "1e-3"')
    own("RATE = {{ rate }}\n", questions=rate)
    assert project("own")["out.py"] == "RATE = 1e-3\n"
    assert project("own", more=("--rate", "2e-4"), path="other")["out.py"] == "RATE = 2e-4\n"
    refused("own", code=2, more=("--rate", "evil()"), path="third")


def test_a_script_is_known_by_its_first_line() -> None:
    """A file without a suffix that Python runs is Python."""
    message, _ = refused(
        own("#!/usr/bin/env python3\nD = '{{ description }}'\n", "train"),
        code=2,
        more=answered("'; evil(); '"),
    )
    assert "more than text in train, line 2" in message


@pytest.mark.parametrize("other", ["files = !ls", "df?", "%%bash\\nif true; then ls; fi"])
def test_a_cell_that_is_no_python_hides_no_other(other: str) -> None:
    """Each cell of a notebook is compared by itself, and one that is no Python by its lines."""
    line = """# {{ description | replace('@', '\\\\n') }}"""
    cells = [f'{{"cell_type": "code", "source": ["{each}"]}}' for each in (other, line)]
    own(f'{{"cells": [{", ".join(cells)}]}}\n', "out.ipynb")
    evil = answered("x@import os; os.system(1)")
    message, _ = refused("own", code=2, more=evil)
    assert message.startswith("--description: the answer is more than text in out.ipynb, line 1")
    assert "out.ipynb" in project("own", more=answered("a Keras model, for me"))
    own(CELL.format(f"{other}\\n{line}"), "out.ipynb")
    refused("own", code=2, more=evil, path="other")
    assert "out.ipynb" in project("own", more=answered("a Keras model, for me"), path="third")


@pytest.mark.parametrize(
    ("path", "first", "more"),
    [
        ("train", "#!/usr/bin/env python2\n", ""),
        ("train.pyw", "", ""),
        ("train.pyi", "", ""),
        ("train.py", "", "format = false\n"),
    ],
)
@pytest.mark.parametrize("answer", ["1; import os", "import os"])
def test_python_that_is_not_formatted_is_compared_by_its_lines(
    path: str, first: str, more: str, answer: str
) -> None:
    """If this Python cannot read it, nothing later refuses it: an answer must not become code."""
    own(f"{first}print 'x'\n{{{{ description }}}}\n", path, more=more)
    message, _ = refused("own", code=2, more=answered(answer))
    assert f"more than text in {path}, line " in message
    own(f"{first}print 'by {{{{ description }}}}'  # {{{{ description }}}}\n", path, more=more)
    assert path in project("own", more=answered("A model, for 100 % of us"), path="fine")


def test_a_notebook_of_another_shape_is_json() -> None:
    """What is no list of texts is compared as it is."""
    text = '{"cell_type": "code", "source": 3, "d": "{{ description }}"}\n'
    assert "out.ipynb" in project(own(text, "out.ipynb"), more=answered("fine"))
    refused("own", code=2, more=answered('", "evil": "1'), path="other")


def test_a_default_is_no_excuse_for_a_text() -> None:
    """What is misread where the default would not be is refused all the same."""
    own('D = "{{ text }}"\n', questions=QUESTION.format("text", "str", 'default = "fine"'))
    assert "out.py" in project("own")
    refused("own", code=2, more=("--text", "C:\\new"), path="other")
    both = QUESTION.format("rate", "str", 'default = "1e-3"')
    own('"""At a rate of {{ rate }}."""\n\nRATE = {{ rate }}\n', questions=both)
    assert "RATE = 2e-4" in project("own", more=("--rate", "2e-4"), path="third")["out.py"]


def test_a_word_of_a_pattern_is_a_word() -> None:
    """The template says what it takes; what is no word is looked at all the same."""
    version = QUESTION.format("version", "str", "pattern = '3.*'")
    own("python: {{ version }}\n", "out.yml", questions=version)
    assert "out.yml" in project("own", more=("--version", "3.11"))
    refused("own", code=2, more=("--version", "3: x"), path="other")


def test_a_text_that_is_looked_up_is_no_text_to_compare() -> None:
    """With a stand-in the template would not render at all."""
    derived = f"{DESCRIPTION}[derived]\nsize = \"{{'small': 1, 'large': 2}}[description]\"\n"
    own("SIZE = {{ size }}\n", questions=derived)
    assert project("own", more=answered("large"))["out.py"] == "SIZE = 2\n"


def test_a_template_that_is_broken_anyway_is_the_templates_fault() -> None:
    """No answer is to blame."""
    source = own('D = "{{ description }}\n')
    for answer in ("fine", "a, b: it's fine"):
        message, _ = refused(source, more=answered(answer))
        assert message.startswith("out.py.jinja: renders to invalid Python")


def test_an_overlay_is_looked_at_and_ours_is_quoted() -> None:
    """Our own files stay as they are under an overlay, whatever is typed."""
    nasty = "\"; import os; ''' \\"
    source = template("own", OVERLAY, {"package/extra.py.jinja": 'A = "{{ author }}"\n'})
    message, _ = refused(source, code=2, more=("--author", nasty))
    assert "more than text in src/demo/extra.py, line 1" in message
    assert "have package/extra.py.jinja quote it" in message
    (source / "package/extra.py.jinja").write_text("A = {{ author | quote }}\n")
    for number, more in enumerate((("--data", "csv"), ("--no-fused",))):
        given_ = ("--author", nasty, "--description", nasty, "--name", nasty, "--package", "p")
        assert project(source, more=(*given_, *more), path=f"demo{number}")


def test_a_secret_is_not_told() -> None:
    """The question is, and the place."""
    question = QUESTION.format("token", "str", "secret = true")
    own('T = "{{ token }}"\n', questions=question)
    message, _ = refused("own", code=2, more=("--token", '"; s3cret(); "'))
    assert message.startswith("--token: ")
    assert "s3cret" not in message


def test_a_refused_answer_is_told_as_json() -> None:
    """As every error."""
    own('D = "{{ description }}"\n')
    result = new("--template", "own", *answered('"'), "--format", "json")
    assert json.loads(result.stdout)["exit_code"] == result.exit_code == 2


# ---------------------------------------------------------------- for any text

plain = st.text(max_size=40).filter(lambda text: not unsafe_character(text)).map(str.strip)
nasty = st.text("\"'\\{}[]:#,!&*- \n+()=x1", max_size=12).map(
    lambda t: t.replace("\n", " ").strip()
)
CONTEXTS: dict[str, tuple[str, Any]] = {
    ".py": ('D = "@"\n', lambda text: ast.literal_eval(ast.parse(text).body[0].value)),
    ".toml": ('D = "@"\n', lambda text: tomllib.loads(text)["D"]),
    ".json": ('{"D": "@"}\n', lambda text: json.loads(text)["D"]),
    ".yml": ("D: @\n", lambda text: yaml.safe_load(text)["D"]),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@settings(max_examples=200)
@given(answer=plain | nasty, suffix=st.sampled_from([*CONTEXTS]))
def test_what_is_let_through_reads_as_it_was_typed(answer: str, suffix: str) -> None:
    """A text within quotes, or as it is in YAML, comes out as it was typed or is refused."""
    template, read = CONTEXTS[suffix]
    stand_in = _stand_in(answer, 0)
    text, other = (template.replace("@", each) for each in (answer, stand_in))
    if answer and mean_the_same(text, other, suffix, {stand_in: answer}):
        assert read(text) == answer


@settings(max_examples=200)
@given(answer=plain | nasty, suffix=st.sampled_from([*CONTEXTS]))
def test_what_is_quoted_is_let_through(answer: str, suffix: str) -> None:
    """Whatever it is."""
    template, read = CONTEXTS[suffix]
    stand_in = _stand_in(answer, 0)
    bare = template.replace('"@"', "@")
    text, other = (bare.replace("@", quote(each)) for each in (answer, stand_in))
    assert mean_the_same(text, other, suffix, {stand_in: answer})
    assert read(text) == answer


@given(st.lists(plain, min_size=2, max_size=40))
def test_stand_ins_are_told_apart(answers: list[str]) -> None:
    """None is a part of another one; spaces and lengths are those of the answers."""
    stand_ins = [_stand_in(answer, number) for number, answer in enumerate(answers)]
    for number, one in enumerate(stand_ins):
        assert len(one) == max(8, len(answers[number]))
        words = one.replace(" ", "")
        assert words.isascii()
        if len(words) == len(one):
            assert not any(one in other for n, other in enumerate(stand_ins) if n != number)


def test_what_cannot_be_read_has_no_leaves() -> None:
    """And what lies too deep neither."""
    for suffix, text in ((".py", "("), (".toml", "="), (".json", "{"), (".json", "[" * 10**5)):
        assert leaves(text, suffix) is None
