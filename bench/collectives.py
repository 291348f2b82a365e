"""Collective operations in a compiled program, and their bytes, read from XLA's HLO text."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")
# A result's shape stands between the equals sign and the operation. Operands and attributes come
# after it, and hold a character that no shape holds.
_LINE = re.compile(rf'^[^="]+ = ([^="%]+?) ({"|".join(KINDS)})(-start|-done)?\(')
_SHAPE = re.compile(r"\b([a-z]\w*)\[([\d,]*)\]")
_COMMENT = re.compile(r"/\*.*?\*/")
_BITS = re.compile(r"(?:bf|f|s|u|c)(\d+)")


@dataclass(frozen=True)
class Collective:
    """One operation: its kind, and the bytes of its result on one device."""

    kind: str
    size: float


def collectives(text: str) -> list[Collective]:
    """Return the collective operations of a program, in the order of its text.

    An operation within a loop occurs once in the text, and counts once. One that is started and
    ended apart counts where it ends: there its result has the shape of the result alone.

    Args:
        text: What `lowered.compile().as_text()` returns.
    """
    found = []
    for line in text.splitlines():
        match = _LINE.match(_COMMENT.sub("", line).replace("<=", ""))
        if match and match[3] != "-start":
            found.append(Collective(match[2], size_of(match[1])))
    return found


def size_of(shape: str) -> float:
    """Return the bytes of a shape, such as `f32[8,128]{1,0}`, or of all in a tuple."""
    shapes = _SHAPE.findall(shape)
    return sum(
        element_size(name) * math.prod(int(n) for n in dims.split(",") if n)
        for name, dims in shapes
    )


def element_size(name: str) -> float:
    """Return the bytes of an element of a type, as HLO calls it; raises `ValueError`."""
    if name == "pred":
        return 1
    if name == "token":
        return 0
    bits = _BITS.match(name)
    if not bits:
        raise ValueError(f"unknown type of elements: {name}")
    return int(bits[1]) / 8


def total(found: list[Collective], kind: str | None = None) -> float:
    """Return the bytes of all operations, or of those of one kind."""
    return sum(each.size for each in found if kind in (None, each.kind))
