"""Run as a script: imports the modules of projects, one project after the other.

It reads a JSON list of folders, each with its modules and where they are, and writes a line of JSON
for each project: what failed. Modules from elsewhere are imported once.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path


def main() -> None:
    """Import all, and report each on the stdout that was there at first."""
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What a module prints does not belong there.
    os.dup2(2, 1)
    for task in json.load(sys.stdin):
        print(json.dumps(_problem(**task)), file=report, flush=True)


def _problem(folder: str, root: str, modules: Sequence[str]) -> str | None:
    """Import a project's modules and forget them; returns what went wrong."""
    os.chdir(folder)
    sys.path.insert(0, root)
    try:
        for name in modules:
            try:
                importlib.import_module(name)
            except BaseException as error:
                lines = str(error).splitlines() or [""]
                return f"{name}: {type(error).__name__}: {lines[0]}"
        return None
    finally:
        sys.path.remove(root)
        importlib.invalidate_caches()
        for name, module in [*sys.modules.items()]:
            places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
            if any(str(place).startswith(folder) for place in places[:2]):
                del sys.modules[name]


if __name__ == "__main__":
    # The projects' modules come first, and none of this package's beside this file.
    with contextlib.suppress(ValueError):
        sys.path.remove(str(Path(__file__).parent))
    main()
