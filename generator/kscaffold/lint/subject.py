"""A template as the rules see it: its manifests with lines, its files parsed, what reaches what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kscaffold.layers import MANIFEST
from kscaffold.lint.findings import Finding, Spot
from kscaffold.lint.lines import Key
from kscaffold.lint.parsed import Parsed, Reference, parse_file
from kscaffold.manifest import File, Manifest
from kscaffold.render import Renderer
from kscaffold.scaffold import Scaffold


@dataclass(frozen=True)
class Said:
    """What the manifest of one layer says, and where."""

    values: Mapping[str, Any]
    lines: Mapping[Key, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Listed:
    """A file to write, and which entry of which layer's manifest says so; None: it was found."""

    file: File
    layer: int
    number: int | None


@dataclass(frozen=True)
class Subject:
    """The template that is checked.

    Attributes:
        scaffold: the template, and what it would be rendered with.
        said: what each layer's manifest says.
    """

    scaffold: Scaffold
    said: tuple[Said, ...]

    @property
    def manifest(self) -> Manifest:
        """All manifests together."""
        return self.scaffold.template.manifest

    @property
    def renderer(self) -> Renderer:
        """What reads the template's files."""
        return self.scaffold.renderer

    def finding(self, rule: str, spot: Spot, message: str, mend: str) -> Finding:
        """Return a finding at a spot."""
        place = self.scaffold.template.layers[spot.layer].place
        return Finding(rule, f"{place}{spot.path}", spot.line, message, mend, spot.layer)

    def spot(self, *key: str | int, layer: int | None = None) -> Spot:
        """Return where the manifest says something: the highest layer that does, or a given one."""
        layers = [layer] if layer is not None else [*range(len(self.said))][::-1]
        for length in range(len(key), 0, -1):
            for number in layers:
                lines = self.said[number].lines
                if key[:length] in lines:
                    return Spot(number, MANIFEST, lines[key[:length]])
        return Spot(layers[-1], MANIFEST)

    def entries(self, name: str) -> list[tuple[int, int]]:
        """Return layer and number of each entry of an array of tables, in the order they count."""
        return [
            (layer, number)
            for layer, said in enumerate(self.said)
            for number in range(len(said.values.get(name, ())))
        ]

    @cached_property
    def listed(self) -> tuple[Listed, ...]:
        """The files to write, each with its place in a manifest."""
        places: dict[tuple[object, ...], list[tuple[int, int]]] = defaultdict(list)
        for layer, number in self.entries("files"):
            raw = self.said[layer].values["files"][number]
            places[raw.get("template"), raw.get("target"), raw.get("when")].append((layer, number))
        listed = []
        for file in self.manifest.files:
            found = places[file.template, file.target, file.when]
            if found:
                listed.append(Listed(file, *found.pop(0)))
            else:
                listed.append(Listed(file, self.layer_of(file.template), None))
        return tuple(listed)

    def spot_of(self, listed: Listed, key: str) -> Spot:
        """Return where an entry of [[files]] says something; of a file that was found, the file."""
        if listed.number is None:
            return Spot(listed.layer, listed.file.template)
        return self.spot("files", listed.number, key, layer=listed.layer)

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
