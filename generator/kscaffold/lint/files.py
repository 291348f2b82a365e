"""Files: those that are named and not there, and those that are there for nothing."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from kscaffold.hints import near
from kscaffold.lint.findings import Finding, Spot
from kscaffold.lint.subject import Subject


def missing_files(subject: Subject) -> Iterator[Finding]:
    """Find files that the manifest names and that no layer has."""
    layers = subject.scaffold.template.layers
    known = sorted({path for layer in layers for path in layer.files()})
    named = [(f.template, subject.spot_of(f, "template")) for f in subject.manifest.files]
    for name, question in subject.manifest.questions.items():
        spot = subject.spot("questions", name, "carried")
        named += [(path, spot) for path in question.carried.values()]
    for path, spot in named:
        if layers.find(path) is None:
            fix = near(path, known) or "write it, or drop its entry"
            yield subject.finding("missing-file", spot, f"there is no file {path!r}", fix)


def unreachable_files(subject: Subject) -> Iterator[Finding]:
    """Find template files that are never written, and that no other one includes."""
    if not subject.is_known:
        return
    used = {name.partition(":")[2].partition("/")[0] for name in subject.reached if "/" in name}
    for number, layer in enumerate(subject.scaffold.template.layers):
        for path in layer.files():
            # Beside its templates a folder may hold what is about it, such as a README.md.
            about_it = not path.endswith(".jinja") and path.partition("/")[0] not in used
            if not about_it and f"{number}:{path}" not in subject.reached:
                message = "nothing writes or includes it"
                fix = "name it under [[files]] or [folders], or remove it"
                yield subject.finding("unreachable-file", Spot(number, path), message, fix)


def python_syntax(subject: Subject) -> Iterator[Finding]:
    """Find Python templates that editors, ruff and black cannot read as they stand."""
    for _, spot, parsed in subject.templates():
        if not spot.path.endswith(".py.jinja"):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ast.parse(parsed.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None) or 1
            message = f"it is no valid Python as it stands: {getattr(error, 'msg', error)}"
            fix = 'write statements as "#: if", and identifiers as [placeholders]'
            where = Spot(spot.layer, spot.path, line)
            yield subject.finding("python-syntax", where, message, fix)
