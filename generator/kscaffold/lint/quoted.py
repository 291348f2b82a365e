"""Free text in code and data: quoted, and only once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from jinja2 import nodes

from kscaffold.lint.findings import Finding, Spot
from kscaffold.lint.parsed import Parsed
from kscaffold.lint.subject import Subject

# Files in which `quote` makes a literal.
LITERALS = frozenset({".py", ".toml", ".json", ".yml", ".yaml", ".cff"})


def unquoted_values(subject: Subject) -> Iterator[Finding]:
    """Find answers of any text that stand in code as they are, or within quotes and quoted."""
    free = {
        name
        for name, question in subject.manifest.questions.items()
        if question.type == "str" and not question.pattern and not question.validate
    }
    for name, spot, parsed in subject.templates():
        suffix = PurePosixPath(spot.path.removesuffix(".jinja")).suffix
        if name in subject.reached and suffix in LITERALS and parsed.tree is not None:
            yield from _unquoted(subject, spot, parsed, free)


def _unquoted(subject: Subject, spot: Spot, parsed: Parsed, free: set[str]) -> Iterator[Finding]:
    assert parsed.tree is not None
    lines = parsed.text.splitlines()
    for output in parsed.tree.find_all(nodes.Output):
        for before, node in zip([None, *output.nodes], output.nodes, strict=False):
            line = lines[node.lineno - 1] if node.lineno <= len(lines) else ""
            if isinstance(node, nodes.Name) and node.name in free:
                # A line of text ends no comment.
                if not line.lstrip().startswith("#"):
                    where = replace(spot, line=node.lineno)
                    message = f"{node.name!r} may be any text, and stands in code as it is"
                    fix = f"write {{{{ {node.name} | quote }}}}"
                    yield subject.finding("unquoted-value", where, message, fix)
            elif _is_quoted(node) and _ends_in_a_quote(before):
                where = replace(spot, line=node.lineno)
                message = "a value is quoted within quotes"
                yield subject.finding("unquoted-value", where, message, "remove the outer quotes")


def _is_quoted(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Filter) and node.name == "quote"


def _ends_in_a_quote(node: nodes.Node | None) -> bool:
    return isinstance(node, nodes.TemplateData) and node.data.endswith(('"', "'"))
