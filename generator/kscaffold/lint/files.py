"""Checks of template files: missing, unused or invalid ones, and what they refer to."""

from __future__ import annotations

from collections.abc import Iterator

from kscaffold.hints import near, near_or_all
from kscaffold.lint.expressions import expressions
from kscaffold.lint.findings import Finding
from kscaffold.lint.view import View, reachable


def wrong_texts(view: View) -> Iterator[Finding]:
    """Find files and expressions that Jinja cannot parse, and unknown filters and tests."""
    for parsed in (*view.parsed.values(), *(parsed for parsed, _ in expressions(view))):
        yield from parsed.findings


def missing_files(view: View) -> Iterator[Finding]:
    """Find files that the manifest names and that no layer has."""
    known = sorted({path for _, path in view.files})
    named = [(file.template, view.location_of(file, "template")) for file in view.manifest.files]
    for name, question in view.manifest.questions.items():
        location = view.location("questions", name, "carried")
        named += [(path, location) for path in question.carried.values()]
    for path, location in named:
        if view.layers.find(path) is None:
            fix = near(path, known) or "write it, or drop its entry"
            yield location.finding("missing-file", f"there is no file {path!r}", fix)


def unreachable_files(view: View) -> Iterator[Finding]:
    """Find template files that are never written, and that no other one includes."""
    if not view.is_known:
        return
    used = {name.partition(":")[2].partition("/")[0] for name in view.reached if "/" in name}
    for number, path in view.files:
        # A file such as README.md may be about the template itself.
        is_about = not path.endswith(".jinja") and path.partition("/")[0] not in used
        if not is_about and f"{number}:{path}" not in view.reached:
            fix = "name it under [[files]] or [folders], or remove it"
            location = view.line_of(number, path)
            yield location.finding("unreachable-file", "nothing writes or includes it", fix)


def missing_references(view: View) -> Iterator[Finding]:
    """Find files that extend, include or import a missing one."""
    for parsed in view.parsed.values():
        for ref in parsed.references:
            if ref.target and not ref.optional and not view.has(ref.target):
                message = f"it {ref.verb} {ref.name!r}, which is missing"
                fix = "name a file of this template, or LAYER/FILE of one below"
                yield parsed.location.at(ref.line).finding("extends-nothing", message, fix)


def circles(view: View) -> Iterator[Finding]:
    """Find files that extend or import themselves, directly or through others."""
    for name, parsed in view.parsed.items():
        for ref in parsed.references:
            if ref.kind != "include" and ref.target and name in _above(view, ref.target):
                message = f"it {ref.verb} {ref.name!r}, which leads back to itself"
                fix = f'write "builtin/{parsed.location.path}", or the name of another layer below'
                yield parsed.location.at(ref.line).finding("extends-itself", message, fix)


def _above(view: View, name: str) -> set[str]:
    """Return a file and everything that it extends or imports."""
    return reachable([name], lambda each: view.targets(each, "extends", "import"))


def blocks_that_override_nothing(view: View) -> Iterator[Finding]:
    """Find blocks of an extending file that no extended file has."""
    for name, parsed in view.parsed.items():
        parents = [ref.target for ref in parsed.references if ref.kind == "extends"]
        if parsed.tree is None or not parents or None in parents:
            continue
        above = (_above(view, str(parents[0])) & view.parsed.keys()) - {name}
        known = {block.name for each in above for block in view.parsed[each].blocks}
        # A new block inside an overridden one is there for others to override.
        inside = {id(each) for block in parsed.blocks for each in block.find_all(type(block))}
        for block in parsed.blocks:
            if block.name not in known and id(block) not in inside:
                location = parsed.location.at(block.lineno)
                message = f"no template below has a block {block.name!r}, so this has no effect"
                fix = near_or_all(block.name, sorted(known))
                yield location.finding("block-overrides-nothing", message, fix)
