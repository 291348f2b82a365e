"""The tests that a project brings stay green when its owner changes what is meant to be changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.projects import Answers, generate, run, some

pytestmark = pytest.mark.slow

HIDDEN = """        x = keras.layers.Dense(units, activation="relu", name=f"hidden_{number}")(x)
"""
IMPORTED = """from .trainer import CustomModel
"""


@dataclass(frozen=True)
class Edit:
    """A change in a module of the package: each text with what takes its place."""

    module: str
    changes: dict[str, str]
    answers: tuple[tuple[str, str | bool], ...] = ()


def policy(name: str) -> Edit:
    """Return the edit that trains with this dtype policy."""
    return Edit("model", {IMPORTED: f"{IMPORTED}\nkeras.config.set_dtype_policy({name!r})\n"})


EDITS: dict[str, tuple[Edit, ...]] = {
    "metric, AdamW with a schedule, loss, layer, BatchNorm": (
        Edit(
            "train",
            {
                "optimizer=keras.optimizers.Adam(config.learning_rate)": (
                    "optimizer=keras.optimizers.AdamW("
                    "keras.optimizers.schedules.CosineDecay(config.learning_rate, 10_000))"
                ),
                'loss="mse"': 'loss="huber"',
                'weighted_metrics=["mae"]': (
                    'weighted_metrics=["mae", keras.metrics.RootMeanSquaredError(name="rmse")]'
                ),
            },
        ),
        Edit(
            "model",
            {
                HIDDEN: HIDDEN
                + '        x = keras.layers.BatchNormalization(name=f"norm_{number}")(x)\n'
                + '        x = keras.layers.Dense(units, name=f"more_{number}")(x)\n'
            },
        ),
    ),
    "mixed_float16": (policy("mixed_float16"),),
    "mixed_bfloat16": (policy("mixed_bfloat16"),),
    "AUC of two classes": (
        Edit(
            "train",
            {'    metrics=["accuracy"]': '    metrics=["accuracy", keras.metrics.AUC(name="auc")]'},
            (("data", "breast-cancer"),),
        ),
    ),
}


@pytest.mark.parametrize("name", some(EDITS, 4))
def test_own_tests_stay_green(name: str, tmp_path: Path) -> None:
    """The step, the run and the promises of fit() hold as the project's own tests say."""
    answers: Answers = dict(EDITS[name][0].answers)
    folder = generate(tmp_path / "project", {**answers, "package": "edited"})
    for edit in EDITS[name]:
        path = folder / "src/edited" / f"{edit.module}.py"
        text = path.read_text(encoding="utf-8")
        for old, new in edit.changes.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
    files = ("test_trainer.py", "test_train.py", "machinery/test_behaviour.py")
    run(folder, "-m", "pytest", "-q", *(f"tests/{file}" for file in files))
