"""Render the files of a project, in memory."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kscaffold import __version__
from kscaffold.errors import AnswerError, KscaffoldError, TemplateError, place_named
from kscaffold.project.answers import Answers
from kscaffold.project.format import PYPROJECT, format_python, style_of
from kscaffold.project.redaction import masked, redacted
from kscaffold.project.render import Renderer
from kscaffold.project.tree import Rendered
from kscaffold.safety.paths import check_distinct, check_path, path_problem
from kscaffold.template.manifest import File, Manifest, Question, Value

# Of a rendered file, in characters.
LONGEST = 64 << 20


@dataclass(frozen=True)
class Rendering:
    """Renders the files of a template with its choices made, in this process."""

    manifest: Manifest
    renderer: Renderer
    found: Mapping[str, str]  # in tables
    target: Path  # the project's folder

    def derived(self, values: Mapping[str, Value]) -> dict[str, object]:
        """Return the answers and the derived values; raises `TemplateError`."""
        derived: dict[str, object] = {**values, **self.found}
        derived["kscaffold_version"] = __version__
        derived["target_path"] = Path(os.path.realpath(self.target)).as_posix()
        for name, expression in self.manifest.derived.items():
            with place_named(self.manifest.place_of("derived", name), name):
                derived[name] = self.renderer.value(expression, derived)
        return derived

    def files(self, answers: Answers, *, is_guarded: bool) -> tuple[Rendered, ...]:
        """Return the project's files, in the manifest's order.

        Raises:
            AnswerError: an answer makes a path that cannot be written or, if `is_guarded`, changes
                the structure of a file.
            TemplateError: a template is broken, or renders to invalid Python.
        """
        files = self._files(answers.values, is_guarded=is_guarded)
        public = masked(self.manifest, answers).values
        if public == answers.values:
            return files
        texts = self._without_secrets(answers.values, public, files)
        return tuple(
            file if text == file.text else replace(file, pristine=text)
            for file, text in zip(files, texts, strict=True)
        )

    def _files(self, answers: Mapping[str, Value], *, is_guarded: bool) -> tuple[Rendered, ...]:
        values = self.derived(answers)
        names = self.manifest.placeholders
        self.renderer.use_placeholders({key: str(values[name]) for key, name in names.items()})
        listed = [file for file in self.manifest.files if self._applies(file, values)]
        files = [self._rendered(file, values) for file in listed]
        check_distinct(file.path for file in files)
        if is_guarded:
            self._guard(answers, files)
        style = style_of(next((self._text(file) for file in files if file.path == PYPROJECT), ""))
        package = str(values.get("package", ""))
        return tuple(
            (
                replace(each, text=format_python(each.text, file.template, package, style))
                if each.is_formatted and each.text is not None
                else each
            )
            for file, each in zip(listed, files, strict=True)
        )

    def _applies(self, file: File, values: Mapping[str, object]) -> bool:
        with place_named(file.place, "when"):
            return file.when is None or bool(self.renderer.value(file.when, values))

    def _rendered(self, file: File, values: Mapping[str, object]) -> Rendered:
        path = self._target(file, values)
        if not file.template.endswith(".jinja"):
            return Rendered(path, file.template, None, file.executable, answer=file.answer)
        text = self.renderer.file(file.template, values)
        with place_named(file.template):
            if len(text) > LONGEST:
                raise TemplateError(f"renders to more than {LONGEST} characters")
            try:
                text.encode()
            except UnicodeEncodeError:
                raise TemplateError("renders to half of a surrogate pair") from None
        is_formatted = file.format and path.endswith(".py")
        return Rendered(path, file.template, text, file.executable, is_formatted=is_formatted)

    def _target(self, file: File, values: Mapping[str, object]) -> str:
        """Return where a file goes; an error names the answer that makes the path invalid."""
        with place_named(file.place, "target"):
            path = self.renderer.text(file.target, values)
            if (problem := path_problem(path)) and (asked := self._question_to_blame(file)):
                raise AnswerError(f"makes the path {path!r}: {problem}", key=asked.option)
            return check_path(path)

    def _question_to_blame(self, file: File) -> Question | None:
        """Return the first question that a target depends on; None: no answer makes it valid."""
        if file.target_problem:
            return None
        names = self.renderer.names(file.target)
        for name, expression in [*self.manifest.derived.items()][::-1]:
            if name in names:
                names |= self.renderer.names(f"{{{{ {expression} }}}}")
        questions = self.manifest.questions.items()
        return next((question for name, question in questions if name in names), None)

    def _text(self, file: Rendered) -> str:
        if file.text is None:
            layer = self.renderer.layers.top(file.template)
            return layer.read_bytes(file.template).decode(errors="replace")
        return file.text

    def _guard(self, answers: Mapping[str, Value], files: list[Rendered]) -> None:
        """Refuse an answer that changes the structure of a file; raises `AnswerError`."""
        from kscaffold.project.guard import Guard, stand_ins
        from kscaffold.project.structure import kind_of

        @functools.cache
        def derived(*values: tuple[str, Value]) -> dict[str, object]:
            return self.derived(dict(values))

        def render(template: str, values: Mapping[str, Value]) -> str:
            return self.renderer.file(template, derived(*values.items()))

        free = stand_ins(self.manifest, answers)
        for file in files:
            if file.text is not None and (kind := kind_of(file.path, file.text)):
                Guard(self.manifest, answers, free, render, file, file.text, kind).check()

    def _without_secrets(
        self, values: Mapping[str, Value], public: Mapping[str, Value], files: tuple[Rendered, ...]
    ) -> list[str | None]:
        """Return each file's text without the secrets; None: it is copied.

        It is rendered again, since a secret may look different in the text, such as when quoted.
        """
        try:
            texts = {file.path: file.text for file in self._files(public, is_guarded=False)}
            return [texts[file.path] for file in files]
        except (KscaffoldError, KeyError):  # the template needs the secret for more than its text
            return [file.text and redacted(file.text, self.manifest, values) for file in files]
