"""The pipeline: Template and Answers become a Tree, in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kscaffold import __version__
from kscaffold.answers import Answers, Tools, to_toml
from kscaffold.child import ChildError, run_in_child
from kscaffold.errors import AnswerError, KscaffoldError, TemplateError, place_named
from kscaffold.format import format_python
from kscaffold.hidden import has_secrets, hidden, masked, public
from kscaffold.inspectors import inspect
from kscaffold.manifest import File, Manifest, Value
from kscaffold.origins import BUILT_IN, record
from kscaffold.paths import check_distinct, check_path
from kscaffold.quoting import quote
from kscaffold.render import Renderer
from kscaffold.sources import Template
from kscaffold.style import style_of
from kscaffold.tree import Tree, TreeFile

ANSWERS = ".kscaffold/answers.toml"
BASE = ".kscaffold/base.json"
# CPU time in seconds: for the pattern of a question; for a whole template; for each file of it,
# which black may have to format.
MATCH_SECONDS = 1.0
SECONDS = 4.0
SECONDS_A_FILE = 0.05
# Nobody writes so much by hand; a template that goes on and on fills no disk.
MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Scaffold:
    """A template, ready to answer and to render for a target."""

    template: Template
    renderer: Renderer
    tools: Tools
    target: Path


def prepare(template: Template, target_name: str, target: Path | None = None) -> Scaffold:
    """Bring together what questions are answered with and what files are rendered with.

    Args:
        template: the template.
        target_name: the last component of the project's path, for defaults.
        target: the project's folder, which recorded paths start from.
    """
    renderer = Renderer(template.layers)
    tools = Tools(
        evaluator=renderer,
        inspect=inspect,
        carried=lambda path: str(template.layers.top(path).path_of(path)),
        target_name=target_name,
        **({"matches": _matches_within_bounds} if template.is_foreign else {}),
    )
    return Scaffold(template, renderer, tools, target or Path(target_name))


def _matches_within_bounds(pattern: str, text: str) -> bool:
    """Match a pattern of somebody else's, which may take for ever."""
    try:
        return bool(run_in_child(lambda: bool(re.fullmatch(pattern, text)), MATCH_SECONDS))
    except ChildError as error:
        raise TemplateError(f"the pattern {pattern!r}: to match an answer {error}") from None


def build_tree(scaffold: Scaffold, answers: Answers) -> Tree:
    """Render every file that the answers call for, in the manifest's order.

    A template that is not our own is rendered in a child process: the sandbox keeps it from files
    and from code, and limits of the operating system end what would go on without end.

    Raises:
        TemplateError: a template is broken, renders to invalid Python, names a path that must
            not be written, or does not come to an end.
    """
    if scaffold.template.is_foreign:
        return _build_within_bounds(scaffold, answers)
    return render_tree(scaffold, answers)


def _build_within_bounds(scaffold: Scaffold, answers: Answers) -> Tree:
    """Render the tree in a child process.

    Raises:
        TemplateError: what the child reports, or that it took too long or too much memory.
    """
    seconds = SECONDS + SECONDS_A_FILE * len(scaffold.template.manifest.files)
    try:
        report = run_in_child(lambda: _report(scaffold, answers), seconds)
    except ChildError as error:
        raise TemplateError(
            f"the template: to render it {error}; is there a loop without end?"
        ) from None
    return _tree_of(report)


def _report(scaffold: Scaffold, answers: Answers) -> dict[str, Any]:
    try:
        tree = render_tree(scaffold, answers)
    except KscaffoldError as error:
        answer = isinstance(error, AnswerError)
        return {"error": str(error), "details": error.details, "answer": answer}
    except MemoryError:
        return {"error": "the template needs too much memory", "details": (), "answer": False}
    return {"files": [[f.path, f.text, f.executable, f.secret] for f in tree]}


def _tree_of(report: dict[str, Any]) -> Tree:
    if "error" in report:
        kind = AnswerError if report["answer"] else TemplateError
        raise kind(report["error"], report["details"])
    return tuple(TreeFile(*fields) for fields in report["files"])


def derived_values(scaffold: Scaffold, answers: Answers) -> dict[str, object]:
    """Return the answers and all that follows from them; raises `TemplateError`."""
    values: dict[str, object] = {**answers.values, "kscaffold_version": __version__}
    manifest = scaffold.template.manifest
    for name, expression in manifest.derived.items():
        with place_named(manifest.place_of(f"derived.{name}")):
            values[name] = scaffold.renderer.value(expression, values)
    return values


def render_tree(scaffold: Scaffold, answers: Answers) -> Tree:
    """Render every file here, in this process; raises like `build_tree`."""
    manifest = scaffold.template.manifest
    with answers_named(manifest, answers):
        files = _files(scaffold, answers)
    base = {file.path: file.text for file in files}
    if has_secrets(manifest, answers):
        base = _without_secrets(scaffold, answers, files)
        files = tuple(replace(file, secret=base.get(file.path) != file.text) for file in files)
    return (*files, *_record(scaffold, public(manifest, answers).values, base))


@contextmanager
def answers_named(manifest: Manifest, answers: Answers) -> Iterator[None]:
    """Say with which answers it was that a template goes wrong within, and no secret of them."""
    try:
        yield
    except TemplateError as error:
        message = hidden(str(error), manifest, answers.values)
        raise TemplateError(f"{message} ({_asked(manifest, answers)})", error.details) from None


def _files(scaffold: Scaffold, answers: Answers) -> Tree:
    manifest, renderer = scaffold.template.manifest, scaffold.renderer
    values = derived_values(scaffold, answers)
    renderer.use_placeholders({key: str(values[n]) for key, n in manifest.placeholders.items()})
    listed = [file for file in manifest.files if _applies(file, renderer, values)]
    files = [_rendered(file, renderer, values) for file in listed]
    check_distinct(file.path for file in files)
    style = style_of(files)
    package = str(values.get("package", ""))
    return tuple(
        (
            replace(made, text=format_python(made.text, file.template, package, style))
            if file.format and made.path.endswith(".py")
            else made
        )
        for file, made in zip(listed, files, strict=True)
    )


def _without_secrets(scaffold: Scaffold, answers: Answers, files: Tree) -> dict[str, str]:
    """Return each file's text by its path, as it is without the secrets.

    It is rendered once more, since a template may have changed what was typed, as quotes do.
    """
    manifest = scaffold.template.manifest
    try:
        return {file.path: file.text for file in _files(scaffold, masked(manifest, answers))}
    except KscaffoldError:  # a secret that is more than text to the template
        return {file.path: hidden(file.text, manifest, answers.values) for file in files}


def _applies(file: File, renderer: Renderer, values: Mapping[str, object]) -> bool:
    if file.when is None:
        return True
    with place_named(f"{file.place} when"):
        return bool(renderer.value(file.when, values))


def _rendered(file: File, renderer: Renderer, values: Mapping[str, object]) -> TreeFile:
    with place_named(f"{file.place} target"):
        path = check_path(renderer.text(file.target, values))
    text = renderer.file(file.template, values)
    if len(text) > MAX_BYTES:
        raise TemplateError(f"{file.template}: renders to more than {MAX_BYTES} characters")
    return TreeFile(path, text, file.executable)


def _asked(manifest: Manifest, answers: Answers) -> str:
    """Return the answers that are not the defaults, as options, for an error."""
    given = [
        name if (value := answers.chosen[name]) is True else f"{name}={value}"
        for name in answers.chosen
        if not manifest.questions[name].secret
    ]
    return f"with {', '.join(given)}" if given else "with the default answers"


def _record(scaffold: Scaffold, values: Mapping[str, Value], base: Mapping[str, str]) -> Tree:
    """Return the files that a later update works from: the answers and the text as rendered."""
    template = scaffold.template
    layers = "".join(
        record(layer.name, origin, scaffold.target)
        for layer, origin in zip(template.layers, template.origins, strict=True)
        if origin.kind != BUILT_IN
    )
    answers = (
        f"# What this project was made from; `kscaffold new PATH --data-file` takes it.\n"
        f"[kscaffold]\nversion = {quote(__version__)}\ntemplate = {quote(template.manifest.name)}\n"
        f"{layers}\n[answers]\n{to_toml(values)}"
    )
    return (
        TreeFile(ANSWERS, answers),
        TreeFile(BASE, json.dumps(base, indent=0, ensure_ascii=False, sort_keys=True) + "\n"),
    )
