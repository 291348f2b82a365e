"""Where a template came from, as a project records it: so that it is found again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kscaffold.safety.escaping import quote

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


def record(name: str, origin: Origin, project: Path) -> str:
    """Return a layer's lines of TOML; a path is kept both absolute and as seen from the project.

    So the template is found after the project moves, and after both move together.
    """
    relative = None
    if origin.kind in ("folder", "zip"):
        try:
            relative = Path(os.path.relpath(origin.source, project)).as_posix()
        except ValueError:  # on another drive of Windows
            relative = None
    values = {
        "name": name,
        "kind": origin.kind,
        "source": origin.source,
        "relative": relative,
        "ref": origin.ref,
        "commit": origin.commit,
        "digest": origin.digest,
    }
    lines = (f"{key} = {quote(value)}\n" for key, value in values.items() if value is not None)
    return "\n[[kscaffold.layers]]\n" + "".join(lines)
