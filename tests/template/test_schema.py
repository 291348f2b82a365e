"""The JSON schema says of a manifest what the reader says of it."""

from __future__ import annotations

import json
import tomllib
from typing import Any, get_args

import jsonschema
import pytest

from kscaffold.errors import TemplateError
from kscaffold.project.inspectors import INSPECTORS
from kscaffold.template.manifest.tables import Inspector
from tests.cli.runner import kscaffold
from tests.projects import ROOT
from tests.template.manifest_reference import PAGE, written
from tests.template.own_templates import read

HEAD = '[template]\nname = "t"\ndescription = "d"\n'
QUESTION = f'{HEAD}[questions.a]\nhelp = "A."\n'
MANIFESTS = [ROOT / "templates", *sorted((ROOT / "examples" / "templates").iterdir())]


def schema() -> dict[str, Any]:
    """The schema, as the command prints it."""
    result = kscaffold("template", "schema")
    assert result.exit_code == 0
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


def refusals(text: str) -> list[str]:
    """What the schema finds wrong with a manifest."""
    validator = jsonschema.Draft7Validator(schema())
    return [error.message for error in validator.iter_errors(tomllib.loads(text))]


@pytest.mark.parametrize("folder", MANIFESTS, ids=lambda folder: folder.name)
def test_our_manifests_fit_the_schema(folder: Any) -> None:
    """The built-in template and the examples are what the schema describes."""
    assert refusals((folder / "kscaffold.toml").read_text(encoding="utf-8")) == []


def test_the_schema_is_one() -> None:
    """It is a schema itself, and describes every key for an editor to show."""
    jsonschema.Draft7Validator.check_schema(schema())
    tables = [schema()]
    while tables:
        for name, part in tables.pop().get("properties", {}).items():
            tables += [part, part.get("items", {}), part.get("additionalProperties") or {}]
            tables = [table for table in tables if isinstance(table, dict)]
            assert "description" in part or "enum" in part, name


PARTS = {
    "": (HEAD.replace("[template]", "{key}\n[template]"), "extends remove"),
    "template": (f"{HEAD}{{key}}\n", "minimum_version"),
    "messages": (f"{HEAD}[messages]\n{{key}}\n", "before after"),
    "test": (f"{HEAD}[test]\n{{key}}\n", "train needs"),
    "questions": (
        f'{QUESTION}type = "str"\n{{key}}\n',
        "default otherwise when after pattern message max_length required secret reserved"
        " must_exist carried inspect validate",
    ),
    "rules": (
        f'{QUESTION}type = "str"\n[[rules]]\nwhen = "a"\nmessage = "m"\n'
        'requires = {{ a = "b" }}\n{key}\n',
        "conflicts",
    ),
    "files": (
        f'{HEAD}[[files]]\ntemplate = "a"\ntarget = "a"\n{{key}}\n',
        "when mode format",
    ),
    "after": (f'{HEAD}[[after]]\nrun = ["a"]\n{{key}}\n', "when"),
}


def keys_of(part: str) -> dict[str, Any]:
    """The keys of a table that the schema knows; those of the whole manifest for ""."""
    keys: dict[str, Any] = schema()["properties"]
    if part:
        table = keys[part]
        inner = table["additionalProperties"] if part == "questions" else table.get("items", table)
        keys = inner["properties"]
    return keys


@pytest.mark.parametrize("part", PARTS)
def test_both_refuse_what_neither_knows(part: str) -> None:
    """A key that the reader does not know is none of the schema's."""
    text = PARTS[part][0].format(key="colour = 1")
    with pytest.raises(TemplateError, match="colour: unknown key"):
        read(text)
    assert any("colour" in message for message in refusals(text))


@pytest.mark.parametrize(
    ("part", "key"), [(part, key) for part in PARTS for key in PARTS[part][1].split()]
)
def test_both_know_the_same_keys(part: str, key: str) -> None:
    """A value of no possible type is refused for its type by both, not as unknown."""
    text = PARTS[part][0].format(key=f"{key} = 1979-05-27")
    with pytest.raises(TemplateError, match=rf"{key}\W+must be|extends") as error:
        read(text)
    assert "unknown" not in str(error.value)
    assert not any("unexpected" in message for message in refusals(text))
    assert key in keys_of(part)


@pytest.mark.parametrize(
    "lines",
    [
        'type = "colour"',
        'type = "choice"\nchoices = [1]',
        'type = "str"\nvalidate = "email"',
        'type = "str"\nrequired = 1',
        'type = "str"\n[[files]]\ntemplate = "a"',
        'type = "str"\n[[files]]\ntemplate = "a"\ntarget = "b"\nmode = "777"',
        'type = "str"\n[[rules]]\nwhen = "a"\nmessage = "m"',
        'type = "str"\n[[after]]\nrun = []',
        'type = "str"\n[derived]\nb = 1',
    ],
)
def test_both_refuse_what_fits_nowhere(lines: str) -> None:
    """What the schema can tell, an editor tells while one types."""
    text = f"{QUESTION}{lines}\n"
    with pytest.raises(TemplateError):
        read(text)
    assert refusals(text)


def test_the_reference_has_all_keys() -> None:
    """The tables of docs/templates.md are those that `make reference` writes."""
    page = PAGE.read_text(encoding="utf-8")
    assert written(page) == page, "run `make reference`"


def test_inspectors_are_those_that_there_are() -> None:
    """The type of a manifest names each inspector, and no other one."""
    assert get_args(Inspector) == tuple(INSPECTORS)
