"""The parts of a template: layers and the choices in them, each a folder with a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from msgspec import Struct

from kscaffold import __version__
from kscaffold.errors import Place, TemplateError
from kscaffold.safety.files import MAX_TEXT
from kscaffold.template.manifest.tables import TemplateTable
from kscaffold.template.overlays import JOURNAL, MANIFEST, Layer
from kscaffold.toml import TomlError, parse_toml, read_table

# In characters: longer than any manifest written by hand.
LONGEST = 1_000_000
# The source of the built-in template, and its name.
BUILT_IN = "builtin"


@dataclass(frozen=True)
class Origin:
    """Where a layer came from."""

    kind: str  # "builtin", "folder", "zip", "git" or "installed"
    source: str  # an absolute path, a URL, or the name of an installed template
    ref: str | None = None  # that was asked for
    commit: str | None = None  # that was used
    digest: str | None = None  # SHA-256 of the paths and contents of all files, in hexadecimal


class _AnyTemplateTable(TemplateTable, frozen=True, forbid_unknown_fields=False):
    """The table [template], whatever else it holds."""


class ManifestHead(Struct, frozen=True):
    """What is read of a manifest before it is merged."""

    extends: str | None = None
    template: _AnyTemplateTable = _AnyTemplateTable()


@dataclass(frozen=True)
class Part:
    """A layer of a template, or a choice: a folder in it that is an answer to a question."""

    layer: Layer
    origin: Origin
    values: Mapping[str, Any]  # its manifest, of which only `ManifestHead` is checked
    is_named: bool = False  # as a source, and not only extended by one
    number: int = 0  # the index of its layer; 0 is the bottom one
    # Of a choice: the question that it answers, its folder in the layer, such as "data/csv", and
    # the answers that choose it: its own, and those of choices that extend it.
    question: str = ""
    folder: str = ""
    answers: frozenset[str] = frozenset()

    @property
    def place(self) -> Place:
        """Its manifest, as errors show it."""
        return Place(f"{self.layer.place}{MANIFEST}")

    @property
    def extends(self) -> str | None:
        """The layer, or for a choice the other choice, that it is put on top of."""
        return self.values.get("extends")

    @property
    def answer(self) -> str:
        """The answer that chooses it."""
        return self.folder.rpartition("/")[2]

    @property
    def option(self) -> str:
        """The option that chooses it, such as "--data csv"."""
        answers = self.answer if self.is_offered else " or ".join(sorted(self.answers))
        return f"--{self.question.replace('_', '-')} {answers}"

    @property
    def is_offered(self) -> bool:
        """Whether a choice is an answer; one such as "_base" is only there to be extended."""
        return not self.answer.startswith("_")


def read_part(root: Path, origin: Origin, name: str, place: str) -> Part:
    """Read a folder and the head of its manifest; raises `TemplateError`.

    `name` is its name if its manifest has none, `place` the prefix of its files in messages.
    """
    if (root / JOURNAL).exists():
        reason, hint = "half written by a run that was stopped", "run it again to undo that"
        raise TemplateError(reason, place=place or str(root), hint=hint)
    try:
        text = Layer(name, root, place).read_bytes(MANIFEST, MAX_TEXT).decode("utf-8")
    except (TemplateError, UnicodeDecodeError) as error:
        reason = f"no readable {MANIFEST}: {error.reason}"
        raise TemplateError(reason, place=place or str(root)) from None
    manifest = Place(f"{place}{MANIFEST}")
    values = parse_manifest(text, manifest)
    about = read_table(ManifestHead, values, manifest).template
    _check_version(about.minimum_version, manifest.below("template"))
    layer = Layer(about.name or name, root, place, about.description or "")
    if origin.kind != BUILT_IN and origin.digest is None:
        origin = replace(origin, digest=layer.digest())
    return Part(layer, origin, values)


def parse_manifest(text: str, place: Place) -> dict[str, Any]:
    """Parse a kscaffold.toml; raises `TemplateError`."""
    if len(text) > LONGEST:
        raise TemplateError(f"more than {LONGEST} characters", place=place)
    try:
        return parse_toml(text)
    except TomlError as error:
        raise TemplateError(str(error), place=place) from None


def _check_version(needed: str | None, table: Place) -> None:
    if needed is None:
        return
    from packaging.version import Version

    try:
        is_too_old = Version(__version__) < Version(needed)
    except ValueError:  # InvalidVersion is one, and a number with too many digits another
        reason = f"must be a version, such as '0.1.0', not {needed!r}"
        raise TemplateError(reason, place=table, key="minimum_version") from None
    if is_too_old:
        reason = f"needs kscaffold {needed}, this is {__version__}"
        raise TemplateError(reason, place=table.file, hint=f"pip install 'kscaffold>={needed}'")
