"""The budget that keeps templates readable: few conditions, flat and bare, on lines of their own.

The rules give advice: a template that breaks them works.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from kscaffold.lint.findings import Finding
from kscaffold.lint.subject import Subject

# Conditions: so many in any file, and so many in a hundred lines.
FEW = 2
IN_A_HUNDRED = 4

_STATEMENT = re.compile(r"^[ \t]*#:[ \t]*(?P<word>\w+)[ \t]*(?P<rest>.*)$", re.MULTILINE)
_INLINE = re.compile(r"{%.*?%}", re.DOTALL)
DERIVE = "derive a named value in the manifest"


def conditions(subject: Subject) -> Iterator[Finding]:
    """Find conditions that are many, nested, or more than a name."""
    for _, spot, parsed in subject.templates():
        text, depth, count = parsed.text, 0, 0
        for statement in _STATEMENT.finditer(text):
            where = replace(spot, line=text.count("\n", 0, statement.start()) + 1)
            word, rest = statement["word"], statement["rest"].strip()
            depth += {"if": 1, "endif": -1}.get(word, 0)
            if word in ("if", "elif"):
                count += 1
                if not re.fullmatch(r"\w+", rest):
                    message = f"the condition {rest!r} is more than a name"
                    yield subject.finding("condition-not-bare", where, message, DERIVE)
            if word == "if" and depth == 2:
                message = "a condition inside another one"
                yield subject.finding("nested-condition", where, message, DERIVE)
        lines = len(text.splitlines())
        if count > max(FEW, IN_A_HUNDRED / 100 * lines):
            message = f"{count} conditions in {lines} lines; {IN_A_HUNDRED} in 100 can be followed"
            fix = "make what differs a file of its own, with a `when`"
            yield subject.finding("many-conditions", spot, message, fix)


def inline_statements(subject: Subject) -> Iterator[Finding]:
    """Find statements that are no line of their own."""
    for _, spot, parsed in subject.templates():
        for inline in _INLINE.finditer(parsed.text):
            where = replace(spot, line=parsed.text.count("\n", 0, inline.start()) + 1)
            message = "a statement in the middle of text"
            fix = 'write it on a line of its own, as "#: ..."'
            yield subject.finding("inline-statement", where, message, fix)
