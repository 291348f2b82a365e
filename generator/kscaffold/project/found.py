"""What a template finds in the tables that a person names."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kscaffold.errors import AnswerError, Place, TemplateError, place_named
from kscaffold.project.inspectors import InspectionError, inspect, inspected
from kscaffold.tables.inspection import Inspection
from kscaffold.template.manifest import Manifest, Question, Value
from kscaffold.template.manifest.tables import InspectTable

if TYPE_CHECKING:
    from kscaffold.project.render import Renderer


@dataclass(frozen=True)
class Tools:
    """What the answers are worked out with; `matches` takes a pattern and a whole text."""

    renderer: Renderer
    carried: Callable[[str], str]  # finds a file that the template carries
    target_name: str  # the last component of the project's path
    matches: Callable[[str, str], bool] = lambda pattern, text: bool(re.fullmatch(pattern, text))


@dataclass(frozen=True)
class Finder:
    """Looks at the tables that answers name; `named` are the questions that the user answered."""

    manifest: Manifest
    values: Mapping[str, Value]
    named: Collection[str]
    tools: Tools

    def found(self) -> dict[str, str]:
        """Return what the manifest's `[found]` finds; raises `AnswerError` if it is a mistake."""
        return {
            name: self.run(call, self.manifest.place_of("found", name), name)
            for name, call in self.manifest.found.items()
            if all(self.values[each] is not None for each in call.arguments)
        }

    def table(self) -> Inspection | None:
        """Return what is learned from the table that the answers name; None: they name none."""
        for call in self.manifest.found.values():
            if call.function == "csv_columns":
                path, *others = (self.values[name] for name in call.arguments)
                file = self.readable(self.manifest.questions[call.arguments[0]])
                made = inspected(file, *others)  # type: ignore[arg-type]
                return replace(made, look=replace(made.look, path=Path(str(path))))
        return None

    def run(self, call: InspectTable, place: Place, key: str) -> str:
        """Return what an inspector finds in a file; `key` at `place` is its manifest entry.

        Raises `AnswerError` if an answer is to blame, `TemplateError` if the template is.
        """
        asked = [self.manifest.questions[name] for name in call.arguments]
        with place_named(place, key):
            file = self.readable(asked[0] if asked else None)
            try:
                return inspect(call.function, file, *(self.values[each.name] for each in asked[1:]))
            except InspectionError as error:
                option = asked[error.argument].option
                raise AnswerError(error.reason, key=option, hint=error.hint) from None

    def readable(self, asked: Question | None) -> str:
        """Return the path of a file that the user names, or that the template carries.

        Any other file of the user's is none of the template's business.
        """
        if asked is None or asked.type != "path":
            raise TemplateError("its first argument must be a question of the type 'path'")
        value = str(self.values[asked.name])
        if value in asked.carried:
            return self.tools.carried(asked.carried[value])
        if asked.name not in self.named:
            hint = f"give {asked.option} FILE (its default is {value})"
            reason = "a template reads no file that you do not name"
            raise AnswerError(reason, key=asked.option, hint=hint)
        return value
