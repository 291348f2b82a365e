"""Template files and expressions, read by the renderer's Jinja and not rendered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import jinja2
from jinja2 import meta, nodes
from jinja2.parser import Parser

from kscaffold.errors import TemplateError
from kscaffold.hints import near
from kscaffold.project.render import Renderer
from kscaffold.safety.limits import LONGEST_SOURCE

_IMPORTS = (nodes.Import, nodes.FromImport)
# What reading a template raises: one that is wrong, too deep, or with too long a number.
UNREADABLE = (jinja2.TemplateSyntaxError, RecursionError, ValueError)


@dataclass(frozen=True)
class Fault:
    """What is wrong with a text by itself: a rule's name, the line, what, and the fix."""

    rule: str
    line: int
    message: str
    fix: str


@dataclass(frozen=True)
class Reference:
    """A file that another one extends, includes or imports.

    Attributes:
        kind: "extends", "include" or "import".
        name: as it is written; None where it is worked out while rendering.
        target: the file, such as "0:package/a.py.jinja", whether or not it is there.
        optional: whether it may be missing.
        shares: whether it sees the names of the file that names it.
        takes: the names that are imported from it.
    """

    kind: str
    name: str | None
    target: str | None
    line: int
    optional: bool
    shares: bool
    takes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Parsed:
    """A template, or an expression.

    Attributes:
        text: as the author wrote it.
        tree: None where it cannot be read.
        free: the names that it takes from elsewhere -> the line of the first use.
        optional: those of them that may be undefined, since it asks or has a default.
        bound: the names that it sets, imports or defines anywhere.
        exported: those of them that its blocks and what it extends see, too.
    """

    text: str
    tree: nodes.Template | None = None
    faults: tuple[Fault, ...] = ()
    references: tuple[Reference, ...] = ()
    free: Mapping[str, int] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    bound: frozenset[str] = frozenset()
    exported: frozenset[str] = frozenset()


def parse_file(renderer: Renderer, name: str) -> Parsed:
    """Read a template file, such as "0:package/a.py.jinja"; a fault is told, not raised."""
    environment = renderer.environment
    number, _, path = name.partition(":")
    try:
        raw = renderer.layers[int(number)].read(path)
        assert environment.loader is not None
        source = environment.loader.get_source(environment, name)[0]
    except TemplateError as error:
        fix = "save it as UTF-8 in the template's folder, or name it without .jinja"
        return Parsed("", faults=(Fault("unreadable-file", 1, f"it {error.reason}", fix),))
    return _parsed(environment, source, raw, name)


def parse_text(renderer: Renderer, text: str) -> Parsed:
    """Read a text of the manifest that may hold expressions, and no statements."""
    if len(text) > LONGEST_SOURCE:
        return Parsed(text, faults=(_too_long(text),))
    if "{%" in text:
        message = "the manifest takes {{ expressions }}, no statements"
        fault = Fault("syntax", 1, message, "derive a value under [derived], or use a file")
        return Parsed(text, faults=(fault,))
    return _parsed(renderer.environment, text, text)


def parse_expression(renderer: Renderer, expression: str) -> Parsed:
    """Read an expression of the manifest."""
    environment = renderer.environment
    if len(expression) > LONGEST_SOURCE:
        return Parsed(expression, faults=(_too_long(expression),))
    try:
        parser = Parser(environment, expression, state="variable")
        body = parser.parse_expression()
        if not parser.stream.eos:
            parser.fail("there is more behind the expression", body.lineno)
    except UNREADABLE as error:
        return Parsed(expression, faults=(_syntax(error),))
    tree = nodes.Template([nodes.Output([body], lineno=1)], lineno=1)
    tree.set_environment(environment)
    return _described(environment, tree, expression)


def _parsed(
    environment: jinja2.Environment, source: str, raw: str, name: str | None = None
) -> Parsed:
    try:
        tree = environment.parse(source, name)
    except UNREADABLE as error:
        return Parsed(raw, faults=(_syntax(error),))
    return _described(environment, tree, raw, name)


def _described(
    environment: jinja2.Environment, tree: nodes.Template, raw: str, name: str | None = None
) -> Parsed:
    faults: list[Fault] = []
    try:
        faults += _unknown(environment, tree)
        undeclared = meta.find_undeclared_variables(_with_known_names(environment, tree))
        return Parsed(
            raw,
            tree,
            tuple(faults),
            tuple(_references(environment, tree, name)) if name else (),
            {each: _first_line(tree, each) for each in sorted(undeclared)},
            frozenset(_optional(tree)),
            frozenset(_bound(tree)),
            frozenset(_exported(tree)),
        )
    except UNREADABLE as error:
        return Parsed(raw, faults=(*faults, _syntax(error)))


def _syntax(error: Exception) -> Fault:
    if isinstance(error, jinja2.TemplateSyntaxError):
        reason = (error.message or "").rstrip(".")
        return Fault("syntax", error.lineno, reason, "see jinja.palletsprojects.com/templates")
    message = "it is nested too deeply, or a number in it is too long"
    return Fault("syntax", 1, message, "make it shorter")


def _too_long(text: str) -> Fault:
    message = f"{len(text)} characters; more than {LONGEST_SOURCE} are not allowed"
    return Fault("syntax", 1, message, "derive values under [derived], or use a file")


def _unknown(environment: jinja2.Environment, tree: nodes.Template) -> Iterator[Fault]:
    for kind, node_type, known in (
        ("filter", nodes.Filter, environment.filters),
        ("test", nodes.Test, environment.tests),
    ):
        for node in tree.find_all(node_type):
            if node.name not in known:
                fix = near(node.name, known) or f"use {', '.join(known)}"
                message = f"there is no {kind} {node.name!r}"
                yield Fault(f"unknown-{kind}", node.lineno, message, fix)


def _with_known_names(environment: jinja2.Environment, tree: nodes.Template) -> nodes.Template:
    """Put filters and tests that are there in place of the unknown, which Jinja refuses."""
    for filtered in tree.find_all(nodes.Filter):
        if filtered.name not in environment.filters:
            filtered.name = "string"
    for tested in tree.find_all(nodes.Test):
        if tested.name not in environment.tests:
            tested.name = "none"
    return tree


def _first_line(tree: nodes.Template, name: str) -> int:
    lines = [node.lineno for node in tree.find_all(nodes.Name) if node.name == name]
    return min(lines, default=1)


def _optional(tree: nodes.Template) -> Iterator[str]:
    for test in tree.find_all(nodes.Test):
        if test.name in ("defined", "undefined") and isinstance(test.node, nodes.Name):
            yield test.node.name
    for filtered in tree.find_all(nodes.Filter):
        if filtered.name in ("default", "d") and isinstance(filtered.node, nodes.Name):
            yield filtered.node.name


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
        # Such a block sees the names of the loops around it.
        yield from _bound(tree)
    waiting: list[nodes.Node] = [*tree.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, nodes.If):
            waiting += [*node.body, *node.elif_, *node.else_]
        elif isinstance(node, (nodes.Assign, nodes.AssignBlock)):
            yield from _bound(node)
        else:
            yield from _bound_by(node)


def _references(
    environment: jinja2.Environment, tree: nodes.Template, parent: str
) -> Iterator[Reference]:
    for node in tree.find_all((nodes.Extends, nodes.Include, *_IMPORTS)):
        names = [*_names(node.template)]  # type: ignore[attr-defined]
        optional = getattr(node, "ignore_missing", False) or len(names) > 1
        kind = "import" if isinstance(node, _IMPORTS) else type(node).__name__.lower()
        shares = getattr(node, "with_context", True)
        takes = node.names if isinstance(node, nodes.FromImport) else ()
        taken = frozenset(name if isinstance(name, str) else name[0] for name in takes)
        for name in names:
            target = environment.join_path(name, parent) if name is not None else None
            yield Reference(kind, name, target, node.lineno, optional, shares, taken)


def _names(template: nodes.Expr) -> Iterator[str | None]:
    items = template.items if isinstance(template, (nodes.List, nodes.Tuple)) else [template]
    for item in items:
        values = item.value if isinstance(item, nodes.Const) else None
        for value in values if isinstance(values, (list, tuple)) else [values]:
            yield value if isinstance(value, str) else None
