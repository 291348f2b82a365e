"""Where templates come from: built in, a folder, a zip, a git repository, an installed package."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kscaffold import __version__
from kscaffold.errors import AnswerError, Place, TemplateError
from kscaffold.hints import near
from kscaffold.safety.files import MAX_TEXT, add_to_digest, read_regular
from kscaffold.template.blocks import check_blocks
from kscaffold.template.manifest import Manifest, Value
from kscaffold.template.manifest.merging import (
    Choice,
    ManifestFile,
    choice_folder,
    merge,
    parse_manifest,
)
from kscaffold.template.manifest.tables import Head
from kscaffold.template.origins import BUILT_IN, Origin
from kscaffold.template.overlays import JOURNAL, MANIFEST, MAX_BYTES, Layer, Layers
from kscaffold.toml import TomlError, parse_toml, read_table

GROUP = "kscaffold.templates"
GIT_URL = re.compile(r"(git\+)?(\w+)://.+|[\w.-]+@[\w.-]+:.+")
# Deeper than any chain of overlays that makes sense: one that extends itself ends here.
DEEPEST = 10
# A source, and the branch, tag or commit of it.
Pinned = tuple[str, str | None]


@dataclass(frozen=True)
class Template:
    """A template: its folders, where each came from, and what its manifests say together.

    Attributes:
        layers: the folders, with those that are choices if these are made.
        origins: where the layers came from, without the choices.
        notices: what whoever uses it should know.
        stack: the layers as they were found.
        choices: the folders that are choices, of all questions.
        is_chosen: whether the choices are made.
    """

    layers: Layers
    origins: tuple[Origin, ...]
    manifest: Manifest
    notices: tuple[str, ...] = ()
    stack: tuple[Found, ...] = ()
    choices: tuple[Part, ...] = ()
    is_chosen: bool = False

    @property
    def parts(self) -> list[Part]:
        """All layers and choices, from the bottom to the top."""
        return _order(self.stack, self.choices)

    @property
    def everything(self) -> Layers:
        """All layers, with every folder that is a choice."""
        return Layers(each.found.layer for each in self.parts)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The index in `stack` of each of `layers`."""
        return tuple(
            next(part.number for part in self.parts if part.found.layer == layer)
            for layer in self.layers
        )

    def chosen(self, answers: Mapping[str, Value], *, is_whole: bool = True) -> Template:
        """Return the template with the choices that the answers take on top of their layers.

        Args:
            answers: the answers to the questions.
            is_whole: whether these are all, so that no name may be missing.

        Raises:
            TemplateError: two of them override the same block, or break the manifest.
        """
        if self.is_chosen or not self.choices:
            return self
        taken = [each for each in self.choices if answers.get(each.question) in each.answers]
        for number in range(len(self.stack)):
            layers = [(each.question, each.found.layer) for each in taken if each.number == number]
            check_blocks(layers)
        manifest = merge((each.manifest(each in taken) for each in self.parts), is_whole)
        chosen = Layers(each.found.layer for each in _order(self.stack, taken))
        return replace(self, layers=chosen, manifest=manifest, is_chosen=True)

    @property
    def root(self) -> Path:
        """The folder of the bottom layer."""
        return self.layers[0].root

    @property
    def is_foreign(self) -> bool:
        """Whether any of it is not our own."""
        return any(origin.kind != BUILT_IN for origin in self.origins)


@dataclass(frozen=True)
class Found:
    """A layer, before it is put on top of others.

    Attributes:
        values: what its manifest says, of which no more is checked than `head`.
        is_named: whether it was asked for, and not for the sake of what extends it.
    """

    layer: Layer
    origin: Origin
    head: Head
    values: Mapping[str, Any]
    is_named: bool = False

    @property
    def place(self) -> Place:
        """What errors call its manifest."""
        return Place(f"{self.layer.place}{MANIFEST}")

    def manifest(self, values: Mapping[str, Any]) -> ManifestFile:
        """Return its manifest, with these values, and the files that need not be listed in it."""
        return ManifestFile(values, self.place, self.layer.files())


@dataclass(frozen=True)
class Part:
    """A layer, or a folder of it that is an answer to a question.

    Attributes:
        number: which layer it belongs to.
        question: what the folder is an answer to; empty for the layer itself.
        folder: the folder in that layer, such as "data/csv"; empty for the layer itself.
        answers: the answers that it belongs to: its own, and those of choices that extend it.
    """

    found: Found
    number: int
    question: str = ""
    folder: str = ""
    answers: frozenset[str] = frozenset()

    @property
    def answer(self) -> str:
        """The answer that chooses it."""
        return self.folder.rpartition("/")[2]

    @property
    def option(self) -> str:
        """The option that chooses it, such as "--data csv"."""
        return f"--{self.question.replace('_', '-')} {self.answer}"

    def manifest(self, is_chosen: bool) -> ManifestFile:
        """Return its manifest, of which only the questions count if it is not chosen."""
        file = self.found.manifest(self.found.values)
        if not self.question:
            return file
        choice = Choice(self.question, self.answer, tuple(sorted(self.answers)))
        return replace(file, choice=choice, is_chosen=is_chosen)


def _order(stack: Sequence[Found], choices: Sequence[Part]) -> list[Part]:
    """Return layers with their choices, from the bottom to the top."""
    layers = [Part(found, number) for number, found in enumerate(stack)]
    return sorted([*layers, *choices], key=lambda each: each.number)


def find_choices(stack: Sequence[Found]) -> tuple[list[Found], tuple[Part, ...]]:
    """Find the folders that are choices; return the layers without them, and them.

    Raises:
        TemplateError: one has no readable manifest, lies outside its template, or extends no other.
    """
    folders = {
        name: folder
        for found in stack
        for name, keys in _tables(found.values.get("questions"))
        if (folder := choice_folder(keys))
    }
    choices = tuple(
        Part(_folder_found(found, folder, path), number, question, f"{folder}/{path.name}")
        for number, found in enumerate(stack)
        for question, folder in folders.items()
        for path in sorted((found.layer.root / folder).glob("*"))
        if (path / MANIFEST).is_file()
    )
    apart = frozenset(folders.values())
    rest = [replace(found, layer=replace(found.layer, apart=apart)) for found in stack]
    return rest, _extending(choices)


def _extending(choices: Sequence[Part]) -> tuple[Part, ...]:
    """Return choices with the answers that each belongs to, those that are extended first."""
    chains = {(each.question, each.answer): [each.answer] for each in choices}
    above = {(each.question, each.answer): each for each in choices if each.found.head.extends}
    for (question, _), chain in chains.items():
        while part := above.get((question, chain[-1])):
            extended = str(part.found.head.extends)
            if (question, extended) not in chains or extended in chain:
                reason = f"extends {extended!r}, which is no other choice of {question!r}"
                hint = near(extended, [name for of, name in chains if of == question])
                raise TemplateError(reason, place=part.found.place, hint=hint)
            chain.append(extended)
    questions = list(dict.fromkeys(question for question, _ in chains))

    def order(part: Part) -> tuple[int, int, int]:
        depth = len(chains[part.question, part.answer])
        return part.number, questions.index(part.question), depth

    return tuple(
        replace(
            part,
            answers=frozenset(
                n for (q, n), c in chains.items() if q == part.question and part.answer in c
            ),
        )
        for part in sorted(choices, key=order)
    )


def _tables(value: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the tables of a table, which is not checked yet."""
    for name, keys in value.items() if isinstance(value, dict) else ():
        if isinstance(keys, dict):
            yield name, keys


def _folder_found(found: Found, folder: str, path: Path) -> Found:
    name = f"{folder}/{path.name}"
    # A link that leads out of the template would let it read any folder.
    found.layer.path_of(f"{name}/{MANIFEST}")
    return _read(path, found.origin, f"{found.layer.name}/{name}", f"{found.layer.place}{name}/")


def template_root() -> Path:
    """Return the folder of the built-in template: installed with the package, or the checkout's."""
    package = Path(__file__).parents[1]
    installed = package / "templates"
    return installed if installed.is_dir() else package.parents[1] / "templates"


def load_template(root: Path | None = None) -> Template:
    """Load the template in a folder, or an overlay on what it extends; else the built-in one.

    Raises:
        TemplateError: there is no manifest, or it is broken.
    """
    return load_templates([str(root)] if root else [], Path())


def load_templates(sources: Sequence[str], base: Path, ref: str | None = None) -> Template:
    """Load templates on top of each other, the first one at the bottom.

    A whole template drops what is below it; so does an overlay that extends something else.

    Args:
        sources: "builtin", paths of folders and zips, URLs of git repositories, names of
            installed templates.
        base: the folder that relative paths start from.
        ref: the branch, tag or commit of the one git repository among them.

    Raises:
        AnswerError: there is no such source, or `ref` does not go with the sources.
        TemplateError: a template cannot be fetched, has no manifest, or it is broken.
    """
    return _template(find_all(sources, base, ref))


def load_pinned(sources: Sequence[Pinned], base: Path) -> Template:
    """Load templates of which each may have a ref of its own; raises like `load_templates`."""
    return _template(_find_pinned(sources, base))


def pinned(sources: Sequence[str], refs: Sequence[str]) -> list[Pinned]:
    """Return each source with its ref: refs are those of the git repositories, in their order.

    Raises:
        AnswerError: there are more or fewer of them than repositories, but for none at all.
    """
    count = sum(map(is_git, sources))
    if len(refs) not in (0, count):
        wrong = f"there are {len(refs)} for {count}"
        reason = "needs one git repository as --template" if len(refs) == 1 else wrong
        hint = "give one for each git repository, in their order"
        raise AnswerError(reason, key="--ref", hint=hint)
    left = iter(refs)
    return [(source, next(left, None) if is_git(source) else None) for source in sources]


def find_all(sources: Sequence[str], base: Path, ref: str | None = None) -> list[Found]:
    """Find templates and what they extend, the bottom one first; raises like `load_templates`.

    Of their manifests no more is read than it takes to put them on top of each other.
    """
    return _find_pinned(pinned(sources, [] if ref is None else [ref]), base)


def _find_pinned(sources: Sequence[Pinned], base: Path) -> list[Found]:
    stack: list[Found] = []
    for source, ref in sources or [(BUILT_IN, None)]:
        found = replace(find(source, base, ref), is_named=True)
        if found.origin not in [below.origin for below in stack]:
            stack = _put(stack, found, base, DEEPEST)
    return stack


def recorded_layers(path: Path) -> list[dict[str, str]] | None:
    """Return the layers that a project records in its answers.toml; None: it is no such file."""
    try:
        values = parse_toml(read_regular(path, MAX_TEXT))
        layers = values["kscaffold"].get("layers", [])
        return [{str(key): str(value) for key, value in layer.items()} for layer in layers]
    except (OSError, TomlError, KeyError, AttributeError, TypeError):
        return None


def load_recorded(layers: Sequence[Mapping[str, str]], project: Path) -> Template:
    """Load the template that a project was made from; raises like `load_templates`.

    A path is looked for as seen from the project, then where it was. A layer that is no longer
    what it was is noticed.
    """
    stack = [find(BUILT_IN, project)]
    notices = []
    for layer in layers:
        source = layer.get("source", "")
        relative = layer.get("relative")
        if relative and (project / relative).exists():
            source = str(project / relative)
        commit = layer.get("commit") if is_git(source) else None
        found = find(source, project, commit)
        stack = _put(stack, found, project, DEEPEST)
        if found.origin.digest != layer.get("digest"):
            notices.append(f"the template {found.origin.source} has changed since then")
    return replace(_template(stack), notices=tuple(notices))


def _put(stack: list[Found], found: Found, base: Path, depth: int) -> list[Found]:
    extends = found.head.extends
    if extends is None:
        return [found]
    if not any(extends in (below.layer.name, below.origin.source) for below in stack):
        if depth == 0:
            raise TemplateError("extends itself in the end", place=found.place)
        base = found.layer.root
        if found.origin.kind in ("git", "zip") and not re.fullmatch(r"\w[\w.-]*", extends):
            # What is fetched gets at nothing beside it.
            hint = (
                f"a template from a {found.origin.kind} extends 'builtin' or an installed template"
            )
            raise TemplateError(f"extends {extends!r}", place=found.place, hint=hint)
        below = find(extends, base)
        already = [each.origin.source for each in stack]
        if below.origin.source not in already:
            stack = _put([], below, base, depth - 1)
    return [*stack, found]


def _template(found: Sequence[Found]) -> Template:
    return stacked(*find_choices(found))


def stacked(stack: Sequence[Found], choices: tuple[Part, ...]) -> Template:
    """Return the template that layers and choices make together; raises `TemplateError`."""
    files = [each.manifest(is_chosen=False) for each in _order(stack, choices)]
    manifest = merge(files, is_chosen=not choices)
    layers = Layers(each.layer for each in stack)
    origins = tuple(each.origin for each in stack)
    return Template(layers, origins, manifest, stack=tuple(stack), choices=choices)


def is_git(source: str) -> bool:
    """Return whether a source is the URL of a git repository."""
    return bool(GIT_URL.fullmatch(source))


def find(source: str, base: Path, ref: str | None = None) -> Found:
    """Find one source, and fetch it where it is not a folder yet; raises like `load_templates`."""
    if source == BUILT_IN:
        return _read(template_root(), Origin(BUILT_IN, BUILT_IN), BUILT_IN, f"{BUILT_IN}/")
    if is_git(source):
        from kscaffold.template.fetch_git import fetch
        from kscaffold.template.git import without_password

        root, commit = fetch(source, ref)
        source = without_password(source)
        name = re.split("[/:]", source.rstrip("/"))[-1].removesuffix(".git")
        origin = Origin("git", source, ref, commit)
        return _read(root, origin, name, f"{source}@{commit[:10]}/")
    path = base / Path(source).expanduser()
    if path.is_dir() and (path / MANIFEST).exists():
        if not re.search(r"[/\\]", source) and source in installed():
            reason = f"template {source!r} is both a folder and an installed template"
            raise AnswerError(reason, hint=f"for the folder, write ./{source}")
        place = "" if source in ("", ".") else f"{source.rstrip('/')}/"
        return _read(path, Origin("folder", _absolute(path)), path.resolve().name, place)
    if path.suffix == ".zip":
        from kscaffold.template.fetch_zip import unpack

        root = unpack(path)
        return _read(root, Origin("zip", _absolute(path)), path.stem, f"{source}/")
    if path.is_dir() and source not in installed():
        raise TemplateError(f"no readable {MANIFEST}, so it is no template", place=source)
    return _installed(source)


def _absolute(path: Path) -> str:
    return Path(os.path.realpath(path)).as_posix()


def _installed(name: str) -> Found:
    known = installed()
    if name not in known:
        hint = near(name, known) or "give a folder, a zip, a git URL or an installed template"
        raise AnswerError(f"there is no template {name!r}", hint=hint)
    root = _package_folder(known[name], name)
    return _read(root, Origin("installed", name), name, f"{name}/")


def installed() -> dict[str, str]:
    """Return the templates that installed packages offer: name -> package of the files."""
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=GROUP)}


def _package_folder(package: str, name: str) -> Path:
    """Find a package's folder without importing it: a template runs no code."""
    from importlib.util import find_spec

    top, *below = package.partition(":")[0].split(".")
    spec = find_spec(top)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location, *below)
        if (folder / MANIFEST).is_file():
            return folder
    reason = f"no {MANIFEST} in the package {package}"
    raise TemplateError(reason, place=f"the installed template {name!r}")


def _read(root: Path, origin: Origin, name: str, place: str) -> Found:
    if (root / JOURNAL).exists():
        reason, hint = "half written by a run that was stopped", "run it again to undo that"
        raise TemplateError(reason, place=place or str(root), hint=hint)
    try:
        text = Layer(name, root, place).read_bytes(MANIFEST, MAX_TEXT).decode("utf-8")
    except (TemplateError, UnicodeDecodeError) as error:
        reason = error.reason
        raise TemplateError(f"no readable {MANIFEST}: {reason}", place=place or str(root)) from None
    values = parse_manifest(text, f"{place}{MANIFEST}")
    head = read_table(Head, values, Place(f"{place}{MANIFEST}"))
    if head.template.minimum_version is not None:
        _check_version(head.template.minimum_version, Place(f"{place}{MANIFEST}"))
    about = head.template
    layer = Layer(about.name or name, root, place, about.description or "")
    if origin.kind != BUILT_IN and origin.digest is None:
        origin = replace(origin, digest=digest(layer))
    return Found(layer, origin, head, values)


def _check_version(needed: str, place: Place) -> None:
    from packaging.version import InvalidVersion, Version

    try:
        is_too_old = Version(__version__) < Version(needed)
    except InvalidVersion:
        reason = f"must be a version, such as '0.1.0', not {needed!r}"
        place = place.below("template")
        raise TemplateError(reason, place=place, key="minimum_version") from None
    if is_too_old:
        reason = f"needs kscaffold {needed}, this is {__version__}"
        raise TemplateError(reason, place=place, hint=f"pip install 'kscaffold>={needed}'")


def digest(layer: Layer) -> str:
    """Return the SHA-256 of all paths and contents of a layer; raises `TemplateError`."""
    whole = hashlib.sha256()
    left = MAX_BYTES
    for path in (MANIFEST, *layer.files()):
        with layer.open(path, MAX_BYTES) as file:
            left -= os.fstat(file.fileno()).st_size
            if left < 0:
                place = layer.place or str(layer.root)
                raise TemplateError(f"more than {MAX_BYTES >> 20} MiB", place=place)
            add_to_digest(whole, path, file)
    return whole.hexdigest()
