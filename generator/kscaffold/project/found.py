"""What a template finds in the tables that a person names."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kscaffold.errors import AnswerError, Place, TemplateError, place_named
from kscaffold.project.inspectors import InspectionError, inspected
from kscaffold.tables.inspection import Inspection
from kscaffold.template.manifest import Manifest, Question, Value
from kscaffold.template.manifest.tables import InspectTable

if TYPE_CHECKING:
    from kscaffold.project.render import Renderer


@dataclass(frozen=True)
class Tools:
    """What the answers are worked out with; `matches` is a pattern and a whole text."""

    renderer: Renderer
    inspect: Callable[..., str]  # calls an inspector by its name
    carried: Callable[[str], str]  # finds a file that the template carries
    target_name: str  # the last component of the project's path
    matches: Callable[[str, str], bool] = lambda pattern, text: bool(re.fullmatch(pattern, text))


def found_values(
    manifest: Manifest, values: Mapping[str, Value], named: Collection[str], tools: Tools
) -> dict[str, str]:
    """Return what the manifest's `[found]` finds; raises `AnswerError` if it finds a mistake."""
    found = {}
    for name, inspect in manifest.found.items():
        if all(values[each] is not None for each in inspect.arguments):
            place = manifest.place_of("found", name)
            found[name] = look_up(manifest, inspect, place, name, values, named, tools)
    return found


def table_of(
    manifest: Manifest, values: Mapping[str, Value], named: Collection[str], tools: Tools
) -> Inspection | None:
    """Return what is learned from the table that the answers name; None: they name none."""
    for inspect in manifest.found.values():
        if inspect.function == "csv_columns":
            path, *others = (values[name] for name in inspect.arguments)
            file = readable(manifest.questions[inspect.arguments[0]], values, named, tools)
            made = inspected(file, *others)  # type: ignore[arg-type]
            return replace(made, look=replace(made.look, path=Path(str(path))))
    return None


def look_up(
    manifest: Manifest,
    inspect: InspectTable,
    place: Place,
    key: str,
    values: Mapping[str, Value],
    named: Collection[str],
    tools: Tools,
) -> str:
    """Return what an inspector, called by a key at a place, finds in a file.

    `named` are the questions that the user answered. Raises `AnswerError` if an answer is to blame,
    `TemplateError` if the template is.
    """
    asked = [manifest.questions[name] for name in inspect.arguments]
    with place_named(place, key):
        file = readable(asked[0] if asked else None, values, named, tools)
        try:
            return tools.inspect(inspect.function, file, *(values[each.name] for each in asked[1:]))
        except InspectionError as error:
            option = asked[error.argument].option
            raise AnswerError(error.reason, key=option, hint=error.hint) from None


def readable(
    asked: Question | None, values: Mapping[str, Value], named: Collection[str], tools: Tools
) -> str:
    """Return the path of a file that the user names, or that the template carries.

    Any other file of the user's is none of the template's business.
    """
    if asked is None or asked.type != "path":
        raise TemplateError("its first argument must be a question of the type 'path'")
    value = str(values[asked.name])
    if value in asked.carried:
        return tools.carried(asked.carried[value])
    if asked.name not in named:
        hint = f"give {asked.option} FILE (its default is {value})"
        reason = "a template reads no file that you do not name"
        raise AnswerError(reason, key=asked.option, hint=hint)
    return value
