"""The record that a project keeps for updates: the answers, and the rendered files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from kscaffold import __version__
from kscaffold.errors import AnswerError
from kscaffold.project.tree import Tree, TreeFile, is_text
from kscaffold.safety.escaping import quote
from kscaffold.safety.files import MAX_TEXT, read_regular
from kscaffold.template.manifest import Value
from kscaffold.template.parts import BUILT_IN, Part
from kscaffold.template.stack import Template
from kscaffold.toml import TomlError, parse_toml

ANSWERS = ".kscaffold/answers.toml"
BASE = ".kscaffold/base.json"


def record_files(
    template: Template, target: Path, values: Mapping[str, Value], base: Mapping[str, str | bytes]
) -> Tree:
    """Return the files of the record; `values` and the contents in `base` have no secrets."""
    layers = "".join(
        _layer(part, target) for part in template.stack if part.origin.kind != BUILT_IN
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


def _layer(part: Part, project: Path) -> str:
    """Return a layer as TOML.

    A path is recorded both as absolute and relative to the project, so that the template is found
    after the project moves, and after both move together.
    """
    origin = part.origin
    values = {"name": part.layer.name, "kind": origin.kind, "source": origin.source}
    if origin.kind in ("folder", "zip"):
        with suppress(ValueError):  # on another drive of Windows
            values["relative"] = Path(os.path.relpath(origin.source, project)).as_posix()
    values |= vars(origin)
    lines = (f"{key} = {quote(value)}\n" for key, value in values.items() if value is not None)
    return "\n[[kscaffold.layers]]\n" + "".join(lines)


def _kept(content: str | bytes) -> str | dict[str, str]:
    """Return a text as it is, and the digest of other bytes."""
    if isinstance(content, str):
        return content
    if is_text(content):
        return content.decode()
    return {"sha256": hashlib.sha256(content).hexdigest()}


def to_toml(values: Mapping[str, Value]) -> str:
    """Return answers as TOML, without those that are None."""
    return "".join(
        f"{name} = {str(value).lower() if isinstance(value, bool) else quote(value)}\n"
        for name, value in values.items()
        if value is not None
    )


def read_data_file(path: Path) -> dict[str, object]:
    """Read answers from flat TOML, or the answers.toml of a project; raises `AnswerError`."""
    try:
        values = parse_toml(read_regular(path, MAX_TEXT))
    except (OSError, TomlError) as error:
        reason = getattr(error, "strerror", None) or f"is not valid TOML: {error}"
        raise AnswerError(reason, place="--data-file", key=str(path)) from None
    answers = values.get("answers")
    return dict(answers) if isinstance(answers, dict) and "kscaffold" in values else values
