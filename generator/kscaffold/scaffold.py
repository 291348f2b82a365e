"""The pipeline: Template and Answers become a Tree, in memory."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

from kscaffold import __version__
from kscaffold.answers import Answers, Tools
from kscaffold.child import ChildError, run_in_child
from kscaffold.errors import AnswerError, KscaffoldError, TemplateError, place_named
from kscaffold.format import format_python
from kscaffold.hidden import has_secrets, hidden, masked, public
from kscaffold.inspectors import inspect
from kscaffold.manifest import File, Manifest, Value
from kscaffold.paths import check_distinct, check_path
from kscaffold.record import record_files
from kscaffold.render import Renderer
from kscaffold.sources import Template
from kscaffold.style import PYPROJECT, style_of
from kscaffold.tree import Tree, TreeFile

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


@dataclass(frozen=True)
class Rendered:
    """A file of a project, as far as it takes rendering.

    Attributes:
        path: where it goes.
        template: the file of the template.
        text: what is written; None: the bytes of the template's file.
        executable: whether the file gets the executable bits.
        pristine: the text without the secret answers in it; None: there are none.
    """

    path: str
    template: str
    text: str | None
    executable: bool
    pristine: str | None = None


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
    render = _rendered_within_bounds if scaffold.template.is_foreign else render_files
    made = render(scaffold, answers)
    files = tuple(_tree_file(scaffold.renderer, each) for each in made)
    base = {
        file.path: file.content if each.pristine is None else each.pristine
        for file, each in zip(files, made, strict=True)
    }
    values = public(scaffold.template.manifest, answers).values
    return (*files, *record_files(scaffold.template, scaffold.target, values, base))


def _tree_file(renderer: Renderer, made: Rendered) -> TreeFile:
    content = renderer.copied(made.template) if made.text is None else made.text
    return TreeFile(made.path, content, made.executable, made.pristine is not None)


def _rendered_within_bounds(scaffold: Scaffold, answers: Answers) -> tuple[Rendered, ...]:
    """Render the files in a child process.

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
    if "error" in report:
        kind = AnswerError if report["answer"] else TemplateError
        raise kind(report["error"], report["details"])
    return tuple(Rendered(*fields) for fields in report["files"])


def _report(scaffold: Scaffold, answers: Answers) -> dict[str, Any]:
    try:
        made = render_files(scaffold, answers)
    except KscaffoldError as error:
        answer = isinstance(error, AnswerError)
        return {"error": str(error), "details": error.details, "answer": answer}
    except MemoryError:
        return {"error": "the template needs too much memory", "details": (), "answer": False}
    return {"files": [astuple(each) for each in made]}


def derived_values(scaffold: Scaffold, answers: Answers) -> dict[str, object]:
    """Return the answers and all that follows from them; raises `TemplateError`."""
    values: dict[str, object] = {**answers.values, "kscaffold_version": __version__}
    manifest = scaffold.template.manifest
    for name, expression in manifest.derived.items():
        with place_named(manifest.place_of(f"derived.{name}")):
            values[name] = scaffold.renderer.value(expression, values)
    return values


def render_files(scaffold: Scaffold, answers: Answers) -> tuple[Rendered, ...]:
    """Render every file here, in this process; raises like `build_tree`."""
    manifest = scaffold.template.manifest
    with answers_named(manifest, answers):
        files = _files(scaffold, answers, is_guarded=scaffold.template.is_foreign)
    if not has_secrets(manifest, answers):
        return files
    pristine = _without_secrets(scaffold, answers, files)
    return tuple(
        file if text == file.text else replace(file, pristine=text)
        for file, text in zip(files, pristine, strict=True)
    )


@contextmanager
def answers_named(manifest: Manifest, answers: Answers) -> Iterator[None]:
    """Say with which answers it was that a template goes wrong within, and no secret of them."""
    try:
        yield
    except TemplateError as error:
        message = hidden(str(error), manifest, answers.values)
        raise TemplateError(f"{message} ({_asked(manifest, answers)})", error.details) from None


def _files(
    scaffold: Scaffold, answers: Answers, *, is_guarded: bool = False
) -> tuple[Rendered, ...]:
    manifest, renderer = scaffold.template.manifest, scaffold.renderer
    values = derived_values(scaffold, answers)
    renderer.use_placeholders({key: str(values[n]) for key, n in manifest.placeholders.items()})
    listed = [file for file in manifest.files if _applies(file, renderer, values)]
    files = [_rendered(file, renderer, values) for file in listed]
    check_distinct(file.path for file in files)
    if is_guarded:
        _guard(scaffold, answers, files)
    style = style_of(next((_text(f, renderer) for f in files if f.path == PYPROJECT), ""))
    package = str(values.get("package", ""))
    return tuple(
        (
            replace(made, text=format_python(made.text, file.template, package, style))
            if file.format and made.path.endswith(".py") and made.text is not None
            else made
        )
        for file, made in zip(listed, files, strict=True)
    )


def _guard(scaffold: Scaffold, answers: Answers, files: list[Rendered]) -> None:
    """Refuse an answer that a template takes for more than text; raises `AnswerError`."""
    from kscaffold.guard import Guard

    @functools.cache
    def derived(*values: tuple[str, Value]) -> dict[str, object]:
        return derived_values(scaffold, replace(answers, values=dict(values)))

    def render(template: str, values: Mapping[str, Value]) -> str:
        return scaffold.renderer.file(template, derived(*values.items()))

    guard = Guard(scaffold.template.manifest, answers.values, render)
    for file in files:
        if file.text is not None:
            guard.check(file.template, file.path, file.text)


def _text(file: Rendered, renderer: Renderer) -> str:
    return (
        renderer.copied(file.template).decode(errors="replace") if file.text is None else file.text
    )


def _without_secrets(
    scaffold: Scaffold, answers: Answers, files: tuple[Rendered, ...]
) -> list[str | None]:
    """Return each file's text as it is without the secrets; None: it is copied.

    It is rendered once more, since a template may have changed what was typed, as quotes do.
    """
    manifest = scaffold.template.manifest
    try:
        texts = {file.path: file.text for file in _files(scaffold, masked(manifest, answers))}
        return [texts[file.path] for file in files]
    except (KscaffoldError, KeyError):  # a secret that is more than text to the template
        return [
            None if file.text is None else hidden(file.text, manifest, answers.values)
            for file in files
        ]


def _applies(file: File, renderer: Renderer, values: Mapping[str, object]) -> bool:
    if file.when is None:
        return True
    with place_named(f"{file.place} when"):
        return bool(renderer.value(file.when, values))


def _rendered(file: File, renderer: Renderer, values: Mapping[str, object]) -> Rendered:
    with place_named(f"{file.place} target"):
        path = check_path(renderer.text(file.target, values))
    if not file.template.endswith(".jinja"):
        return Rendered(path, file.template, None, file.executable)
    text = renderer.file(file.template, values)
    if len(text) > MAX_BYTES:
        raise TemplateError(f"{file.template}: renders to more than {MAX_BYTES} characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise TemplateError(f"{file.template}: renders to half of a surrogate pair") from None
    return Rendered(path, file.template, text, file.executable)


def _asked(manifest: Manifest, answers: Answers) -> str:
    """Return the answers that are not the defaults, as options, for an error."""
    given = [
        name if (value := answers.chosen[name]) is True else f"{name}={value}"
        for name in answers.chosen
        if not manifest.questions[name].secret
    ]
    return f"with {', '.join(given)}" if given else "with the default answers"
