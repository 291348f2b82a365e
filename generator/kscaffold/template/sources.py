"""Load templates from their sources, or from the record of a project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kscaffold.errors import AnswerError, TemplateError
from kscaffold.safety.files import MAX_TEXT, read_regular
from kscaffold.template.choices import with_choices
from kscaffold.template.fetch import find, find_by_name, installed, is_git
from kscaffold.template.parts import BUILT_IN, Part
from kscaffold.template.stack import Template, stacked
from kscaffold.toml import TomlError, parse_toml

# Of chains of overlays, so that one that extends itself ends.
DEEPEST = 10
# A source, and a branch, tag or commit of it.
Pinned = tuple[str, str | None]


def load_template(root: Path | None = None) -> Template:
    """Load the template in a folder, by default the built-in one; raises `TemplateError`."""
    return load_templates([str(root)] if root else [], Path())


def load_templates(sources: Sequence[str], base: Path, ref: str | None = None) -> Template:
    """Load templates on top of each other, the first one at the bottom.

    A whole template replaces what is below it, and so does an overlay that extends something else.

    Sources are "builtin", paths of folders and zips (relative to `base`), URLs of git repositories
    and names of installed templates; `ref` belongs to the one git repository among them.

    Raises:
        AnswerError: there is no such source, or `ref` does not fit the sources.
        TemplateError: a template cannot be fetched, or its manifest is missing or broken.
    """
    return load_pinned(pinned(sources, [] if ref is None else [ref]), base)


def load_pinned(sources: Sequence[Pinned], base: Path) -> Template:
    """Load templates that may each have a ref; raises like `load_templates`."""
    return stacked(with_choices(find_all(sources, base)))


def pinned(sources: Sequence[str], refs: Sequence[str]) -> list[Pinned]:
    """Return each source with its ref; raises `AnswerError`.

    The refs are those of the git sources, in order: none, or as many as there are.
    """
    count = sum(map(is_git, sources))
    if len(refs) not in (0, count):
        wrong = f"there are {len(refs)} for {count}"
        reason = "needs one git repository as --template" if len(refs) == 1 else wrong
        hint = "give one for each git repository, in their order"
        raise AnswerError(reason, key="--ref", hint=hint)
    left = iter(refs)
    return [(source, next(left, None) if is_git(source) else None) for source in sources]


def find_all(sources: Sequence[Pinned], base: Path) -> list[Part]:
    """Find templates and what they extend, from the bottom up; raises like `load_templates`."""
    stack: list[Part] = []
    for source, ref in sources or [(BUILT_IN, None)]:
        found = replace(find(source, base, ref), is_named=True)
        if found.origin not in [below.origin for below in stack]:
            stack = _put(stack, found)
    return stack


def recorded_layers(path: Path) -> list[dict[str, str]] | None:
    """Return the layers in the answers.toml of a project; None: it is not such a file."""
    try:
        values = parse_toml(read_regular(path, MAX_TEXT))
        layers = values["kscaffold"].get("layers", [])
        return [{str(key): str(value) for key, value in layer.items()} for layer in layers]
    except (OSError, TomlError, KeyError, AttributeError, TypeError):
        return None


def load_recorded(layers: Sequence[Mapping[str, str]], project: Path) -> Template:
    """Load the template that a project was made from; raises like `load_templates`.

    Folders are looked for relative to the project, then at their old path. Layers that have changed
    give a notice.
    """
    sources = [(BUILT_IN, None), *(_recorded_source(layer, project) for layer in layers)]
    template = load_pinned(sources, project)
    known = {layer.get("digest") for layer in layers}
    changed = [each.source for each in template.origins if each.digest not in {None, *known}]
    notices = tuple(f"the template {source} has changed since then" for source in changed)
    return replace(template, notices=notices)


def _recorded_source(layer: Mapping[str, str], project: Path) -> Pinned:
    source, relative = layer.get("source", ""), layer.get("relative")
    if relative and (project / relative).exists():
        return str(project / relative), None
    return source, layer.get("commit") if is_git(source) else None


def _put(stack: list[Part], found: Part, depth: int = DEEPEST) -> list[Part]:
    """Return the stack with one more layer on top of what it extends."""
    extends = found.extends
    if extends is None:
        return [found]
    if not any(extends in (below.layer.name, below.origin.source) for below in stack):
        if depth == 0:
            raise TemplateError("extends itself in the end", place=found.place)
        kind = found.origin.kind
        if kind in ("git", "zip") and extends != BUILT_IN and extends not in installed():
            # A fetched template has no access to folders, not even to those in it: these could go
            # on to extend any other.
            hint = f"a template from a {kind} extends 'builtin' or an installed template"
            raise TemplateError(f"extends {extends!r}", place=found.place, hint=hint)
        try:
            by_name = kind in ("git", "zip")
            below = find_by_name(extends) if by_name else find(extends, found.layer.root)
        except AnswerError as error:
            raise TemplateError(
                error.reason, place=found.place, key="extends", hint=error.hint
            ) from None
        if below.origin.source not in [each.origin.source for each in stack]:
            stack = _put([], below, depth - 1)
    return [*stack, found]
