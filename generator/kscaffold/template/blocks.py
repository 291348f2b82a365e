"""The named blocks of template files, and overlay files that override them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kscaffold.errors import TemplateError
from kscaffold.template.overlays import Layer

# `#: block loss` on a line of its own, or `{% block loss %}` anywhere.
_WORD = re.compile(
    r"^[ \t]*#:[ \t]*(?P<line>block|endblock)\b[ \t]*(?P<line_name>\w*).*$"
    # Without backtracking, and no further than the next tag: in time linear in the text.
    r"|{%-?\s*+(?P<tag>block|endblock)\b\s*+(?P<tag_name>\w*+)(?:(?!{%|%}).)*+%}",
    re.MULTILINE,
)
_EXTENDS = re.compile(r"\s*(#:|{%-?)\s*extends\b")


@dataclass(frozen=True)
class Block:
    """A part of a template file that an overlay can override."""

    template: str  # the path of the file
    name: str  # unique in the file
    line: int  # its first line, counted from 1
    text: str  # its lines, with those that start and end it
    around: tuple[str, ...]  # the headers that it is indented below, such as that of its class


def blocks_of(layer: Layer, template: str) -> Iterator[Block]:
    """Yield the blocks of a template file, in order; raises `TemplateError`."""
    text = layer.read(template)
    lines = re.split(r"(?<=\n)", text)
    for name, first, last in sorted(_spans(text), key=lambda span: span[1]):
        if not name:
            place = f"{layer.place}{template}, line {first + 1}"
            raise TemplateError("a block has no name", place=place)
        inside = "".join(lines[first : last + 1])
        yield Block(template, name, first + 1, inside, _around(lines, first))


def _spans(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each block's name, and its first and last line, counted from 0."""
    open_blocks: list[tuple[str, int]] = []
    for word in _WORD.finditer(text):
        line = text.count("\n", 0, word.start())
        if "block" in (word["line"], word["tag"]):
            open_blocks.append((word["line_name"] or word["tag_name"], line))
        elif open_blocks:
            yield (*open_blocks.pop(), line)


def _around(lines: list[str], first: int) -> tuple[str, ...]:
    """Return the headers that a line of Python is indented below, the outermost first."""
    margin = _margin(lines[first])
    # The docstring also keeps the file valid Python if the block is empty.
    headers = [f'{" " * margin}"""Only blocks go into the project."""\n'] if margin else []
    for line in reversed(lines[:first]):
        if line.strip() and not line.lstrip().startswith("#:") and _margin(line) < margin:
            margin = _margin(line)
            is_whole = line.rstrip().endswith(":") and line.lstrip()[0] not in ")]}"
            # Only headers of one line can be repeated.
            headers.append(line if is_whole else f"{' ' * margin}if True:\n")
    return tuple(reversed(headers)) if len(headers) > 1 else ()


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def overriding(block: Block) -> str:
    """Return a template file that overrides a block with its present text."""
    gap = "\n\n" if block.around else ""
    return f'#: extends "{block.template}"\n{gap}{"".join(block.around)}{block.text}'


def with_overridden(text: str, block: Block) -> str:
    """Return a template file with the text of a block replaced, if it has that block."""
    lines = text.splitlines(keepends=True)
    for name, first, last in _spans(text):
        if name == block.name:
            lines[first : last + 1] = [block.text]
    return "".join(lines)


def with_block(text: str, block: Block) -> str:
    """Return a file that overrides blocks with one more block at its end."""
    known = text.splitlines(keepends=True)
    around = "".join(line for line in block.around if line not in known)
    gap = "\n\n" if around else ""
    return f"{text}{gap}{around}{block.text}"


def check_blocks(choices: Sequence[tuple[str, Layer]]) -> None:
    """Refuse questions whose choices override the same block or file; raises `TemplateError`."""
    owners: dict[tuple[str, str], tuple[str, Layer]] = {}
    for question, layer in choices:
        for path in layer.files():
            for name in _overridden(layer, path):
                of, other = owners.get((path, name), (question, layer))
                if of != question:
                    reason = f"overrides {name or 'the file'}, as does {other.place}{path}"
                    hint = "have one of them override another block"
                    raise TemplateError(reason, place=f"{layer.place}{path}", hint=hint)
                owners[path, name] = question, layer


def _overridden(layer: Layer, path: str) -> list[str]:
    """Return the blocks that a file overrides; "" stands for the whole file."""
    if not extends(layer, path):
        return [""]
    return [f"the block {block.name!r}" for block in blocks_of(layer, path)]


def extends(layer: Layer, path: str) -> bool:
    """Return whether a file overrides blocks of another one; raises `TemplateError`."""
    return path.endswith(".jinja") and bool(_EXTENDS.match(layer.read(path)))
