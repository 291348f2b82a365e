"""Import the modules of projects, one project after the other; run as a script.

It reads a JSON list of projects from stdin, and writes a line of JSON for each: what failed. Other
modules, such as those of Keras, are imported only once.
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
    """Import all projects and report each on stdout; what modules print goes to stderr."""
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
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
    # Projects must not import the modules beside this file.
    with contextlib.suppress(ValueError):
        sys.path.remove(str(Path(__file__).parent))
    main()
