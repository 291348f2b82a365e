"""A template: its layers on top of each other, with those of its choices that are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from kscaffold.template.blocks import check_blocks
from kscaffold.template.manifest import Manifest, Value
from kscaffold.template.merging import merge
from kscaffold.template.origins import BUILT_IN, Origin
from kscaffold.template.overlays import Layers
from kscaffold.template.parts import Part


@dataclass(frozen=True)
class Template:
    """A template: its folders, where each came from, and what its manifests say together.

    Attributes:
        parts: all layers and choices, from the bottom to the top.
        layers: the folders, with those of the choices that are made.
        manifest: what their manifests say together.
        notices: what whoever uses it should know.
        is_chosen: whether the choices are made.
    """

    parts: tuple[Part, ...]
    layers: Layers
    manifest: Manifest
    notices: tuple[str, ...] = ()
    is_chosen: bool = False

    @property
    def stack(self) -> tuple[Part, ...]:
        """The layers, without the choices."""
        return tuple(part for part in self.parts if not part.question)

    @property
    def choices(self) -> tuple[Part, ...]:
        """The folders that are choices, of all questions."""
        return tuple(part for part in self.parts if part.question)

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Where the layers came from, without the choices."""
        return tuple(part.origin for part in self.stack)

    @property
    def everything(self) -> Layers:
        """All layers, with every folder that is a choice."""
        return Layers(part.layer for part in self.parts)

    @property
    def is_foreign(self) -> bool:
        """Whether any of it is not our own."""
        return any(origin.kind != BUILT_IN for origin in self.origins)

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
            check_blocks([(each.question, each.layer) for each in taken if each.number == number])
        layers = Layers(each.layer for each in self.parts if each in taken or not each.question)
        manifest = merge(self.parts, taken, is_whole=is_whole)
        return replace(self, layers=layers, manifest=manifest, is_chosen=True)


def stacked(parts: Iterable[Part]) -> Template:
    """Return the template that layers and choices make together; raises `TemplateError`."""
    parts = tuple(parts)
    layers = Layers(part.layer for part in parts if not part.question)
    return Template(parts, layers, merge(parts, is_whole=len(parts) == len(layers)))
