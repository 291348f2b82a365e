"""A generated project's own tests notice when its training step is broken."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.projects import ROOT, Answers, generate, run, some

pytestmark = pytest.mark.slow

MUTANTS = {
    "the update of the weights is dropped": (
        "trainable_variables, optimizer_variables = self.optimizer",
        "_, optimizer_variables = self.optimizer",
    ),
    "the sample weights are dropped": (
        r"(y,\n\s+)sample_weight,(\n\s+training=True)",
        r"\1None,\2",
    ),
    "a metric gets y and y_pred swapped": (
        r"(self\.compute_metrics\(x, |shown: .* = \()y, y_pred",
        r"\1y_pred, y",
    ),
    "updated metrics are not returned": (
        r"logs, metrics_variables = self.update_metrics",
        "logs, _ = self.update_metrics",
    ),
    "training is False": ("training=True,\n", "training=False,\n"),
}
PROJECTS: dict[str, Answers] = {
    "compiled": {"data": "breast-cancer"},
    "manual": {"data": "digits", "style": "subclass", "manual_metrics": True},
}


@pytest.fixture(scope="module", params=PROJECTS)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate a project whose metric tells y from y_pred."""
    folder = tmp_path_factory.mktemp("mutants") / "project"
    return generate(folder, {**PROJECTS[request.param], "package": "mutated"})


@pytest.mark.parametrize("mutant", some(MUTANTS, 5))
def test_broken_step_is_noticed(
    mutant: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of five breaks is caught, also without the comparison with Keras' own step."""
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # compiles faster
    folder = tmp_path / "project"
    shutil.copytree(project, folder)
    trainer = folder / "src/mutated/trainer.py"
    pattern, replacement = MUTANTS[mutant]
    text, count = re.subn(pattern, replacement, trainer.read_text(), count=1)
    assert count == 1
    trainer.write_text(text)
    without = "tests/test_trainer.py::test_step_equals_the_step_of_keras"
    result = run(
        folder,
        "-m",
        "pytest",
        "-x",
        "-q",
        "tests/test_trainer.py",
        "--deselect",
        without,
        check=False,
    )
    assert result.returncode == 1, result.stdout
    assert "1 failed" in result.stdout


FAST_CPU = ROOT / "examples/templates/fast-cpu"
FUSED_MUTANTS = {
    "the partial batch is dropped": ("chunks", "if rest else", "if False else"),
    "a step is left out": (
        "execution",
        r"\(state\), batches\)",
        "(state), jax.tree.map(lambda a: a[1:], batches))",
    ),
    "every step gets the first batch": (
        "execution",
        r"optimization_barrier\(batch\)",
        "optimization_barrier(jax.tree.map(lambda a: a[0], batches))",
    ),
    "the partial batch gets the first rows": (
        "chunks",
        r"a\[None, end:\]",
        "a[None, : len(a) - end]",
    ),
    "an exception loses the values": ("execution", r"self\.keep\(state\)", "pass"),
    "weights get the gradient of the last rows": (
        "cpu",
        r"lax\.collapse\(array, 0, -1\)",
        "lax.collapse(array, 0, -1)[1:]",
    ),
    "a softmax sums over another axis": (
        "cpu",
        "axis - 1 for axis in params",
        "axis - 2 for axis in params",
    ),
    "pooling takes the last of equals": (
        "pooling",
        r"keeps\(chosen, value\)",
        "~keeps(value, chosen)",
    ),
}


@pytest.mark.parametrize("mutant", some(FUSED_MUTANTS, 5))
def test_broken_fusing_is_noticed(mutant: str, tmp_path: Path) -> None:
    """Steps that are fused in the wrong way are told from Keras' own loop."""
    module, pattern, replacement = FUSED_MUTANTS[mutant]
    of_overlay = module in {"cpu", "pooling"}
    more = ("--template", str(FAST_CPU)) if of_overlay else ()
    folder = generate(tmp_path / "project", {"package": "mutated"}, *more)
    path = folder / f"src/mutated/fused/{module}.py"
    text, count = re.subn(pattern, replacement, path.read_text())
    assert count >= 1
    path.write_text(text)
    file = "tests/machinery/test_cpu.py" if of_overlay else "tests/machinery/test_fused.py"
    result = run(folder, "-m", "pytest", "-x", "-q", file, check=False)
    assert result.returncode == 1, result.stdout
    assert "1 failed" in result.stdout
