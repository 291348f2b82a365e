"""The pipeline from a template and answers to a tree of files, in memory."""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from msgspec import convert, to_builtins

from kscaffold.errors import AnswerError, KscaffoldError, Place, TemplateError, place_named
from kscaffold.project.answers import Answers, Tools
from kscaffold.project.files import Rendering
from kscaffold.project.found import Finder
from kscaffold.project.record import record_files
from kscaffold.project.redaction import public
from kscaffold.project.render import Renderer
from kscaffold.project.tree import Rendered, Tree, TreeFile
from kscaffold.safety.child_process import ChildError, run_in_child
from kscaffold.safety.files import read_regular
from kscaffold.template.manifest import Manifest
from kscaffold.template.stack import Template

# CPU time in seconds: for a pattern, a template, and each of its files, which black may format.
MATCH_SECONDS = 1.0
SECONDS = 4.0
SECONDS_A_FILE = 0.05
# Bytes of a file of the user's that is copied into a project.
MOST_COPIED = 64 << 20


@dataclass(frozen=True)
class Scaffold:
    """A template, ready to answer and to render for a target."""

    template: Template
    renderer: Renderer
    tools: Tools
    target: Path

    def rendering(self, answers: Answers) -> Rendering:
        """Return what renders the template's files."""
        found = self.finder(answers).found()
        return Rendering(self.template.manifest, self.renderer, found, self.target)

    def finder(self, answers: Answers) -> Finder:
        """Return what looks at the tables that the answers name."""
        return Finder(self.template.manifest, answers.values, answers.chosen, self.tools)


def prepare(template: Template, target_name: str, target: Path | None = None) -> Scaffold:
    """Prepare a template for a project of this name, in this folder (default: of that name)."""
    renderer = Renderer(template.layers)
    tools = Tools(
        renderer=renderer,
        carried=lambda path: str(template.everything.top(path).path_of(path)),
        target_name=target_name,
        **({"matches": _matches_within_limits} if template.is_foreign else {}),
    )
    return Scaffold(template, renderer, tools, target or Path(target_name))


def choose(scaffold: Scaffold, answers: Answers) -> Scaffold:
    """Return the scaffold with the choices that the answers make; raises `TemplateError`."""
    template = scaffold.template.chosen(answers.values)
    if template is scaffold.template:
        return scaffold
    return replace(scaffold, template=template, renderer=Renderer(template.layers))


def derived_values(scaffold: Scaffold, answers: Answers) -> dict[str, object]:
    """Return the answers and the derived values; raises `TemplateError`."""
    return choose(scaffold, answers).rendering(answers).derived(answers.values)


def training_arguments(scaffold: Scaffold, answers: Answers, run_folder: str) -> list[str]:
    """Return the arguments to Python that briefly train a project; raises `TemplateError`."""
    scaffold = choose(scaffold, answers)
    values = {**derived_values(scaffold, answers), "scratch": run_folder}
    words = scaffold.template.manifest.test.train
    with place_named("[test] train"):
        return [scaffold.renderer.text(word, values) for word in words]


def missing_modules(manifest: Manifest) -> list[str]:
    """Return the modules that projects need for that and that are not installed here.

    Raises `TemplateError` if one is no module that can be installed, such as `__main__`.
    """
    missing = []
    for name in manifest.test.needs:
        top = name.partition(".")[0]  # looking for a submodule would import its parent
        try:
            is_known = top != "__main__" and find_spec(top) is not None
        except ValueError:
            top, is_known = "", False
        if top in ("", "__main__"):
            reason = f"{name!r} is not the name of a module that can be installed"
            raise TemplateError(reason, place="[test] needs")
        if not is_known:
            missing.append(name)
    return missing


def build_tree(scaffold: Scaffold, answers: Answers) -> Tree:
    """Render the files of the project, in the manifest's order.

    Foreign templates are rendered in a child process: the sandbox gives no access to files and
    code, and limits of the operating system stop endless loops.

    Raises:
        AnswerError: an answer makes an invalid path, or changes the structure of a file.
        TemplateError: a template is broken, renders to invalid Python, names a path that must
            not be written, or does not end.
    """
    scaffold = choose(scaffold, answers)
    template = scaffold.template
    files, base = [], {}
    for each in _rendered(scaffold, answers):
        content = _copied(scaffold, answers, each) if each.text is None else each.text
        is_secret = each.pristine is not None
        files.append(TreeFile(each.path, content, each.executable, is_secret))
        base[each.path] = content if each.pristine is None else each.pristine
    values = public(template.manifest, answers).values
    return (*files, *record_files(template, scaffold.target, values, base))


def _copied(scaffold: Scaffold, answers: Answers, file: Rendered) -> bytes:
    """Return the bytes of a file of the template, or of the user's in its place."""
    questions = scaffold.template.manifest.questions
    if file.answer is None or answers.values[file.answer] in questions[file.answer].carried:
        return scaffold.renderer.layers.top(file.template).read_bytes(file.template)
    asked = questions[file.answer]
    path = Path(scaffold.finder(answers).readable(asked))
    try:
        return read_regular(path, MOST_COPIED)
    except OSError as error:
        reason = f"{path} cannot be copied: {error.strerror}"
        raise AnswerError(reason, key=asked.option, hint="leave it where it is") from None


def _rendered(scaffold: Scaffold, answers: Answers) -> tuple[Rendered, ...]:
    """Render the files; those of foreign templates in a child process."""
    rendering = scaffold.rendering(answers)
    if not scaffold.template.is_foreign:
        return rendering.files(answers, is_guarded=False)
    seconds = SECONDS + SECONDS_A_FILE * len(scaffold.template.manifest.files)
    rendering.renderer.budget.renew(seconds)
    try:
        report = run_in_child(lambda: _report(rendering, answers), seconds)
    except ChildError as error:
        reason, hint = f"the template: to render it {error}", "is there a loop without end?"
        raise TemplateError(reason, hint=hint) from None
    if "error" in report:
        place = convert(report["error"].pop("place", ""), Place | str)
        kind = AnswerError if report["is_answer"] else TemplateError
        raise kind(**report["error"], place=place)
    return tuple(Rendered(*fields) for fields in report["files"])


def _report(rendering: Rendering, answers: Answers) -> dict[str, Any]:
    """Return the files that a child process renders, or the error, as JSON."""
    try:
        files = rendering.files(answers, is_guarded=True)
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
