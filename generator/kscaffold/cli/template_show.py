"""`kscaffold template show`: the questions, files and blocks of a template."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from kscaffold.cli.shared import format_option, ref_option, sources_argument
from kscaffold.cli.terminal import Styled, columns, echo, echo_json
from kscaffold.hints import visible
from kscaffold.project.answers import spelled
from kscaffold.template.blocks import blocks_of
from kscaffold.template.manifest import Question
from kscaffold.template.overlays import MANIFEST
from kscaffold.template.sources import load_templates
from kscaffold.template.stack import Template

# Of the column of values, in characters; JSON has the whole text.
WIDEST = 33
Row = dict[str, str]


@click.command()
@sources_argument
@ref_option
@format_option()
def command(sources: tuple[str, ...], ref: str | None, form: str) -> None:
    """Show the questions, files and blocks of a template, with the places that define them.

    Without a SOURCE, the built-in template; several are put on top of each other.
    """
    template = load_templates(sources, Path(), ref)
    layers = [
        {"name": layer.name, "description": layer.description, "source": origin.source}
        for layer, origin in zip(template.layers, template.origins, strict=True)
    ]
    shown = {
        "questions": [*_questions(template)],
        "files": [*_files(template)],
        "blocks": [*_blocks(template)],
    }
    if form == "json":
        echo_json({"layers": layers, **shown})
        return
    for layer in layers:
        echo(f"{layer['name']}: {layer['description']}")
    for title, rows in shown.items():
        echo("\n", Styled(title.capitalize(), bold=True), keep="\n")
        _print(rows)


def _questions(template: Template) -> Iterator[Row]:
    for question in template.manifest.questions.values():
        yield {
            "name": question.name,
            "type": question.type,
            "values": _values(question),
            "place": _asked_at(template, question.name),
            "help": question.help,
        }


def _values(question: Question) -> str:
    if question.choices:
        return "|".join(question.choices)
    return "" if question.default is None else spelled(question.default)


def _asked_at(template: Template, name: str) -> str:
    """Return the highest place that defines or changes a question."""
    for layer in reversed(template.everything):
        for number, line in enumerate(layer.read(MANIFEST).splitlines(), start=1):
            if re.match(rf"\s*\[questions\.{name}\]", line):
                return f"{layer.place}{MANIFEST}:{number}"
    return ""


def _files(template: Template) -> Iterator[Row]:
    for file in template.manifest.files:
        place = f"{template.layers.top(file.template).place}{file.template}"
        when = f"when {file.when}" if file.when else ""
        yield {"target": file.target, "place": place, "when": when}
    for choice in template.choices:
        answer = min(choice.answers, default=choice.answer)
        chosen = template.chosen({choice.question: answer}, is_whole=False)
        for file in chosen.manifest.files:
            if choice.layer.has(file.template):
                place = f"{choice.layer.place}{file.template}"
                when = " and ".join(filter(None, (choice.option, file.when)))
                yield {"target": file.target, "place": place, "when": f"with {when}"}


def _blocks(template: Template) -> Iterator[Row]:
    paths = {file.template for file in template.manifest.files}
    for choice in template.choices:
        paths.update(choice.layer.files())
    for path in sorted(path for path in paths if path.endswith(".jinja")):
        for layer in template.everything:
            for block in blocks_of(layer, path) if layer.has(path) else ():
                yield {"block": block.name, "place": f"{layer.place}{path}:{block.line}"}


def _print(rows: list[Row]) -> None:
    """Print a table; the help of a question is on the next line."""
    if not rows:
        echo("  none")
        return
    cells = [
        [_short(cell) if name == "values" else cell for name, cell in row.items() if name != "help"]
        for row in rows
    ]
    for row, line in zip(rows, columns(cells), strict=True):
        echo(f"  {line}".rstrip())
        if "help" in row:
            echo(f"      {row['help']}")


def _short(text: str) -> str:
    text = visible(text)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 3]}..."
