"""The tree of files that a scaffold consists of, in memory, before any disk is touched."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TreeFile:
    r"""One file of a project: where it goes and what is in it.

    Attributes:
        path: where it goes, relative to the project's root, with forward slashes.
        text: its whole content; written as UTF-8 with "\n" line ends.
        executable: whether the file gets the executable bits.
        secret: whether a secret answer stands in it, so that no repository should have it.
    """

    path: str
    text: str
    executable: bool = False
    secret: bool = False


Tree = tuple[TreeFile, ...]
