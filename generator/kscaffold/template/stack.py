"""A template: its layers, and the choices in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from kscaffold.template.blocks import check_blocks
from kscaffold.template.manifest import Manifest, Value
from kscaffold.template.merging import merge
from kscaffold.template.overlays import Layers
from kscaffold.template.parts import BUILT_IN, Origin, Part


@dataclass(frozen=True)
class Template:
    """A template: its parts, from the bottom to the top, and what they make together."""

    parts: tuple[Part, ...]
    layers: Layers  # the folders, with those of the choices that are made
    manifest: Manifest
    notices: tuple[str, ...] = ()  # for the user
    is_chosen: bool = False  # whether the choices are made

    @property
    def stack(self) -> tuple[Part, ...]:
        """The layers, without the choices."""
        return tuple(part for part in self.parts if not part.question)

    @property
    def choices(self) -> tuple[Part, ...]:
        """The choices, of all questions."""
        return tuple(part for part in self.parts if part.question)

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Where the layers came from."""
        return tuple(part.origin for part in self.stack)

    @property
    def everything(self) -> Layers:
        """The folders of all layers and choices."""
        return Layers(part.layer for part in self.parts)

    @property
    def is_foreign(self) -> bool:
        """Whether any layer is not built in."""
        return any(origin.kind != BUILT_IN for origin in self.origins)

    def chosen(self, answers: Mapping[str, Value], *, is_whole: bool = True) -> Template:
        """Return the template with the choices that the answers make; raises `TemplateError`.

        Only if the answers are all (`is_whole`) must every name in the manifest exist.
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
    """Return the template of these layers and choices; raises `TemplateError`."""
    parts = tuple(parts)
    layers = Layers(part.layer for part in parts if not part.question)
    return Template(parts, layers, merge(parts, is_whole=len(parts) == len(layers)))
