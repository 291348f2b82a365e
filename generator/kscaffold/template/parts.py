"""The folders with a manifest that a template is made of: layers, and choices in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kscaffold import __version__
from kscaffold.errors import Place, TemplateError
from kscaffold.safety.files import MAX_TEXT
from kscaffold.template.manifest.file import (
    Choice,
    ManifestFile,
    choice_folder,
    parse_manifest,
)
from kscaffold.template.manifest.tables import Head
from kscaffold.template.origins import BUILT_IN, Origin
from kscaffold.template.overlays import JOURNAL, MANIFEST, Layer
from kscaffold.toml import read_table


@dataclass(frozen=True)
class Part:
    """A layer of a template, or a folder in it that is an answer to a question.

    Attributes:
        layer: the folder.
        origin: where it came from.
        head: what of its manifest is checked.
        values: what its manifest says.
        is_named: whether it was asked for, and not for the sake of what extends it.
        number: which layer it is, or belongs to; 0 is the bottom one.
        question: what a choice is an answer to; empty for a layer.
        folder: the folder of a choice in its layer, such as "data/csv"; empty for a layer.
    """

    layer: Layer
    origin: Origin
    head: Head
    values: Mapping[str, Any]
    is_named: bool = False
    number: int = 0
    question: str = ""
    folder: str = ""

    @property
    def place(self) -> Place:
        """What errors call its manifest."""
        return Place(f"{self.layer.place}{MANIFEST}")

    @property
    def answer(self) -> str:
        """The answer that chooses it."""
        return self.folder.rpartition("/")[2]

    @property
    def option(self) -> str:
        """The option that chooses it, such as "--data csv"."""
        return Choice(self.question, self.answer).option

    def goes_by(self, name: str) -> bool:
        """Return whether an overlay that extends it can call it so."""
        return name in (self.layer.name, self.origin.source)

    def manifest(self, *, is_chosen: bool) -> ManifestFile:
        """Return its manifest; of a choice that is not made, only the questions count."""
        if not self.question:
            return ManifestFile(self.values, self.place, self.layer.files())
        choice = Choice(self.question, self.answer)
        return ManifestFile(self.values, self.place, self.layer.files(), choice, is_chosen)


def read_part(root: Path, origin: Origin, name: str, place: str) -> Part:
    """Read the manifest of a folder, as far as it takes to put it on top of others.

    Args:
        root: the folder.
        origin: where it came from.
        name: what other layers call it, if its manifest does not say.
        place: what stands before a file's path in messages.

    Raises:
        TemplateError: there is no readable manifest, or it needs another version of kscaffold.
    """
    if (root / JOURNAL).exists():
        reason, hint = "half written by a run that was stopped", "run it again to undo that"
        raise TemplateError(reason, place=place or str(root), hint=hint)
    try:
        text = Layer(name, root, place).read_bytes(MANIFEST, MAX_TEXT).decode("utf-8")
    except (TemplateError, UnicodeDecodeError) as error:
        reason = f"no readable {MANIFEST}: {error.reason}"
        raise TemplateError(reason, place=place or str(root)) from None
    values = parse_manifest(text, f"{place}{MANIFEST}")
    head = read_table(Head, values, Place(f"{place}{MANIFEST}"))
    about = head.template
    _check_version(about.minimum_version, Place(f"{place}{MANIFEST}"))
    layer = Layer(about.name or name, root, place, about.description or "")
    if origin.kind != BUILT_IN and origin.digest is None:
        origin = replace(origin, digest=layer.digest())
    return Part(layer, origin, head, values)


def _check_version(needed: str | None, place: Place) -> None:
    if needed is None:
        return
    from packaging.version import InvalidVersion, Version

    try:
        is_too_old = Version(__version__) < Version(needed)
    except InvalidVersion:
        reason, place = f"must be a version, such as '0.1.0', not {needed!r}", place.below(
            "template"
        )
        raise TemplateError(reason, place=place, key="minimum_version") from None
    if is_too_old:
        reason = f"needs kscaffold {needed}, this is {__version__}"
        raise TemplateError(reason, place=place, hint=f"pip install 'kscaffold>={needed}'")


def with_choices(layers: Sequence[Part]) -> list[Part]:
    """Return layers, each followed by the folders in it that are choices.

    Raises:
        TemplateError: one has no readable manifest, or lies outside its template.
    """
    folders = {
        name: folder
        for part in layers
        for name, keys in _tables(part.values.get("questions"))
        if (folder := choice_folder(keys))
    }
    apart = frozenset(folders.values())
    parts = []
    for number, part in enumerate(layers):
        parts.append(replace(part, number=number, layer=replace(part.layer, apart=apart)))
        for question, folder in folders.items():
            for path in sorted((part.layer.root / folder).glob("*")):
                if (path / MANIFEST).is_file():
                    choice = _choice(part, f"{folder}/{path.name}")
                    parts.append(replace(choice, number=number, question=question))
    return parts


def _tables(value: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the tables of a table, which is not checked yet."""
    for name, keys in value.items() if isinstance(value, dict) else ():
        if isinstance(keys, dict):
            yield name, keys


def _choice(part: Part, folder: str) -> Part:
    # A link that leads out of the template would let it read any folder.
    part.layer.path_of(f"{folder}/{MANIFEST}")
    name, place = f"{part.layer.name}/{folder}", f"{part.layer.place}{folder}/"
    found = read_part(part.layer.root / folder, part.origin, name, place)
    return replace(found, folder=folder)
