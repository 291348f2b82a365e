"""What files extend, include and import, and the blocks that they override."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from jinja2 import nodes

from kscaffold.hints import near_or_all
from kscaffold.lint.findings import Finding
from kscaffold.lint.subject import Subject


def missing_references(subject: Subject) -> Iterator[Finding]:
    """Find files that extend, include or import one that is not there."""
    for name, spot, _ in subject.templates():
        for ref in subject.references(name):
            if ref.target and not ref.optional and not subject.has(ref.target):
                where = replace(spot, line=ref.line)
                message = f"it {ref.kind}s {ref.name!r}, which is not there"
                fix = "name a file of this template, or LAYER/FILE of one below"
                yield subject.finding("extends-nothing", where, message, fix)


def circles(subject: Subject) -> Iterator[Finding]:
    """Find files that extend or import themselves in the end."""
    for name, spot, _ in subject.templates():
        for ref in subject.references(name):
            if ref.kind != "include" and ref.target and name in _above(subject, ref.target):
                where = replace(spot, line=ref.line)
                message = f"it {ref.kind}s {ref.name!r}, and so itself in the end"
                fix = f'write "builtin/{spot.path}", or the name of another layer below'
                yield subject.finding("extends-itself", where, message, fix)


def blocks_that_override_nothing(subject: Subject) -> Iterator[Finding]:
    """Find blocks of a file that extends others, of which none has such a block."""
    for name, spot, parsed in subject.templates():
        parents = [ref.target for ref in subject.references(name) if ref.kind == "extends"]
        if parsed.tree is None or not parents or None in parents:
            continue
        known = {
            block.name
            for above in _above(subject, str(parents[0])) - {name}
            for block in _blocks(subject, above)
        }
        for block in _blocks(subject, name):
            # A new block within one that is overridden is there for others to override.
            inside = any(
                block in [*other.find_all(nodes.Block)] for other in _blocks(subject, name)
            )
            if block.name not in known and not inside:
                where = replace(spot, line=block.lineno)
                message = f"no block {block.name!r} is there to override, so that nobody sees it"
                fix = near_or_all(block.name, sorted(known))
                yield subject.finding("block-overrides-nothing", where, message, fix)


def _blocks(subject: Subject, name: str) -> list[nodes.Block]:
    parsed = subject.parsed.get(name)
    return [*parsed.tree.find_all(nodes.Block)] if parsed and parsed.tree else []


def _above(subject: Subject, name: str) -> set[str]:
    """Return a file and all that it extends or imports."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            refs = (ref for ref in subject.references(each) if ref.kind != "include")
            waiting += [ref.target for ref in refs if ref.target]
    return found
