"""The JSON schema of kscaffold.toml, made from the types of its tables and their docstrings."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from kscaffold.template.manifest.tables import ManifestTable

_ATTRIBUTE = re.compile(r"^ {8}(\w+): (.+?)(?=^ {8}\w|\Z)", re.MULTILINE | re.DOTALL)


def manifest_schema() -> dict[str, Any]:
    """Return the JSON schema, for editors."""
    _, tables = msgspec.json.schema_components([ManifestTable], ref_template="{name}")
    for table in tables.values():
        about, _, attributes = table.pop("description").partition("Attributes:")
        table["description"] = " ".join(about.split())
        for name, text in _ATTRIBUTE.findall(attributes):
            table["properties"][name]["description"] = " ".join(text.split())
    tables["RuleTable"]["anyOf"] = [{"required": [key]} for key in ("requires", "conflicts")]
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "kscaffold.toml"}
    return {**_inlined(tables["ManifestTable"], tables), **schema}


def _inlined(part: Any, tables: dict[str, Any]) -> Any:
    """Return a part with its references resolved, and without null, which TOML lacks."""
    if isinstance(part, list):
        return [_inlined(each, tables) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        part = {**tables[part.pop("$ref")], **part}
        part.pop("title", None)
    if "anyOf" in part:
        part["anyOf"] = [each for each in part["anyOf"] if each != {"type": "null"}]
    if len(part.get("anyOf", ())) == 1:
        part = {**_inlined(part.pop("anyOf")[0], tables), **part}
    return {key: _inlined(each, tables) for key, each in part.items() if each not in (None, [])}
