"""What a distribution changes in a project, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.runner import kscaffold
from tests.distribution.test_meshes import ALGORITHMS
from tests.generated.golden_trees import PACKAGE, tree
from tests.projects import DISTRIBUTIONS, STYLES, Answers, generate, some

ROOT = f"src/{PACKAGE}"
# What a user writes of an algorithm.
OWN = ("trainer.py", "model.py", "evaluate.py", "predict.py")
PROJECTS: list[Answers] = [
    *({"style": style} for style in STYLES),
    {"data": "csv", "manual_metrics": True},
    *({"algorithm": algorithm, "data": data} for algorithm, data in ALGORITHMS.items()),
]


def texts(answers: Answers, distribution: str) -> dict[str, str]:
    """Return the texts of a project's files, by path."""
    given = {**answers, "package": PACKAGE, "distribution": distribution}
    return {file.path: file.text for file in tree(given)}


@pytest.mark.parametrize("answers", some(PROJECTS, 6, pytest.mark.slow), ids=str)
def test_a_distribution_changes_no_algorithm(answers: Answers) -> None:
    """The training step, the model, evaluation and prediction are the same text."""
    alone = texts(answers, "none")
    for distribution in DISTRIBUTIONS:
        spread = texts(answers, distribution)
        for name in OWN:
            assert spread[f"{ROOT}/{name}"] == alone[f"{ROOT}/{name}"], (distribution, name)


def test_without_one_no_file_of_it_is_there() -> None:
    """Nor a field, an option or a package that it needs."""
    alone = texts({}, "none")
    assert not [path for path in alone if "distribution" in path or "cluster" in path]
    for word in ("orbax", "process_index", "mesh", "coordinator", "checkpoint_every_steps"):
        assert not [path for path, text in alone.items() if word in text], word


def test_a_project_gets_a_distribution_later(tmp_path: Path) -> None:
    """Its own answers make it one that had it from the start. Edits are kept beside it."""
    folder = generate(tmp_path / "demo", {"package": PACKAGE})
    edited = folder / ROOT / "data.py"
    edited.write_text(edited.read_text() + "# an edit\n")
    answers = ["--data-file", str(folder / ".kscaffold/answers.toml")]
    result = kscaffold(
        "new", str(folder), *answers, "--distribution", "data-parallel", "--force", "--no-git"
    )
    assert result.exit_code == 0, result.output
    fresh = generate(tmp_path / "fresh/demo", {"package": PACKAGE, "distribution": "data-parallel"})
    for path in (fresh / ROOT).rglob("*.py"):
        assert (folder / path.relative_to(fresh)).read_text() == path.read_text()
    assert edited.with_name("data.py.backup-1").read_text().endswith("# an edit\n")
