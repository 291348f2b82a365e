"""Names that a project's package cannot have."""

from __future__ import annotations

import functools
import json
import keyword
import re
import sys
from pathlib import Path
from typing import Any

from kscaffold.safety.paths import is_device

# The names that the dependencies of generated projects take; `make names` finds them.
TAKEN = Path(__file__).with_name("taken_names.json")
# Modules of the standard library that `sys.stdlib_module_names` lacks, at least in older versions.
_STANDARD = frozenset({"annotationlib", "compression", "test"})


def refusal(name: str) -> str | None:
    """Return why a package cannot have a name, such as "is a keyword of Python", or None."""
    if not re.fullmatch("[a-z]([a-z0-9_]*[a-z0-9])?", name):
        return "must have only a-z, 0-9 and _, begin with a letter, and not end with _"
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return "is a keyword of Python"
    if name in sys.stdlib_module_names or name in _STANDARD:
        return "is a module of Python's standard library"
    if is_device(name):
        return "is the name of a device on Windows"
    return _taken_by(name)


def canonical(name: str) -> str:
    """Return the normalized name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _taken_by(name: str) -> str | None:
    taken = _taken()
    if name in taken["modules"]:
        owner = taken["modules"][name]
        return f"is a module that the project imports or uses ({owner})"
    if canonical(name) in taken["distributions"]:
        return f"is the name of a distribution that the project needs ({canonical(name)})"
    if name in taken["imports"]:
        return f"is a module that {taken['imports'][name]} imports where it is installed"
    return None


@functools.cache
def _taken() -> dict[str, Any]:
    taken: dict[str, Any] = json.loads(TAKEN.read_text(encoding="ascii"))
    return taken
