"""The built-in template's own manifest stays a list of questions, not a program."""

from __future__ import annotations

import random
import re
from pathlib import Path

from kscaffold.template.fetch import template_root
from kscaffold.toml import parse_toml
from tests.projects import generate

MOST_DERIVED = 12


def test_few_values_are_derived_by_the_base() -> None:
    """What differs between choices is said in their folders, or by a default in the file."""
    text = (template_root() / "kscaffold.toml").read_text(encoding="utf-8")
    derived = parse_toml(text)["derived"]
    assert len(derived) <= MOST_DERIVED
    assert all("\n" not in expression for expression in derived.values())


def test_the_batch_size_follows_from_the_table(tmp_path: Path) -> None:
    """A long table is trained in large batches: what is found in it is not hidden by a default."""
    drawn = random.Random(0)
    rows = "".join(f"{drawn.random()},{drawn.random()}\n" for _ in range(2_500))
    (tmp_path / "long.csv").write_text(f"x,y\n{rows}", encoding="utf-8")
    answers = {"data": "csv", "data_path": str(tmp_path / "long.csv"), "package": "long"}
    project = generate(tmp_path / "project", answers)
    config = (project / "src/long/config.py").read_text(encoding="utf-8")
    assert re.search(r"batch_size: \w+ = 64\n", config)
