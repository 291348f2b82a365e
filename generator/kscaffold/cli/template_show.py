"""`kscaffold template show`: what a template asks and writes, and what can be overridden."""

from __future__ import annotations

import re
from pathlib import Path

import click

from kscaffold.cli.terminal import echo, echo_json, styled
from kscaffold.hints import visible
from kscaffold.project.answers import spelled
from kscaffold.template.blocks import blocks_of
from kscaffold.template.manifest import Question
from kscaffold.template.overlays import MANIFEST
from kscaffold.template.sources import Template, load_templates

# A terminal is 80 characters wide; JSON has the whole text.
WIDEST = 33


@click.command()
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option("--ref", metavar="REF", help="The branch, tag or commit of a template from git.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="What is printed."
)
@click.pass_context
def command(ctx: click.Context, sources: tuple[str, ...], ref: str | None, form: str) -> None:
    """Show the questions, files and blocks of a template, each with its place.

    Without a SOURCE the built-in template; several are put on top of each other.
    """
    ctx.meta["kscaffold.format"] = form
    template = load_templates(sources, Path(), ref)
    shown = {
        "questions": _questions(template),
        "files": _files(template),
        "blocks": _blocks(template),
    }
    if form == "json":
        echo_json({"layers": _layers(template), **shown})
        return
    for about in _layers(template):
        echo(f"{about['name']}: {about['description']}")
    for title, rows in shown.items():
        echo("\n", styled(title.capitalize(), bold=True), keep="\n")
        _print(rows)


def _layers(template: Template) -> list[dict[str, str]]:
    """Return what each layer says of itself, the bottom one first."""
    return [
        {"name": layer.name, "description": layer.description, "source": origin.source}
        for layer, origin in zip(template.layers, template.origins, strict=True)
    ]


def _questions(template: Template) -> list[dict[str, str]]:
    return [
        {
            "name": question.name,
            "type": question.type,
            "values": _values(question),
            "place": _asked_at(template, question.name),
            "help": question.help,
        }
        for question in template.manifest.questions.values()
    ]


def _values(question: Question) -> str:
    if question.choices:
        return "|".join(question.choices)
    if isinstance(question.default, bool):
        return "yes" if question.default else "no"
    return "" if question.default is None else spelled(question.default)


def _asked_at(template: Template, name: str) -> str:
    """Return the highest place that says something of a question."""
    for layer in reversed(template.everything):
        lines = layer.read(MANIFEST).splitlines()
        for number, line in enumerate(lines, start=1):
            if re.match(rf"\s*\[questions\.{name}\]", line):
                return f"{layer.place}{MANIFEST}:{number}"
    return ""


def _files(template: Template) -> list[dict[str, str]]:
    rows = [
        {
            "target": file.target,
            "place": f"{template.layers.top(file.template).place}{file.template}",
            "when": f"when {file.when}" if file.when else "",
        }
        for file in template.manifest.files
    ]
    for choice in template.choices:
        chosen = template.chosen({choice.question: choice.answer}, is_whole=False)
        for file in chosen.manifest.files:
            if choice.found.layer.has(file.template):
                place = f"{choice.found.layer.place}{file.template}"
                when = " and ".join(filter(None, (choice.option, file.when)))
                rows.append({"target": file.target, "place": place, "when": f"with {when}"})
    return rows


def _blocks(template: Template) -> list[dict[str, str]]:
    layers = [part.found.layer for part in template.parts]
    written = {file.template for file in template.manifest.files}
    return [
        {"block": block.name, "place": f"{layer.place}{path}:{block.line}"}
        for path in sorted(
            {*written, *(p for c in template.choices for p in c.found.layer.files())}
        )
        if path.endswith(".jinja")
        for layer in layers
        if layer.has(path)
        for block in blocks_of(layer, path)
    ]


def _print(rows: list[dict[str, str]]) -> None:
    """Print a table; what a row says in words stands on a line of its own below it."""
    if not rows:
        echo("  none")
        return
    columns = [name for name in rows[0] if name != "help"]
    table = [
        [_short(row[name]) if name == "values" else visible(row[name]) for name in columns]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row, cells in zip(rows, table, strict=True):
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
        echo(f"  {line}".rstrip())
        if "help" in row:
            echo(f"      {row['help']}")


def _short(text: str) -> str:
    text = visible(text)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 3]}..."
