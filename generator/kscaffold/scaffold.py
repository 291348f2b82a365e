"""The pipeline: Template and Answers become a Tree, in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from kscaffold import __version__
from kscaffold.answers import Answers, Tools, Value, to_toml
from kscaffold.format import format_python
from kscaffold.inspectors import INSPECTORS
from kscaffold.paths import check_distinct, check_path
from kscaffold.quoting import quote
from kscaffold.render import Renderer
from kscaffold.sources import Template
from kscaffold.tree import Tree, TreeFile

ANSWERS = ".kscaffold/answers.toml"
BASE = ".kscaffold/base.json"


@dataclass(frozen=True)
class Scaffold:
    """A template, ready to answer and to render."""

    template: Template
    renderer: Renderer
    tools: Tools


def prepare(template: Template, target_name: str) -> Scaffold:
    """Bring together what questions are answered with and what files are rendered with."""
    renderer = Renderer(template.root)
    tools = Tools(
        evaluator=renderer,
        inspect=lambda function, *arguments: INSPECTORS[function](*arguments),
        carried=lambda path: str(template.root / path),
        target_name=target_name,
    )
    return Scaffold(template, renderer, tools)


def build_tree(scaffold: Scaffold, answers: Answers) -> Tree:
    """Render every file that the answers call for, in the manifest's order.

    Raises:
        TemplateError: a template is broken, renders to invalid Python, or names a path that must
            not be written.
    """
    manifest, renderer = scaffold.template.manifest, scaffold.renderer
    values: dict[str, object] = {**answers.values, "kscaffold_version": __version__}
    for name, expression in manifest.derived.items():
        values[name] = renderer.value(expression, values)
    renderer.use_placeholders({key: str(values[n]) for key, n in manifest.placeholders.items()})

    files: list[TreeFile] = []
    for file in manifest.files:
        if file.when is not None and not renderer.value(file.when, values):
            continue
        path = check_path(renderer.text(file.target, values))
        text = renderer.file(file.template, values)
        if file.format and path.endswith(".py"):
            text = format_python(text, file.template, str(values.get("package", "")))
        files.append(TreeFile(path, text, file.executable))
    check_distinct(file.path for file in files)
    return (*files, *_record(scaffold.template, answers.values, files))


def _record(template: Template, values: Mapping[str, Value], files: list[TreeFile]) -> Tree:
    """Return the files that a later update works from: the answers and the text as rendered."""
    answers = (
        f"# What this project was made from; `kscaffold new PATH --data-file` takes it.\n"
        f"[kscaffold]\nversion = {quote(__version__)}\ntemplate = {quote(template.manifest.name)}\n"
        f"\n[answers]\n{to_toml(values)}"
    )
    base = {file.path: file.text for file in files}
    return (
        TreeFile(ANSWERS, answers),
        TreeFile(BASE, json.dumps(base, indent=0, ensure_ascii=False, sort_keys=True) + "\n"),
    )
