"""A template as the checks see it: locations in its manifests, and its parsed files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from kscaffold.errors import Place
from kscaffold.lint.findings import Location
from kscaffold.lint.lines import index
from kscaffold.lint.parsing import Parsed, parse_file
from kscaffold.project.pipeline import Scaffold
from kscaffold.project.sandbox import split
from kscaffold.template.manifest import File
from kscaffold.template.overlays import MANIFEST


class View:
    """The template to check. Its files have names such as "0:package/a.py.jinja".

    No question can have a name in `taken`; `named` are the indices of the layers that are named as
    sources, and not only extended.
    """

    def __init__(self, scaffold: Scaffold, taken: frozenset[str], named: frozenset[int]) -> None:
        template = scaffold.template
        self.manifest, self.layers = template.manifest, template.layers
        self.renderer, self.tools = scaffold.renderer, scaffold.tools
        self.taken, self.named = taken, named
        number = {part.layer: part.number for part in template.parts}
        self._numbers = [number[layer] for layer in template.layers]
        self._lines = [index(layer.read(MANIFEST)) for layer in template.layers]
        self.files = [
            (number, path) for number, layer in enumerate(self.layers) for path in layer.files()
        ]

    def line_of(self, layer: int, path: str, line: int = 1) -> Location:
        """Return a line of a layer's file."""
        return Location(f"{self.layers[layer].place}{path}", path, self._numbers[layer], line)

    def location(self, *key: str | int, place: Place | None = None) -> Location:
        """Return the line of a key at a place, or else in the highest layer that has it."""
        key = (*(place.table if place else ()), *key)
        layers = [
            number
            for number, layer in enumerate(self.layers)
            if place is None or place.file == f"{layer.place}{MANIFEST}"
        ]
        for length in range(len(key), 0, -1):
            for number in reversed(layers):
                if line := self._lines[number].get(key[:length]):
                    return self.line_of(number, MANIFEST, line)
        return self.line_of(layers[-1], MANIFEST)

    def location_of(self, file: File, key: str) -> Location:
        """Return the line of a key of an entry of [[files]]; for an unlisted file, the file."""
        if file.place.table[:1] == ("files",):
            return self.location(key, place=file.place)
        return self.line_of(self.layers.find(file.template) or 0, file.template)

    @cached_property
    def places(self) -> frozenset[str]:
        """The files of its layers, as findings name them."""
        manifests = [(number, MANIFEST) for number in range(len(self.layers))]
        return frozenset(
            f"{self.layers[number].place}{path}" for number, path in (*manifests, *self.files)
        )

    def has(self, name: str) -> bool:
        """Return whether there is such a file."""
        number, path = split(name)
        return self.layers[number].has(path)

    @cached_property
    def parsed(self) -> Mapping[str, Parsed]:
        """Every template file of every layer, and the files that these refer to, by name."""
        parsed: dict[str, Parsed] = {}

        def parse(name: str) -> list[str]:
            parsed[name] = parse_file(self.renderer, name, self.line_of(*split(name)))
            return [*filter(self.has, parsed[name].targets())]

        reachable([f"{n}:{path}" for n, path in self.files if path.endswith(".jinja")], parse)
        return dict(sorted(parsed.items()))

    def targets(self, name: str, *kinds: str) -> list[str]:
        """Return the files that a file refers to in these ways (default: all)."""
        return self.parsed[name].targets(*kinds) if name in self.parsed else []

    @cached_property
    def reached(self) -> frozenset[str]:
        """The files that are written for some answers, and those that they include or extend."""
        paths = [file.template for file in self.manifest.files]
        for question in self.manifest.questions.values():
            paths += question.carried.values()
        written = (f"{self.layers.find(path) or 0}:{path}" for path in paths)
        return frozenset(filter(self.has, reachable(written, self.targets)))

    @cached_property
    def rendered(self) -> list[Parsed]:
        """Those of them that are templates, parsed."""
        return [parsed for name, parsed in self.parsed.items() if name in self.reached]

    @cached_property
    def is_known(self) -> bool:
        """Whether all files are parsed, and all references have constant names."""
        names = [ref.name for each in self.parsed.values() for ref in each.references]
        return None not in names and all(each.tree for each in self.rendered)


def reachable(names: Iterable[str], step: Callable[[str], Iterable[str]]) -> set[str]:
    """Return the names, and those that can be reached from them by steps."""
    found: set[str] = set()
    waiting = [*names]
    while waiting:
        if (name := waiting.pop()) not in found:
            found.add(name)
            waiting += step(name)
    return found
