"""Write what the tests compare with: `make golden`, after a change of the templates.

The golden trees under `tests/golden/` show such a change as a diff of output. The list of texts
that black leaves as they are spares a scaffold to run black.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterator

import black

from kscaffold.project.answers import resolve
from kscaffold.project.known import FORMATTED, black_version, digest
from kscaffold.project.pipeline import Scaffold, build_tree, prepare
from kscaffold.project.record import BASE
from kscaffold.project.tree import Tree
from kscaffold.template.sources import load_template
from tests.projects import ROOT, Answers, covering

GOLDEN = ROOT / "tests" / "golden"
PACKAGE = "my_package"
TREES: dict[str, Answers] = {
    "defaults": {},
    "lean": {"sample_weight": False, "fused": False},
    "full": {"data": "digits", "style": "sequential", "manual_metrics": True},
    "table": {
        **{"data": "csv", "data_path": "data/penguins.csv", "target": "body_mass_g"},
        **{"style": "subclass", "test_step": True, "license": "Apache-2.0"},
    },
}


@functools.cache
def built_in() -> Scaffold:
    """Return the built-in template, whose files are compiled once then."""
    return prepare(load_template(), "my-model")


def tree(answers: Answers) -> Tree:
    """Return the tree for the answers."""
    scaffold = built_in()
    return build_tree(scaffold, resolve(scaffold.template.manifest, answers, scaffold.tools))


def golden(answers: Answers) -> Tree:
    """Return the tree without the record of its own text, which would show each change twice."""
    return tuple(file for file in tree(answers) if file.path != BASE)


@functools.cache
def formatted_texts() -> frozenset[str]:
    """Return the Python texts of all legal combinations."""
    return frozenset(
        file.text
        for answers in covering()
        for file in tree({**answers, "package": PACKAGE})
        if file.path.endswith(".py")
    )


def digests() -> Iterator[str]:
    """Yield the digest of each text that black leaves as it is, in order."""
    for text in formatted_texts():
        if black.format_str(text, mode=black.Mode()) == text:
            yield digest(text, PACKAGE)


def main() -> None:
    """Write all of it anew."""
    # An empty list first, so that black sees every text.
    FORMATTED.write_text("none\n", encoding="ascii")
    FORMATTED.write_text(
        "\n".join([black_version().partition(".")[0], *sorted(digests())]) + "\n", encoding="ascii"
    )
    shutil.rmtree(GOLDEN, ignore_errors=True)
    for name, answers in TREES.items():
        for file in golden(answers):
            path = GOLDEN / name / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
