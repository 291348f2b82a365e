"""What the pages teach works as it is written there."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from kscaffold.project.filters import FILTERS
from kscaffold.project.sandbox import TESTS
from tests.cli.runner import kscaffold
from tests.generated.tutorial import commands, steps, take
from tests.projects import ROOT

PAGE = (ROOT / "docs" / "templates.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "examples" / "templates"
TUTORIAL, _, REFERENCE = PAGE.partition("## Reference\n")


@pytest.mark.slow
def test_the_tutorial_works_from_its_begin_to_its_end(tmp_path: Path) -> None:
    """Every file is written, every change is made, every command run and its output compared."""
    for step in steps(PAGE):
        take(step, tmp_path)
    projects = {path.parent.parent.name for path in tmp_path.glob("*/.kscaffold/answers.toml")}
    assert projects == {
        *("first", "second", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
    }
    [wheel] = tmp_path.glob("optimists/dist/*.whl")
    published = set(ZipFile(wheel).namelist())
    for path in (
        "kscaffold.toml",
        "algorithms/supervised/package/train.py.jinja",
        "project/CITATION.cff.jinja",
    ):
        assert f"optimists/template/{path}" in published


def test_every_block_of_the_tutorial_is_taken() -> None:
    """Each of its blocks is a step, and each command of a block is found."""
    blocks = list(steps(PAGE))
    assert len(blocks) == TUTORIAL.count("\n```") / 2
    found = [command for step in blocks for command, _ in commands(step.text)]
    assert len(found) == len(re.findall(r"^\$ ", TUTORIAL, re.MULTILINE))


def test_the_reference_has_every_key_of_the_manifest() -> None:
    """No key is left out: the schema has them all."""
    tables: list[dict[str, Any]] = [json.loads(kscaffold("template", "schema").stdout)]
    while tables:
        table = tables.pop()
        for name, part in table.get("properties", {}).items():
            if name not in ("function", "arguments"):
                assert f"`{name}`" in REFERENCE or f"[{name}" in REFERENCE, name
            below = (part, part.get("items"), part.get("additionalProperties"))
            tables += [each for each in below if isinstance(each, dict)]


def test_the_reference_has_every_filter_and_test() -> None:
    """What a template may use is listed, and nothing else."""
    listed = REFERENCE.partition("- Filters:")[2].partition("\n\n")[0]
    filters, _, tests = listed.partition("- Tests:")
    ours = {"quote", "markdown", "module_name", "file_name", "seen_from"}
    assert {*re.findall(r"`(\w+)`", filters)} - {"my_model"} == {*FILTERS, *ours}
    assert {*re.findall(r"`(\w+)`", tests)} == {*TESTS}


def test_the_readme_shows_the_examples_as_they_are(tmp_path: Path) -> None:
    """The code in its section on templates is theirs, line by line; its commands work."""
    shutil.copytree(EXAMPLES, tmp_path / "examples" / "templates")
    parts = [path for path in EXAMPLES.rglob("*") if path.suffix in (".toml", ".jinja")]
    lines = {line for path in parts for line in path.read_text(encoding="utf-8").splitlines()}
    shown = list(steps((ROOT / "README.md").read_text(encoding="utf-8"), "Your own templates"))
    assert {step.language for step in shown} == {"toml", "python", "console"}
    for step in shown:
        if step.language == "console":
            take(step, tmp_path)
        else:
            missing = {line for line in step.text.splitlines() if "(...)" not in line} - lines
            assert missing <= {""}
    assert "** 1.5" in (tmp_path / "focal/src/focal/trainer.py").read_text(encoding="utf-8")
    assert (tmp_path / "my-template/algorithms/supervised/package/trainer.py.jinja").exists()


def test_the_files_that_a_tutorial_names_are_there() -> None:
    """Links of the page lead somewhere, and the ejected block is one of ours."""
    for target in re.findall(r"\]\((\.\./[^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
    template = ROOT / "templates/algorithms/supervised/package/train.py.jinja"
    assert "#: block compile" in template.read_text(encoding="utf-8")
