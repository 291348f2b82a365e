"""Template and answers become a tree of files."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from kscaffold.errors import TemplateError
from kscaffold.project.answers import resolve
from kscaffold.project.pipeline import build_tree, prepare
from kscaffold.project.record import ANSWERS, BASE
from kscaffold.project.tree import Tree
from kscaffold.safety.escaping import unsafe_character
from kscaffold.template.sources import load_template
from tests.generated.golden_trees import tree
from tests.projects import ROOT

HEAD = '[template]\nname = "t"\ndescription = "d"\n'
lines = (
    st.text(max_size=60)
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: bool(text) and not unsafe_character(text))
)


def texts(files: Tree) -> dict[str, str]:
    """Return each file's text by its path."""
    return {file.path: file.text for file in files}


def own_tree(folder: Path, manifest: str, **files: str) -> dict[str, str]:
    """Build the tree of a template that is made of a manifest and files."""
    (folder / "kscaffold.toml").write_text(HEAD + manifest, encoding="utf-8")
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    template = load_template(folder)
    scaffold = prepare(template, "target")
    return texts(build_tree(scaffold, resolve(template.manifest, {}, scaffold.tools)))


def test_a_tree_records_what_it_was_made_of() -> None:
    """The answers, and every text as it was rendered, are files of the project."""
    files = texts(tree({"style": "subclass", "sample_weight": False}))
    recorded = tomllib.loads(files[ANSWERS])
    assert recorded["answers"]["style"] == "subclass"
    assert recorded["answers"]["sample_weight"] is False
    assert recorded["kscaffold"]["template"] == "builtin"
    base = json.loads(files[BASE])
    assert base == {path: text for path, text in files.items() if path not in (ANSWERS, BASE)}


def test_the_record_gives_the_same_tree() -> None:
    """The recorded answers, given again, make the very same project."""
    first = tree({"data": "csv", "target": "alcohol", "manual_metrics": True, "author": 'A "b"'})
    again = tree(tomllib.loads(texts(first)[ANSWERS])["answers"])
    assert first == again


def test_trees_are_the_same_in_every_process() -> None:
    """Nothing depends on the order of a set, the time, or the folder."""
    code = (
        "import hashlib; from tests.generated.golden_trees import tree;"
        "print(hashlib.sha256(repr(tree({'data': 'csv'})).encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(name=lines, description=lines, author=lines)
def test_free_text_is_data_everywhere(name: str, description: str, author: str) -> None:
    """Whatever a person types reads back from the project's files, and is never code."""
    given_answers = {"name": name, "description": description, "author": author}
    files = texts(tree({"package": "p", **given_answers}))
    plain = texts(tree({"package": "p"}))
    for path, text in files.items():
        if path.endswith(".py"):
            assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(plain[path]))
        if path.endswith(".toml"):
            tomllib.loads(text)
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["description"] == description
    assert project["authors"] == [{"name": author}]


def test_a_template_of_ones_own(tmp_path: Path) -> None:
    """Conditions, derived values and templated paths decide what is written where."""
    files = own_tree(
        tmp_path,
        """
[questions.kind]
type = "choice"
choices = ["a", "b"]
help = "h"
[derived]
is_a = "kind == 'a'"
[[files]]
template = "one.jinja"
target = "{{ kind }}/one.txt"
[[files]]
template = "one.jinja"
target = "two.txt"
when = "not is_a"
""",
        one__jinja="{{ kind }} {{ is_a }}\n",
    )
    assert set(files) == {"a/one.txt", ANSWERS, BASE}
    assert files["a/one.txt"] == "a True\n"


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ('[[files]]\ntemplate = "one.jinja"\ntarget = "../x"', "is not a name"),
        ('[[files]]\ntemplate = "one.jinja"\ntarget = ".git/x"', "git's own folder"),
        (
            '[[files]]\ntemplate = "one.jinja"\ntarget = "x"\n'
            '[[files]]\ntemplate = "one.jinja"\ntarget = "X"',
            "both 'x' and 'X'",
        ),
        ('[[files]]\ntemplate = "one.jinja"\ntarget = "x.py"', "invalid Python, line 1"),
        ('[[files]]\ntemplate = "none.jinja"\ntarget = "x"', "none.jinja"),
        ('[[files]]\ntemplate = "one.jinja"\ntarget = "{{ no }}"', "'no' is undefined"),
        ('[[files]]\ntemplate = "one.jinja"\ntarget = "x"\nwhen = "no"', "'no' is undefined"),
        ('[derived]\na = "1 +"', "'1 \\+'"),
    ],
)
def test_broken_templates_are_named(manifest: str, message: str, tmp_path: Path) -> None:
    """Whatever is wrong with a template is a TemplateError that says where."""
    with pytest.raises(TemplateError, match=message):
        own_tree(tmp_path, manifest, one__jinja="no python\n")


def test_python_may_be_left_as_it_is(tmp_path: Path) -> None:
    """A template can ask that a Python file be neither formatted nor checked."""
    manifest = '[[files]]\ntemplate = "one.jinja"\ntarget = "x.py"\nformat = false'
    assert own_tree(tmp_path, manifest, one__jinja="x  =  1\n")["x.py"] == "x  =  1\n"


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_folder_without_manifest_is_named(content: bytes | None, tmp_path: Path) -> None:
    """A folder that is no template is an error that names it."""
    if content is not None:
        (tmp_path / "kscaffold.toml").write_bytes(content)
    with pytest.raises(TemplateError, match=r"no readable kscaffold\.toml") as error:
        load_template(tmp_path)
    assert str(tmp_path) in str(error.value)
