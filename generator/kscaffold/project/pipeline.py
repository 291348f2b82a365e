"""The pipeline: Template and Answers become a Tree, in memory."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

from msgspec import convert, to_builtins

from kscaffold import __version__
from kscaffold.errors import AnswerError, KscaffoldError, Place, TemplateError, place_named
from kscaffold.project.answers import Answers, Tools, find_values, readable
from kscaffold.project.format import format_python
from kscaffold.project.inspectors import inspect
from kscaffold.project.record import record_files
from kscaffold.project.redaction import has_secrets, hidden, masked, public
from kscaffold.project.render import Renderer
from kscaffold.project.style import PYPROJECT, style_of
from kscaffold.project.tree import Tree, TreeFile
from kscaffold.safety.child_process import ChildError, run_in_child
from kscaffold.safety.files import read_regular
from kscaffold.safety.paths import check_distinct, check_path, path_problem
from kscaffold.template.manifest import File, Question, Value
from kscaffold.template.sources import Template

# CPU time in seconds: for the pattern of a question; for a whole template; for each file of it,
# which black may have to format.
MATCH_SECONDS = 1.0
SECONDS = 4.0
SECONDS_A_FILE = 0.05
# Nobody writes so much by hand; a template that goes on and on fills no disk.
MAX_BYTES = 64 * 1024 * 1024
_EXPRESSION = re.compile(r"{{.*?}}")


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
        source: a file of the user's that is copied in place of the template's; "": none.
    """

    path: str
    template: str
    text: str | None
    executable: bool
    pristine: str | None = None
    source: str = ""


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
        carried=lambda path: str(template.everything.top(path).path_of(path)),
        target_name=target_name,
        **({"matches": _matches_within_bounds} if template.is_foreign else {}),
    )
    return Scaffold(template, renderer, tools, target or Path(target_name))


def choose(scaffold: Scaffold, answers: Answers) -> Scaffold:
    """Return the scaffold with the folders that the answers choose; raises `TemplateError`."""
    template = scaffold.template.chosen(answers.values)
    if template is scaffold.template:
        return scaffold
    return replace(scaffold, template=template, renderer=Renderer(template.layers))


def _matches_within_bounds(pattern: str, text: str) -> bool:
    """Match a pattern of somebody else's, which may take for ever."""
    try:
        return bool(run_in_child(lambda: bool(re.fullmatch(pattern, text)), MATCH_SECONDS))
    except ChildError as error:
        raise TemplateError(f"{pattern!r}: to match an answer {error}") from None


def build_tree(scaffold: Scaffold, answers: Answers) -> Tree:
    """Render every file that the answers call for, in the manifest's order.

    A template that is not our own is rendered in a child process: the sandbox keeps it from files
    and from code, and limits of the operating system end what would go on without end.

    Raises:
        TemplateError: a template is broken, renders to invalid Python, names a path that must
            not be written, or does not come to an end.
    """
    scaffold = choose(scaffold, answers)
    answers = find_values(scaffold.template.manifest, answers, scaffold.tools)
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
    content = _copied(renderer, made) if made.text is None else made.text
    return TreeFile(made.path, content, made.executable, made.pristine is not None)


def _copied(renderer: Renderer, made: Rendered) -> bytes:
    if not made.source:
        return renderer.copied(made.template)
    try:
        return read_regular(Path(made.source), MAX_BYTES)
    except OSError as error:
        reason = f"{made.source} cannot be copied: {error.strerror}"
        raise AnswerError(reason, hint="leave it where it is") from None


def _rendered_within_bounds(scaffold: Scaffold, answers: Answers) -> tuple[Rendered, ...]:
    """Render the files in a child process.

    Raises:
        TemplateError: what the child reports, or that it took too long or too much memory.
    """
    seconds = SECONDS + SECONDS_A_FILE * len(scaffold.template.manifest.files)
    try:
        report = run_in_child(lambda: _report(scaffold, answers), seconds)
    except ChildError as error:
        reason, hint = f"the template: to render it {error}", "is there a loop without end?"
        raise TemplateError(reason, hint=hint) from None
    if "error" in report:
        place = convert(report["error"].pop("place", ""), Place | str)
        kind = AnswerError if report["is_answer"] else TemplateError
        raise kind(**report["error"], place=place)
    return tuple(Rendered(*fields) for fields in report["files"])


def _report(scaffold: Scaffold, answers: Answers) -> dict[str, Any]:
    try:
        made = render_files(scaffold, answers)
    except KscaffoldError as error:
        return {"is_answer": isinstance(error, AnswerError), "error": to_builtins(vars(error))}
    except MemoryError:
        return {"is_answer": False, "error": {"reason": "the template needs too much memory"}}
    return {"files": [astuple(each) for each in made]}


def derived_values(scaffold: Scaffold, answers: Answers) -> dict[str, object]:
    """Return the answers and all that follows from them; raises `TemplateError`."""
    scaffold = choose(scaffold, answers)
    manifest = scaffold.template.manifest
    found = find_values(manifest, answers, scaffold.tools).found or {}
    values: dict[str, object] = {**answers.values, **found, "kscaffold_version": __version__}
    for name, expression in manifest.derived.items():
        with place_named(manifest.place_of("derived", name), name):
            values[name] = scaffold.renderer.value(expression, values)
    return values


def render_files(scaffold: Scaffold, answers: Answers) -> tuple[Rendered, ...]:
    """Render every file here, in this process; raises like `build_tree`."""
    manifest = scaffold.template.manifest
    files = _files(scaffold, answers, is_guarded=scaffold.template.is_foreign)
    if not has_secrets(manifest, answers):
        return files
    pristine = _without_secrets(scaffold, answers, files)
    return tuple(
        file if text == file.text else replace(file, pristine=text)
        for file, text in zip(files, pristine, strict=True)
    )


def _files(
    scaffold: Scaffold, answers: Answers, *, is_guarded: bool = False
) -> tuple[Rendered, ...]:
    manifest, renderer = scaffold.template.manifest, scaffold.renderer
    values = derived_values(scaffold, answers)
    renderer.use_placeholders({key: str(values[n]) for key, n in manifest.placeholders.items()})
    listed = [file for file in manifest.files if _applies(file, renderer, values)]
    files = [
        replace(_rendered(file, scaffold, values), source=_source(file, scaffold, answers))
        for file in listed
    ]
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
    """Refuse an answer that changes what a file means; raises `AnswerError`."""
    from kscaffold.project.guard import Guard

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
    with place_named(file.place, "when"):
        return bool(renderer.value(file.when, values))


def _rendered(file: File, scaffold: Scaffold, values: Mapping[str, object]) -> Rendered:
    path = _target(file, scaffold, values)
    if not file.template.endswith(".jinja"):
        return Rendered(path, file.template, None, file.executable)
    text = scaffold.renderer.file(file.template, values)
    if len(text) > MAX_BYTES:
        raise TemplateError(f"renders to more than {MAX_BYTES} characters", place=file.template)
    try:
        text.encode()
    except UnicodeEncodeError:
        reason = "renders to half of a surrogate pair"
        raise TemplateError(reason, place=file.template) from None
    return Rendered(path, file.template, text, file.executable)


def _source(file: File, scaffold: Scaffold, answers: Answers) -> str:
    """Return the user's file that is copied; "": it is one of the template's."""
    if file.answer is None:
        return ""
    question = scaffold.template.manifest.questions[file.answer]
    if answers.values[file.answer] in question.carried:
        return ""
    with place_named(file.place, "answer"):
        return readable(question, answers.values, {*answers.chosen}, scaffold.tools)


def _target(file: File, scaffold: Scaffold, values: Mapping[str, object]) -> str:
    """Return where a file goes.

    Raises:
        AnswerError: it is an answer that makes the path impossible.
        TemplateError: it is the template.
    """
    with place_named(file.place, "target"):
        path = scaffold.renderer.text(file.target, values)
        if path_problem(path) and (question := _question_to_blame(file.target, scaffold)):
            raise AnswerError(f"makes the path {path!r}: {path_problem(path)}", key=question.option)
        return check_path(path)


def _question_to_blame(target: str, scaffold: Scaffold) -> Question | None:
    """Return the first question that a target depends on; None: no answer makes it a good path."""
    if path_problem(_EXPRESSION.sub("x", target)):
        return None
    manifest, names = scaffold.template.manifest, scaffold.renderer.names(target)
    for name, expression in [*manifest.derived.items()][::-1]:
        if name in names:
            names |= scaffold.renderer.names(f"{{{{ {expression} }}}}")
    return next((each for name, each in manifest.questions.items() if name in names), None)
