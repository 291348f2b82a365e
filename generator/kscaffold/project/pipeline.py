"""The pipeline: Template and Answers become a Tree, in memory."""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

from msgspec import convert, to_builtins

from kscaffold.errors import AnswerError, KscaffoldError, Place, TemplateError
from kscaffold.project.answers import Answers, Tools
from kscaffold.project.files import Rendered, Rendering
from kscaffold.project.inspectors import inspect
from kscaffold.project.record import record_files
from kscaffold.project.redaction import public
from kscaffold.project.render import Renderer
from kscaffold.project.tree import Tree, TreeFile
from kscaffold.safety.child_process import ChildError, run_in_child
from kscaffold.template.stack import Template

# CPU time in seconds: for the pattern of a question; for a whole template; for each file of it,
# which black may have to format.
MATCH_SECONDS = 1.0
SECONDS = 4.0
SECONDS_A_FILE = 0.05


@dataclass(frozen=True)
class Scaffold:
    """A template, ready to answer and to render for a target."""

    template: Template
    renderer: Renderer
    tools: Tools
    target: Path

    @property
    def rendering(self) -> Rendering:
        """What renders the template's files."""
        return Rendering(self.template.manifest, self.renderer)


def prepare(template: Template, target_name: str, target: Path | None = None) -> Scaffold:
    """Bring together what questions are answered with and what files are rendered with.

    Args:
        template: the template.
        target_name: the last component of the project's path, for defaults.
        target: the project's folder, which recorded paths start from.
    """
    renderer = Renderer(template.layers)
    tools = Tools(
        renderer=renderer,
        inspect=inspect,
        carried=lambda path: str(template.everything.top(path).path_of(path)),
        target_name=target_name,
        **({"matches": _matches_within_limits} if template.is_foreign else {}),
    )
    return Scaffold(template, renderer, tools, target or Path(target_name))


def choose(scaffold: Scaffold, answers: Answers) -> Scaffold:
    """Return the scaffold with the folders that the answers choose; raises `TemplateError`."""
    template = scaffold.template.chosen(answers.values)
    if template is scaffold.template:
        return scaffold
    return replace(scaffold, template=template, renderer=Renderer(template.layers))


def derived_values(scaffold: Scaffold, answers: Answers) -> dict[str, object]:
    """Return the answers and all that follows from them; raises `TemplateError`."""
    return choose(scaffold, answers).rendering.derived(answers.values)


def build_tree(scaffold: Scaffold, answers: Answers) -> Tree:
    """Render every file that the answers call for, in the manifest's order.

    A template that is not our own is rendered in a child process: the sandbox keeps it from files
    and from code, and limits of the operating system end what would go on without end.

    Raises:
        TemplateError: a template is broken, renders to invalid Python, names a path that must
            not be written, or does not come to an end.
    """
    scaffold = choose(scaffold, answers)
    template, renderer = scaffold.template, scaffold.renderer
    files, base = [], {}
    for each in _rendered(scaffold, answers):
        content = renderer.copied(each.template) if each.text is None else each.text
        is_secret = each.pristine is not None
        files.append(TreeFile(each.path, content, each.executable, is_secret))
        base[each.path] = content if each.pristine is None else each.pristine
    values = public(template.manifest, answers).values
    return (*files, *record_files(template, scaffold.target, values, base))


def _rendered(scaffold: Scaffold, answers: Answers) -> tuple[Rendered, ...]:
    """Render the files; those of a stranger's template in a child process."""
    if not scaffold.template.is_foreign:
        return scaffold.rendering.files(answers, is_guarded=False)
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
    """Return the files that a child process renders, or the error, as JSON has them."""
    try:
        files = scaffold.rendering.files(answers, is_guarded=True)
    except KscaffoldError as error:
        return {"is_answer": isinstance(error, AnswerError), "error": to_builtins(vars(error))}
    except MemoryError:
        return {"is_answer": False, "error": {"reason": "the template needs too much memory"}}
    return {"files": [astuple(each) for each in files]}


def _matches_within_limits(pattern: str, text: str) -> bool:
    """Match an untrusted pattern, which may never finish."""
    try:
        return bool(run_in_child(lambda: bool(re.fullmatch(pattern, text)), MATCH_SECONDS))
    except ChildError as error:
        raise TemplateError(f"{pattern!r}: to match an answer {error}") from None
