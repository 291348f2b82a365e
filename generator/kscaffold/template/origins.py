"""Where a layer came from, as a project records it."""

from __future__ import annotations

from dataclasses import dataclass

BUILT_IN = "builtin"


@dataclass(frozen=True)
class Origin:
    """Where a layer came from.

    Attributes:
        kind: "builtin", "folder", "zip", "git" or "installed".
        source: an absolute path, a URL, or the name of an installed template.
        ref: the branch, tag or commit that was asked for.
        commit: the commit that was used.
        digest: the SHA-256 of the paths and contents of all files, in hexadecimal digits.
    """

    kind: str
    source: str
    ref: str | None = None
    commit: str | None = None
    digest: str | None = None
