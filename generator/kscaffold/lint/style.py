"""Checks of style: quoted free text, Python that tools can read, few and flat conditions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from jinja2 import nodes

from kscaffold.lint.findings import Finding
from kscaffold.lint.parsing import Parsed
from kscaffold.lint.view import View
from kscaffold.project.format import python_mistake

# Files in which `quote` makes a literal.
LITERALS = frozenset({".py", ".toml", ".json", ".yml", ".yaml", ".cff"})
# Conditions that are allowed in any file, and per hundred lines.
FEW = 2
IN_A_HUNDRED = 4
DERIVE = "derive a named value in the manifest"
_STATEMENT = re.compile(r"^[ \t]*#:[ \t]*(?P<word>\w+)[ \t]*(?P<rest>.*)$", re.MULTILINE)
_INLINE = re.compile(r"{%.*?%}", re.DOTALL)


def unquoted_values(view: View) -> Iterator[Finding]:
    """Find free text that is unquoted in code, or quoted twice."""
    free = {
        name
        for name, question in view.manifest.questions.items()
        if question.type == "str" and not question.pattern and not question.validate
    }
    for parsed in view.rendered:
        suffix = PurePosixPath(parsed.location.path.removesuffix(".jinja")).suffix
        if suffix in LITERALS and parsed.tree is not None:
            for output in parsed.tree.find_all(nodes.Output):
                yield from _unquoted(parsed, output, free)


def _unquoted(parsed: Parsed, output: nodes.Output, free: set[str]) -> Iterator[Finding]:
    lines = ["", *parsed.text.splitlines()]
    for before, node in zip([None, *output.nodes], output.nodes, strict=False):
        location = parsed.location.at(node.lineno)
        # An answer is one line, so it cannot end a comment.
        in_comment = "".join(lines[node.lineno : node.lineno + 1]).lstrip().startswith("#")
        in_quotes = isinstance(before, nodes.TemplateData) and before.data.endswith(('"', "'"))
        if isinstance(node, nodes.Name) and node.name in free and not in_comment:
            message = f"{node.name!r} may be any text, and is unquoted in code"
            fix = f"write {{{{ {node.name} | quote }}}}"
            yield location.finding("unquoted-value", message, fix)
        elif isinstance(node, nodes.Filter) and node.name == "quote" and in_quotes:
            message = "a value is quoted within quotes"
            yield location.finding("unquoted-value", message, "remove the outer quotes")


def python_syntax(view: View) -> Iterator[Finding]:
    """Find Python templates that editors, ruff and black cannot read."""
    for parsed in view.parsed.values():
        if not parsed.location.path.endswith(".py.jinja"):
            continue
        if mistake := python_mistake(parsed.text):
            reason, line = mistake
            message = f"it is not valid Python as it is: {reason}"
            fix = 'write statements as "#: if", and identifiers as [placeholders]'
            yield parsed.location.at(line).finding("python-syntax", message, fix)


def conditions(view: View) -> Iterator[Finding]:
    """Find conditions that are too many, nested, or more than a name."""
    for parsed in view.parsed.values():
        depth, count = 0, 0
        for statement in _STATEMENT.finditer(parsed.text):
            word, rest = statement["word"], statement["rest"].strip()
            depth += {"if": 1, "endif": -1}.get(word, 0)
            count += word in ("if", "elif")
            location = parsed.location.at(_line(statement))
            if word in ("if", "elif") and not re.fullmatch(r"\w+", rest):
                message = f"the condition {rest!r} is more than a name"
                yield location.finding("condition-not-bare", message, DERIVE)
            if word == "if" and depth == 2:
                yield location.finding("nested-condition", "a condition inside another one", DERIVE)
        lines = len(parsed.text.splitlines())
        if count > max(FEW, IN_A_HUNDRED / 100 * lines):
            message = (
                f"{count} conditions in {lines} lines; a reader can follow {IN_A_HUNDRED} in 100"
            )
            fix = "make what differs a file of its own, with a `when`"
            yield parsed.location.finding("many-conditions", message, fix)


def inline_statements(view: View) -> Iterator[Finding]:
    """Find statements that share their line with text."""
    for parsed in view.parsed.values():
        for inline in _INLINE.finditer(parsed.text):
            location = parsed.location.at(_line(inline))
            fix = 'write it on a line of its own, as "#: ..."'
            yield location.finding("inline-statement", "a statement in the middle of text", fix)


def _line(match: re.Match[str]) -> int:
    return match.string.count("\n", 0, match.start()) + 1
