"""What a project keeps for a later update: the answers, and the files as they were rendered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from kscaffold import __version__
from kscaffold.project.answers import to_toml
from kscaffold.project.tree import Tree, TreeFile, is_text
from kscaffold.safety.escaping import quote
from kscaffold.template.manifest import Value
from kscaffold.template.origins import BUILT_IN, record
from kscaffold.template.sources import Template

ANSWERS = ".kscaffold/answers.toml"
BASE = ".kscaffold/base.json"


def record_files(
    template: Template,
    target: Path,
    values: Mapping[str, Value],
    base: Mapping[str, str | bytes],
) -> Tree:
    """Return the files of the record.

    Args:
        template: what the project is made from.
        target: the project's folder, which paths of templates are told from.
        values: the answers, without secrets.
        base: the content of each file, without secrets.
    """
    layers = "".join(
        record(each.layer.name, each.origin, target)
        for each in template.stack
        if each.origin.kind != BUILT_IN
    )
    name = template.manifest.template.name
    answers = (
        f"# What this project was made from; `kscaffold new PATH --data-file` takes it.\n"
        f"[kscaffold]\nversion = {quote(__version__)}\ntemplate = {quote(name)}\n"
        f"{layers}\n[answers]\n{to_toml(values)}"
    )
    kept = {path: _kept(content) for path, content in base.items()}
    return (
        TreeFile(ANSWERS, answers),
        TreeFile(BASE, json.dumps(kept, indent=0, ensure_ascii=False, sort_keys=True) + "\n"),
    )


def _kept(content: str | bytes) -> str | dict[str, str]:
    """Return a text as it is; of other bytes their digest, which tells whether they change."""
    if isinstance(content, str):
        return content
    if is_text(content):
        return content.decode()
    return {"sha256": hashlib.sha256(content).hexdigest()}
