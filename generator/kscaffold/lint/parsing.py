"""Parse template files and expressions with the renderer's Jinja."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

import jinja2
from jinja2 import meta, nodes
from jinja2.parser import Parser

from kscaffold.errors import TemplateError
from kscaffold.hints import near
from kscaffold.lint.findings import Finding, Location
from kscaffold.project.render import Renderer
from kscaffold.project.sandbox import split, with_statements
from kscaffold.safety.limits import LONGEST_SOURCE
from kscaffold.template.overlays import Layers

_IMPORTS = (nodes.Import, nodes.FromImport)
# The errors of parsing: wrong syntax, too deeply nested, or a number that is too long.
UNREADABLE = (jinja2.TemplateSyntaxError, RecursionError, ValueError)
_NOWHERE = Location("", "", 0)


@dataclass(frozen=True)
class Reference:
    """A file that another one extends, includes or imports."""

    kind: str  # "extends", "include" or "import"
    name: str | None  # as written; None if it is an expression
    target: str | None  # such as "0:package/a.py.jinja", which may be missing
    line: int
    optional: bool  # whether it may be missing
    shares: bool  # whether it sees the names of the referring file
    takes: frozenset[str]  # the names that are imported from it

    @property
    def verb(self) -> str:
        """What the referring file does with it, such as "includes"."""
        return f"{self.kind.removesuffix('s')}s"


@dataclass(frozen=True)
class Parsed:
    """A template, or an expression; `tree` is None if it cannot be parsed.

    `free` are the names that it gets from elsewhere, with the line of the first use; those that may
    be undefined are `optional`. It sets, imports or defines the names in `bound`, of which its
    blocks and the files that it extends see those that are `exported`.
    """

    location: Location
    text: str
    findings: tuple[Finding, ...] = ()
    tree: nodes.Template | None = None
    references: tuple[Reference, ...] = ()
    free: Mapping[str, int] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    bound: frozenset[str] = frozenset()
    exported: frozenset[str] = frozenset()

    def targets(self, *kinds: str) -> list[str]:
        """Return the files that it refers to in these ways (default: all)."""
        named = (ref for ref in self.references if not kinds or ref.kind in kinds)
        return [ref.target for ref in named if ref.target]

    @property
    def blocks(self) -> list[nodes.Block]:
        """The blocks that it has or overrides."""
        return [*self.tree.find_all(nodes.Block)] if self.tree else []


def parse_file(renderer: Renderer, name: str, location: Location) -> Parsed:
    """Parse a template file, such as "0:package/a.py.jinja"."""
    try:
        text = renderer.layers[split(name)[0]].read(location.path)
    except TemplateError as error:
        fix = "save it as UTF-8 in the template's folder, or name it without .jinja"
        finding = location.finding("unreadable-file", f"it {error.reason}", fix)
        return Parsed(location, "", (finding,))
    found = _moved(_analysed(with_statements(text)), text, location)
    join = renderer.environment.join_path
    references = (
        replace(ref, target=None if ref.name is None else join(ref.name, name))
        for ref in found.references
    )
    return replace(found, references=tuple(references))


def parse_value(text: str, location: Location, *, is_expression: bool = False) -> Parsed:
    """Parse a text of the manifest: an expression, or else a template without statements."""
    wrong = ""
    if "{%" in text and not is_expression:
        wrong = "the manifest takes {{ expressions }}, not statements"
    if len(text) > LONGEST_SOURCE:
        wrong = f"{len(text)} characters; more than {LONGEST_SOURCE} are not allowed"
    if not wrong:
        return _moved(_analysed(text, is_expression=is_expression), text, location)
    fix = "derive a value under [derived], or use a file"
    return Parsed(location, text, (location.finding("syntax", wrong, fix),))


@cache
def _environment() -> jinja2.Environment:
    """Return an environment of the renderer's kind, without files."""
    return Renderer(Layers()).environment


@cache
def _analysed(text: str, *, is_expression: bool = False) -> Parsed:
    """Parse a text once, since most files are those of many combinations of choices.

    It has no location yet, and its references have no targets.
    """
    findings: list[Finding] = []
    try:
        tree = _expression(text) if is_expression else _environment().parse(text)
        findings += _unknown(tree)
        undeclared = meta.find_undeclared_variables(tree)
        lines: dict[str, int] = {}
        for node in tree.find_all(nodes.Name):
            lines[node.name] = min(node.lineno, lines.get(node.name, node.lineno))
    except UNREADABLE as error:
        return Parsed(_NOWHERE, text, (*findings, _syntax(error)))
    return Parsed(
        _NOWHERE,
        text,
        tuple(findings),
        tree,
        tuple(_references(tree)),
        {each: lines.get(each, 1) for each in sorted(undeclared)},
        frozenset(_optional(tree)),
        frozenset(_bound(tree)),
        frozenset(_exported(tree)),
    )


def _moved(parsed: Parsed, text: str, location: Location) -> Parsed:
    """Return what was found as that of a text at a location."""
    findings = (
        location.at(each.line).finding(each.rule, each.message, each.fix)
        for each in parsed.findings
    )
    return replace(parsed, location=location, text=text, findings=tuple(findings))


def _expression(text: str) -> nodes.Template:
    parser = Parser(_environment(), text, state="variable")
    body = parser.parse_expression()
    if not parser.stream.eos:
        parser.fail("there is more after the expression", body.lineno)
    tree = nodes.Template([nodes.Output([body], lineno=1)], lineno=1)
    tree.set_environment(_environment())
    return tree


def _syntax(error: Exception) -> Finding:
    if isinstance(error, jinja2.TemplateSyntaxError):
        reason = (error.message or "").rstrip(".")
        fix = "see jinja.palletsprojects.com/templates"
        return _NOWHERE.at(error.lineno).finding("syntax", reason, fix)
    message = "it is nested too deeply, or a number in it is too long"
    return _NOWHERE.finding("syntax", message, "make it shorter")


def _unknown(tree: nodes.Template) -> Iterator[Finding]:
    """Find unknown filters and tests; replace them, since Jinja's analysis refuses them."""
    for kind, node_type, known, stand_in in (
        ("filter", nodes.Filter, _environment().filters, "string"),
        ("test", nodes.Test, _environment().tests, "none"),
    ):
        for node in tree.find_all(node_type):
            if node.name not in known:
                fix = near(node.name, known) or f"use {', '.join(known)}"
                message = f"there is no {kind} {node.name!r}"
                yield _NOWHERE.at(node.lineno).finding(f"unknown-{kind}", message, fix)
                node.name = stand_in


def _optional(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all((nodes.Test, nodes.Filter)):
        asks = node.name in ("defined", "undefined", "default", "d")
        if asks and isinstance(node.node, nodes.Name):
            yield node.node.name


def _bound(tree: nodes.Node) -> Iterator[str]:
    for node in tree.find_all(nodes.Node):
        yield from _bound_by(node)


def _bound_by(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Macro) or (isinstance(node, nodes.Name) and node.ctx != "load"):
        yield node.name
    elif isinstance(node, nodes.Import):
        yield node.target
    elif isinstance(node, nodes.FromImport):
        yield from (name if isinstance(name, str) else name[1] for name in node.names)


def _exported(tree: nodes.Template) -> Iterator[str]:
    if any(block.scoped for block in tree.find_all(nodes.Block)):
        # Scoped blocks see the names of the loops around them.
        yield from _bound(tree)
    waiting: list[nodes.Node] = [*tree.body]
    for node in waiting:
        if isinstance(node, nodes.If):
            waiting += [*node.body, *node.elif_, *node.else_]
        elif isinstance(node, (nodes.Assign, nodes.AssignBlock)):
            yield from _bound(node)
        else:
            yield from _bound_by(node)


def _references(tree: nodes.Template) -> Iterator[Reference]:
    for node in tree.find_all((nodes.Extends, nodes.Include, *_IMPORTS)):
        names = [*meta.find_referenced_templates(nodes.Template([node], lineno=1))]
        optional = getattr(node, "ignore_missing", False) or len(names) > 1
        kind = "import" if isinstance(node, _IMPORTS) else type(node).__name__.lower()
        shares = getattr(node, "with_context", True)
        takes: Iterable[str | tuple[str, str]] = getattr(node, "names", ())
        taken = frozenset(name if isinstance(name, str) else name[0] for name in takes)
        for name in names:
            yield Reference(kind, name, None, node.lineno, optional, shares, taken)
