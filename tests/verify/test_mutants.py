"""Each way to break a trainer is found by verify, in the case that is about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kscaffold.verify.cases import Declared
from tests.projects import Answers
from tests.verify.contract import CASES, failing, mutant_subject, trainer_text

pytestmark = pytest.mark.slow

COMPILED: Answers = {"test_step": True}
MANUAL: Answers = {"manual_metrics": True}
# What is broken: the pattern, its replacement, and the case that finds it.
BROKEN_COMPILED = {
    "new weights are dropped": (
        r"trainable_variables, optimizer_variables = self\.optimizer",
        "_, optimizer_variables = self.optimizer",
        "batches: ragged",
    ),
    "new optimizer state is dropped": (
        r"trainable_variables, optimizer_variables = self\.optimizer",
        "trainable_variables, _ = self.optimizer",
        "batches: ragged",
    ),
    "new moving averages are dropped": (
        r"loss, y_pred, non_trainable_variables, metrics_variables = aux",
        "loss, y_pred, _, metrics_variables = aux",
        "randomness: batch normalization",
    ),
    "new metrics are dropped": (
        r"logs, metrics_variables = self\.update_metrics",
        "logs, _ = self.update_metrics",
        "batches: plain",
    ),
    "new metrics are dropped in tests": (
        r"(?s)(def test_step.*?)logs, metrics_variables = self\.update_metrics",
        r"\1logs, _ = self.update_metrics",
        "validation: validation_data",
    ),
    "weights do not reach the loss": (
        r"(y,\n\s+)sample_weight,(\n\s+training=True)",
        r"\1None,\2",
        "sample weights: vector",
    ),
    "weights do not reach the metrics": (
        r"self\.compute_metrics\(x, y, y_pred, sample_weight\)",
        "self.compute_metrics(x, y, y_pred, None)",
        "sample weights: vector",
    ),
    "weights are left out of the metrics": (
        r"self\.compute_metrics\(x, y, y_pred, sample_weight\)",
        "self.compute_metrics(x, y, y_pred)",
        "overrides: compute_metrics with a required sample_weight",
    ),
    "weights do not reach the loss in tests": (
        r"(?s)(def test_step.*?y,\n\s+)sample_weight,",
        r"\1None,",
        "validation: evaluate with weights",
    ),
    "data must be a pair": (
        r"x, y, sample_weight = keras\.utils\.unpack_x_y_sample_weight\(data\)",
        "(x, y), sample_weight = data, None",
        "sample weights: vector",
    ),
    "the loss is averaged over batches of unequal size": (
        r"tracker\.update_state\(loss, sample_weight=first\.shape\[0\]\)",
        "tracker.update_state(loss)",
        "batches: ragged",
    ),
    "the loss tracker gets the weights of the samples": (
        r"tracker\.update_state\(loss, sample_weight=first\.shape\[0\]\)",
        "tracker.update_state(loss, sample_weight=sample_weight)",
        "sample weights: vector",
    ),
    "the loss must be among the metrics": (
        r"\(\(?m for m in self\.metrics if m\.name == .loss.\), None\)",
        "(m for m in self.metrics if m.name == 'loss')",
        "overrides: metrics without the loss",
    ),
    "the batch size is taken from x itself": (
        r"next\(a for a in keras\.tree\.flatten\(x\) if a is not None\)",
        "x",
        "inputs and outputs: two inputs in a list",
    ),
    "the batch size is taken from the parts of a sparse array": (
        r"keras\.tree\.flatten\(x\)",
        "jax.tree.leaves(x)",
        "inputs and outputs: a sparse input",
    ),
    "training is False while training": (
        r"training=True,\n",
        "training=False,\n",
        "randomness: dropout",
    ),
    "training is True in tests": (
        r"(?s)(def test_step.*?)training=False,",
        r"\1training=True,",
        "randomness: dropout",
    ),
    "the loss is scaled by other values than the optimizer's": (
        r"training=True,\n\s+optimizer_variables=optimizer_variables,",
        "training=True, optimizer_variables=[0 * v + 1 for v in optimizer_variables],",
        "mixed precision: mixed_float16 that overflows at first",
    ),
    "metrics are updated one by one": (
        r"logs = self\.compute_metrics\(x, y, y_pred, sample_weight\)",
        "[m.update_state(y, y_pred) for m in self.metrics if m.name != 'loss']; "
        "logs = self.get_metrics_result()",
        "sample weights: vector",
    ),
    "y and y_pred are swapped in the metrics": (
        r"self\.compute_metrics\(x, y, y_pred,",
        "self.compute_metrics(x, y_pred, y,",
        "metrics: accuracy by its short name",
    ),
}
CALL = r", \*\*given"
BROKEN_MANUAL = {
    "the loss is averaged over batches of unequal size": (
        r"\(loss, first\.shape\[0\]\)",
        "(loss, None)",
        "batches: ragged",
    ),
    "weights do not reach the loss": (
        r"self\.loss_fn\(y, y_pred, sample_weight\)",
        "self.loss_fn(y, y_pred)",
        "sample weights: vector",
    ),
    "weights do not reach the metric": (
        r"(shown: .* = )\(y, y_pred, sample_weight\)",
        r"\1(y, y_pred)",
        "sample weights: vector",
    ),
    "losses of layers are not added": (
        r"loss = sum\(map\(keras\.ops\.sum, losses\), start=loss\)",
        "pass",
        "regularizers: activity",
    ),
    "training is not passed to the model": (
        CALL,
        "",
        "kinds of models: subclassed",
    ),
    "training is always passed to the model": (
        CALL,
        ", training=training",
        "kinds of models: subclassed, no training argument",
    ),
    "the loss is not scaled": (
        r"return self\.optimizer\.scale_loss\(loss\), updates",
        "return loss, updates",
        "mixed precision: mixed_float16 that overflows at first",
    ),
    "the scaled loss is reported": (
        r"return self\.optimizer\.scale_loss\(loss\), updates",
        "scaled = self.optimizer.scale_loss(loss); return scaled, (scaled, *updates[1:])",
        "mixed precision: LossScaleOptimizer",
    ),
    "a metric is not listed": (
        r", self\.mae\]",
        "]",
        "batches: plain",
    ),
    "metrics share the first one's variables": (
        r"\[len\(updated\) :\]",
        "",
        "batches: plain",
    ),
    "tests are left to Keras": (
        r"def test_step",
        "def another_test_step",
        "validation: validation_data",
    ),
}


def check(folder: Path, number: int, answers: Answers, broken: tuple[str, str, str]) -> None:
    """Break a trainer, and see that the case finds it."""
    pattern, replacement, case = broken
    text, count = re.subn(pattern, replacement, trainer_text(answers), count=1)
    assert count == 1
    manual = bool(answers.get("manual_metrics"))
    name = f"mutant_{'manual' if manual else 'compiled'}_{number}"
    declared = Declared(manual=True, metrics="None") if manual else Declared()
    subject = mutant_subject(folder, name, text, declared)
    assert list(failing(subject, [CASES[case]])) == [case]


@pytest.mark.parametrize("what", BROKEN_COMPILED)
def test_broken_step_is_found(what: str, tmp_path: Path) -> None:
    """A break of the step with compiled metrics is found by the case that names it."""
    check(tmp_path, list(BROKEN_COMPILED).index(what), COMPILED, BROKEN_COMPILED[what])


@pytest.mark.parametrize("what", BROKEN_MANUAL)
def test_broken_manual_step_is_found(what: str, tmp_path: Path) -> None:
    """A break of the step with manual metrics is found by the case that names it."""
    check(tmp_path, list(BROKEN_MANUAL).index(what), MANUAL, BROKEN_MANUAL[what])


def test_enough_breaks_are_tried() -> None:
    """At least 25 breaks, each of its own."""
    assert len({*BROKEN_COMPILED.values(), *BROKEN_MANUAL.values()}) >= 25
