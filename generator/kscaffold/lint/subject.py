"""A template as the rules see it: its manifests with lines, its files parsed, what reaches what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from kscaffold.errors import Place
from kscaffold.lint.findings import Finding, Spot
from kscaffold.lint.lines import Key
from kscaffold.lint.parsed import Parsed, Reference, parse_file
from kscaffold.project.pipeline import Scaffold
from kscaffold.project.render import Renderer
from kscaffold.template.manifest import File, Manifest
from kscaffold.template.overlays import MANIFEST


@dataclass(frozen=True)
class Subject:
    """The template that is checked.

    Attributes:
        scaffold: the template, and what it would be rendered with.
        lines: where each layer's manifest says what.
        taken: names that no question can have.
    """

    scaffold: Scaffold
    lines: tuple[Mapping[Key, int], ...]
    taken: frozenset[str] = frozenset()

    @property
    def manifest(self) -> Manifest:
        """All manifests together."""
        return self.scaffold.template.manifest

    @property
    def renderer(self) -> Renderer:
        """What reads the template's files."""
        return self.scaffold.renderer

    def finding(self, rule: str, spot: Spot, message: str, fix: str) -> Finding:
        """Return a finding at a spot."""
        layer = self.scaffold.template.layers[spot.layer]
        number = self.scaffold.template.numbers[spot.layer]
        return Finding(rule, f"{layer.place}{spot.path}", spot.line, message, fix, number)

    def shows(self, file: str) -> bool:
        """Return whether a file of a finding is of a layer that is chosen here."""
        return any(
            file == f"{layer.place}{path}"
            for layer in self.scaffold.template.layers
            for path in (MANIFEST, *layer.files())
        )

    def spot(self, *key: str | int, place: Place | None = None) -> Spot:
        """Return where the manifest says something: the highest layer that does, or a place."""
        layers = [
            number
            for number, layer in enumerate(self.scaffold.template.layers)
            if place is None or place.file == f"{layer.place}{MANIFEST}"
        ][::-1]
        key = (*(place.table if place else ()), *key)
        for length in range(len(key), 0, -1):
            for number in layers:
                if key[:length] in self.lines[number]:
                    return Spot(number, MANIFEST, self.lines[number][key[:length]])
        return Spot(layers[-1], MANIFEST)

    def spot_of(self, file: File, key: str) -> Spot:
        """Return where an entry of [[files]] says something; of a file that was found, the file."""
        if file.place.table[:1] == ("files",):
            return self.spot(key, place=file.place)
        return Spot(self.layer_of(file.template), file.template)

    def layer_of(self, path: str) -> int:
        """Return the layer that a file is taken from; the bottom one if none has it."""
        return self.scaffold.template.layers.find(path) or 0

    def has(self, name: str) -> bool:
        """Tell whether there is a file such as "0:package/a.py.jinja"."""
        layer, _, path = name.partition(":")
        return self.scaffold.template.layers[int(layer)].has(path)

    @cached_property
    def parsed(self) -> Mapping[str, Parsed]:
        """Every template file, of every layer, by names such as "0:package/a.py.jinja"."""
        layers = self.scaffold.template.layers
        waiting = [
            f"{number}:{path}"
            for number, layer in enumerate(layers)
            for path in layer.files()
            if path.endswith(".jinja")
        ]
        parsed: dict[str, Parsed] = {}
        while waiting:
            name = waiting.pop()
            if name not in parsed and self.has(name):
                parsed[name] = parse_file(self.scaffold.renderer, name)
                waiting += [ref.target for ref in parsed[name].references if ref.target]
        return dict(sorted(parsed.items()))

    def references(self, name: str) -> tuple[Reference, ...]:
        """Return what a file extends, includes and imports."""
        return self.parsed[name].references if name in self.parsed else ()

    @cached_property
    def written(self) -> frozenset[str]:
        """The files that the manifest names, such as "0:package/a.py.jinja"."""
        paths = {file.template for file in self.manifest.files}
        for question in self.manifest.questions.values():
            paths.update(question.carried.values())
        return frozenset(f"{self.layer_of(path)}:{path}" for path in paths)

    @cached_property
    def reached(self) -> frozenset[str]:
        """The files that some answers make use of: those written, and what they are made of."""
        reached: set[str] = set()
        waiting = [*self.written]
        while waiting:
            name = waiting.pop()
            if name not in reached and self.has(name):
                reached.add(name)
                waiting += [ref.target for ref in self.references(name) if ref.target]
        return frozenset(reached)

    @property
    def reached_templates(self) -> frozenset[str]:
        """Those of them that are rendered."""
        return self.reached & self.parsed.keys()

    @cached_property
    def is_known(self) -> bool:
        """Whether it is known what each file includes and uses: it can be read, and names it."""
        names = [ref.name for each in self.parsed.values() for ref in each.references]
        trees = [self.parsed[name].tree for name in self.reached_templates]
        return None not in names and None not in trees

    def templates(self) -> Iterator[tuple[str, Spot, Parsed]]:
        """Yield each template file: its name, its begin, and the file."""
        for name, parsed in self.parsed.items():
            layer, _, path = name.partition(":")
            yield name, Spot(int(layer), path), parsed
