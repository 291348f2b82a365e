"""Write the names that no package may have: `make names`, after a change of dependencies.

They are found in what is installed: the distributions that generated projects depend on and, in
turn, what these depend on; the modules that these bring; and the modules that the dependencies
import where somebody has installed them, such as other backends of Keras.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution
from pathlib import Path
from typing import Any

from kscaffold.project.package_names import TAKEN, canonical
from tests.generated.golden_trees import TREES, tree

# What a distribution brings to test or to build itself; nobody imports it beside a project.
APART = re.compile(
    r"(^|/)(tests?|_?examples|testing|distutils|f2py|sphinxext)/|_test\.py$|conftest"
)
NAME = re.compile(r"[a-z][a-z0-9_]*")


def required() -> set[str]:
    """Return the distributions that some generated project names in its pyproject.toml."""
    found = set()
    for answers in TREES.values():
        text = next(file.text for file in tree(answers) if file.path == "pyproject.toml")
        project = tomllib.loads(text)
        extras = project["project"]["optional-dependencies"].values()
        groups = [project["build-system"]["requires"], project["project"]["dependencies"], *extras]
        found |= {_name(requirement) for group in groups for requirement in group}
    return found


def closure(names: set[str]) -> dict[str, Distribution | None]:
    """Return the distributions and all that they require; None: it is not installed here."""
    found: dict[str, Distribution | None] = {}
    waiting = sorted(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = one = distribution(name)
        except PackageNotFoundError:  # another system, or another Python, needs it
            found[name] = None
            continue
        waiting += [_name(each) for each in one.requires or () if "extra ==" not in each]
    return dict(sorted(found.items()))


def modules(found: dict[str, Distribution | None]) -> dict[str, str]:
    """Return each module that can be imported, with its distribution."""
    named: dict[str, str] = {}
    for name, one in found.items():
        for file in (one.files or ()) if one else ():
            if (module := _module(file)) is not None:
                named.setdefault(module, name)
    return dict(sorted(named.items()))


def imports(found: dict[str, Distribution | None], known: dict[str, str]) -> dict[str, str]:
    """Return each other module that a direct dependency imports, with that dependency."""
    named: dict[str, str] = {}
    for name in sorted(required()):
        one = found[name]
        for file in (one.files or ()) if one else ():
            if file.suffix == ".py" and not APART.search(str(file)):
                for module in _imported(Path(str(file.locate()))):
                    named.setdefault(module, name)
    others = named.keys() - known.keys() - sys.stdlib_module_names
    return {module: named[module] for module in sorted(others)}


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return canonical(found[0])


def _module(file: PackagePath) -> str | None:
    first, *more = file.parts
    stem, *suffixes = first.split(".")
    is_module = not suffixes if more else suffixes[-1:] in (["py"], ["so"], ["pyd"])
    fits = NAME.fullmatch(stem) and not stem.endswith("__mypyc")
    return stem if is_module and fits and first != ".." and "-info" not in first else None


def _imported(path: Path) -> Iterator[str]:
    try:
        nodes = ast.walk(ast.parse(path.read_bytes()))
    except (SyntaxError, ValueError):
        return
    for node in nodes:
        for name in _names(node):
            if NAME.fullmatch(top := name.partition(".")[0]):
                yield top


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (each.name for each in node.names)
    elif isinstance(node, ast.ImportFrom) and node.level == 0:
        yield node.module or ""
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("LazyModule") and node.args:
        first = node.args[0]
        yield str(first.value) if isinstance(first, ast.Constant) else ""


def names() -> dict[str, Any]:
    """Return all that is written."""
    found = closure(required())
    known = modules(found)
    return {"distributions": [*found], "modules": known, "imports": imports(found, known)}


if __name__ == "__main__":
    TAKEN.write_text(json.dumps(names(), indent=1) + "\n", encoding="ascii")
