"""Projects of every algorithm are short, clean and whole, for all answers that it takes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import black
import pytest

from kscaffold.errors import KscaffoldError
from kscaffold.project.tree import Tree
from tests.generated.golden_trees import PACKAGE, tree
from tests.generated.test_size import MODULE_LINES, TOP_LINES
from tests.projects import ROOT, STYLES, Answers, some

SUPERVISED = ("sam", "mixup", "adversarial", "dp-sgd", "distillation")
OF_PARTS = ("vae", "gan", "wgan-gp", "diffusion", "multitask", "pinn", "simclr")
WITH_ANY_CLASSES = ("mean-teacher",)
DATA = {"sam": "diabetes", "mixup": "breast-cancer", "dp-sgd": "diabetes"}
# Of a project with the defaults. The top floor has room for what an algorithm adds to it.
MORE_TOP_LINES = {"distillation": 125, "mean-teacher": 95}
TRAINER_LINES = {
    **{"sam": 115, "mixup": 155, "adversarial": 120, "dp-sgd": 150, "distillation": 150},
    **{"wgan-gp": 100, "diffusion": 95, "mean-teacher": 110},
}


def combinations() -> Iterator[dict[str, str | bool]]:
    """Yield answers with which each file of each algorithm occurs in each of its forms."""
    for algorithm in SUPERVISED:
        for number in range(4):
            yield {
                "algorithm": algorithm,
                "style": STYLES[number % 3],
                "data": DATA.get(algorithm, "digits"),
                "sample_weight": number in (0, 1),
                "test_step": number in (1, 2),
                "fused": number in (0, 2),
            }
    for algorithm in OF_PARTS:
        for fused in (True, False):
            weights = fused and "gan" not in algorithm
            yield {"algorithm": algorithm, "sample_weight": weights, "fused": fused}
    for algorithm in WITH_ANY_CLASSES:
        for number, data in enumerate(("digits", "breast-cancer", "csv")):
            weights, fused = number != 1, number != 2
            answers = {"algorithm": algorithm, "data": data}
            yield {**answers, "sample_weight": weights, "fused": fused}


def modules(files: Tree) -> dict[PurePosixPath, str]:
    """Return the texts of the package's modules, by their place in it."""
    root = f"src/{PACKAGE}"
    return {
        PurePosixPath(file.path).relative_to(root): file.text
        for file in files
        if file.path.startswith(root)
    }


@pytest.mark.parametrize(
    "algorithm", some([*SUPERVISED, *OF_PARTS, *WITH_ANY_CLASSES], 4, pytest.mark.slow)
)
def test_projects_are_short(algorithm: str) -> None:
    """The top floor, every module and the trainer have few lines."""
    data = {} if algorithm in OF_PARTS else {"data": DATA.get(algorithm, "digits")}
    found = modules(tree({"algorithm": algorithm, **data, "package": PACKAGE}))
    lines = {path: len(text.splitlines()) for path, text in found.items()}
    top = sum(count for path, count in lines.items() if len(path.parts) == 1)
    assert top <= TOP_LINES + MORE_TOP_LINES.get(algorithm, 75)
    assert max(lines.values()) <= MODULE_LINES
    assert lines[PurePosixPath("trainer.py")] <= TRAINER_LINES.get(algorithm, 90)


@pytest.mark.slow
def test_projects_are_clean(tmp_path: Path) -> None:
    """Ruff finds nothing in any of them, and black would change nothing."""
    for number, answers in enumerate(combinations()):
        folder = tmp_path / str(number)
        for file in tree({**answers, "package": PACKAGE}):
            path = folder / file.path
            if path.suffix in {".py", ".toml"}:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(file.text, encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "."]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert result.returncode == 0, result.stdout.decode()
    # Most are the same in many projects.
    for text in {path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.py")}:
        assert black.format_str(text, mode=black.Mode()) == text


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"algorithm": "sam", "manual_metrics": True}, "with --algorithm sam"),
        ({"algorithm": "dp-sgd", "manual_metrics": True}, "with --algorithm dp-sgd"),
        ({"algorithm": "adversarial", "data": "csv"}, "columns of a table differ in scale"),
        ({"algorithm": "distillation"}, "tells no more than a number"),
        ({"algorithm": "distillation", "manual_metrics": True}, "with --algorithm distillation"),
        ({"algorithm": "mean-teacher"}, "which have a common scale"),
        ({"algorithm": "mean-teacher", "style": "subclass"}, "with --algorithm mean-teacher"),
        ({"algorithm": "vae", "data": "csv"}, "with --algorithm vae"),
        ({"algorithm": "pinn", "style": "subclass"}, "with --algorithm pinn"),
        ({"algorithm": "multitask", "data": "digits"}, "with --algorithm multitask"),
        ({"algorithm": "gan", "sample_weight": True}, "with --algorithm gan"),
        ({"algorithm": "simclr", "data": "csv"}, "with --algorithm simclr"),
        ({"algorithm": "simclr", "style": "subclass"}, "with --algorithm simclr"),
        ({"algorithm": "diffusion", "manual_metrics": True}, "is no with --algorithm"),
    ],
)
def test_what_does_not_go_together_is_refused(answers: Answers, reason: str) -> None:
    """The message says which answer it is, and why."""
    with pytest.raises(KscaffoldError, match=reason):
        tree({**answers, "package": PACKAGE})


def test_an_algorithm_from_a_paper_is_short() -> None:
    """The example of docs/algorithms.md has as many lines as the page says, and its code."""
    folder = ROOT / "examples/templates/r-drop"
    texts = [path.read_text(encoding="utf-8") for path in folder.rglob("*.py.jinja")]
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    page = (ROOT / "docs/algorithms.md").read_text(encoding="utf-8")
    assert f"is this in {len(lines)} lines of Python, tests included" in page
    assert len(lines) < 100
    shown = page.partition("def compute_loss_and_updates")[2].partition("```")[0].strip()
    indented = shown.replace("\n", "\n    ")
    assert any(f"def compute_loss_and_updates{indented}" in text for text in texts)
