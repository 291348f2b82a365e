"""Algorithms in which a network learns from a teacher."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.algorithms.plain_loops import Adam, Values, batches, furthest, values_of
from tests.algorithms.projects import Projects, check_float16, mutant, policy, project
from tests.projects import some

pytestmark = pytest.mark.slow

SMALL: dict[str, dict[str, Any]] = {
    "digits": {"filters": (4,)},
    "breast-cancer": {"hidden_units": (8,)},
    "csv": {"hidden_units": (8,)},
}
TEACHER: dict[str, dict[str, Any]] = {
    "digits": {"teacher_filters": (8,)},
    "breast-cancer": {"teacher_units": (16,)},
    "csv": {"teacher_units": (16,)},
}
# An algorithm with the data sets that it is tried on.
CASES = [
    (algorithm, data)
    for data in ("digits", "breast-cancer", "csv")
    for algorithm in ("distillation", "mean-teacher")
]


def fields_of(algorithm: str, data: str) -> dict[str, Any]:
    """Return the fields of a small model."""
    return SMALL[data] | (TEACHER[data] if algorithm == "distillation" else {})


def some_rows(part: Any, rows: int = 150) -> list[Any]:
    """Return inputs, targets and uneven weights of some rows."""
    import jax

    x, y = jax.tree.map(lambda array: np.asarray(array[:rows]), (part.x, part.y))
    return [x, y, np.linspace(0, 2, rows, dtype=np.float32)[: len(y)]]


def few_labels(rows: Any) -> Any:
    """Return the rows with every third label, as a mean teacher takes them."""
    x, y, weight = rows
    return [x, np.where(np.arange(len(y)) % 3, -1, y), weight]


def fit(model: Any, rows: Any, epochs: int = 3) -> dict[str, list[float]]:
    """Train in the order of the rows, with a partial last batch; return the history."""
    x, y, weight = rows
    options = {"epochs": epochs, "batch_size": 64, "shuffle": False, "verbose": 0}
    history: dict[str, list[float]] = model.fit(x, y, sample_weight=weight, **options).history
    return history


@pytest.mark.exhaustive
@pytest.mark.parametrize(("algorithm", "data"), [each for each in CASES if each[1] == "csv"])
def test_behaves(algorithm: str, data: str, projects: Projects) -> None:
    """What any algorithm owes: resumed, saved, eager, not jitted and fused runs agree."""
    from kscaffold.verify.invariants import checks

    made = projects(algorithm, data)
    config = made.config(**fields_of(algorithm, data))
    loaded = made.data(config)
    rows = tuple(some_rows(loaded.train, 40))
    training = checks().Training(lambda: made.model(config, loaded), rows)
    for check in checks().CHECKS:
        check(training)


@pytest.mark.parametrize("mode", some(["fused", "eager", "float16"], 3))
def test_without_a_teacher_it_is_supervised(mode: str, projects: Projects) -> None:
    """With alpha 0, weights, optimizer and history are those of supervised, to the last bit."""
    options = {"run_eagerly": True} if mode == "eager" else {"steps_per_execution": 2}
    found = []
    with policy("mixed_float16" if mode == "float16" else "float32"):
        for algorithm, fields in (("distillation", {"alpha": 0.0}), ("supervised", {})):
            made = projects(algorithm, "breast-cancer")
            config = made.config(**SMALL["breast-cancer"], **fields)
            loaded = made.data(config)
            model = made.model(config, loaded, **options)
            history = fit(model, some_rows(loaded.train))
            everything = [*model.trainable_variables, *model.optimizer.variables]
            found.append((history, values_of(everything)))
    (history, values), (plain_history, plain_values) = found
    assert history == plain_history
    for value, expected in zip(values, plain_values, strict=True):
        np.testing.assert_array_equal(value, expected)


def loop_of_distillation(model: Any, config: Any) -> tuple[Values, Callable[..., None]]:
    """Return the weights of a hand-written student, and what trains them on a batch."""
    import jax
    import jax.numpy as jnp
    import keras

    weights = values_of(model.trainable_variables)
    state = {"others": values_of(model.non_trainable_variables)}
    adam = Adam(weights, config.learning_rate)
    teacher = model.teacher
    knows = values_of(teacher.variables)
    per_row = keras.losses.get(model.loss)

    def logits(probabilities: Any) -> Any:
        if probabilities.shape[1] == 1:
            probabilities = jnp.hstack([1 - probabilities, probabilities])
        return jnp.log(probabilities)

    @jax.jit
    def differentiate(weights: Values, others: Values, x: Any, y: Any, weight: Any) -> Any:
        taught, _ = teacher.stateless_call([], knows, x, training=False)
        soft = jax.nn.softmax(logits(taught) / config.temperature)

        def loss(weights: Values) -> Any:
            y_pred, after = model.stateless_call(weights, others, x, training=True)
            labels = y if y_pred.shape[1] > 1 else y[:, None]
            hard = jnp.mean(weight * per_row(labels, y_pred))
            found = jax.nn.log_softmax(logits(y_pred) / config.temperature)
            # The cross-entropy of the paper: the teacher's entropy has no gradient.
            cross = -jnp.mean(weight * jnp.sum(soft * found, axis=1))
            whole = (1 - config.alpha) * hard + config.alpha * config.temperature**2 * cross
            return whole, after

        return jax.grad(loss, has_aux=True)(weights)

    def step(x: Any, y: Any, weight: Any) -> None:
        gradients, state["others"] = differentiate(weights, state["others"], x, y, weight)
        weights[:] = adam.step(weights, gradients)

    return weights, step


def loop_of_mean_teacher(model: Any, config: Any) -> tuple[Values, Callable[..., None]]:
    """Return the weights of a hand-written student, and what trains them on a batch."""
    import jax
    import jax.numpy as jnp

    student, teacher = model.student, model.teacher
    weights = values_of(student.trainable_variables)
    state: dict[str, Any] = {
        "seeds": values_of(student.non_trainable_variables),
        "knows": values_of(teacher.variables),
        "steps": 0,
    }
    # Of the teacher's variables, those that are weights: the others are seeds of dropout.
    own = {id(variable) for variable in teacher.weights}
    places = [n for n, variable in enumerate(teacher.variables) if id(variable) in own]
    adam = Adam(weights, config.learning_rate)

    @jax.jit
    def differentiate(weights: Values, state: Any, x: Any, y: Any, weight: Any) -> Any:
        taught, knows = teacher.stateless_call([], state["knows"], x, training=True)
        share = jnp.minimum((state["steps"] + 1) / config.ramp_up, 1.0)
        ramp = config.consistency * jnp.exp(-5 * (1 - share) ** 2)

        def loss(weights: Values) -> Any:
            y_pred, seeds = student.stateless_call(weights, state["seeds"], x, training=True)
            both = y_pred if y_pred.shape[1] > 1 else jnp.hstack([1 - y_pred, y_pred])
            cross = jnp.where(y < 0, 0.0, -jnp.log(both[jnp.arange(len(y)), y]))
            distance = jnp.mean((y_pred - taught) ** 2, axis=1)
            return jnp.mean(weight * (cross + ramp * distance)), (seeds, knows)

        return jax.grad(loss, has_aux=True)(weights)

    def step(x: Any, y: Any, weight: Any) -> None:
        gradients, (seeds, knows) = differentiate(weights, state, x, y, weight)
        weights[:] = adam.step(weights, gradients)
        ema = min(1 - 1 / (state["steps"] + 1), config.ema)
        knows = list(knows)
        for place, value in zip(places, weights, strict=True):
            knows[place] = ema * knows[place] + (1 - ema) * value
        state.update(seeds=seeds, knows=knows, steps=state["steps"] + 1)

    return weights, step


LOOPS: dict[str, Any] = {
    "distillation": loop_of_distillation,
    "mean-teacher": loop_of_mean_teacher,
}
ON: dict[str, dict[str, Any]] = {
    "distillation": {},
    "mean-teacher": {"ramp_up": 4, "ema": 0.4},
}


@pytest.mark.parametrize(("algorithm", "data"), some(CASES, 3))
def test_fit_is_a_plain_loop(algorithm: str, data: str, projects: Projects) -> None:
    """Three epochs of fit(), fused, end where a loop ends that uses no trainer of Keras."""
    made = projects(algorithm, data)
    config = made.config(**fields_of(algorithm, data), **ON[algorithm], dropout=0.2)
    loaded = made.data(config)
    model = made.model(config, loaded, steps_per_execution=2)
    weights, step = LOOPS[algorithm](model, config)
    rows = some_rows(loaded.train)
    if algorithm == "mean-teacher":
        rows = few_labels(rows)
    for batch in batches(rows, 64, epochs=3):
        step(*batch)
    fit(model, rows)
    assert furthest(values_of(model.trainable_variables), weights) < 1e-5


@pytest.mark.parametrize(("algorithm", "data"), [each for each in CASES if each[1] == "digits"])
def test_float16_is_near_float32(algorithm: str, data: str, projects: Projects) -> None:
    """The scaled loss neither changes the step nor is it logged."""
    made, fields = projects(algorithm, data), {**fields_of(algorithm, data), "dropout": 0.0}

    def train() -> dict[str, list[float]]:
        config = made.config(**fields)
        loaded = made.data(config)
        return fit(made.model(config, loaded), some_rows(loaded.train))

    check_float16(train, rtol=0.15, atol=0.05)


MUTANTS = {
    "distillation: no square of the temperature": (
        "distillation",
        r"self\.temperature\*\*2 \* kl_divergence",
        "kl_divergence",
    ),
    "distillation: the student is not softened": (
        "distillation",
        r"soften\(y_pred, self\.temperature\)",
        "soften(y_pred, 1.0)",
    ),
    "distillation: alpha the wrong way round": (
        "distillation",
        r"\(1 - self\.alpha\) \* labels_loss \+ self\.alpha \*",
        "self.alpha * labels_loss + (1 - self.alpha) *",
    ),
    "distillation: the distance the wrong way round": (
        "distillation",
        r"teacher_probs, student_probs, sample_weight",
        "student_probs, teacher_probs, sample_weight",
    ),
    "distillation: the teacher has dropout": (
        "distillation",
        r"self\.teacher\(x, training=False\)",
        "self.teacher(x, training=True)",
    ),
    "distillation: weights count for the labels alone": (
        "distillation",
        r"teacher_probs, student_probs, sample_weight",
        "teacher_probs, student_probs",
    ),
    "mean-teacher: the teacher has no dropout": (
        "mean-teacher",
        r"self\.teacher\(x, training=True\)",
        "self.teacher(x)",
    ),
    "mean-teacher: the gradient goes through the teacher's place": (
        "mean-teacher",
        r"ops\.square\(student - ops\.stop_gradient\(teacher\)\)",
        "ops.square(ops.stop_gradient(student) - teacher)",
    ),
    "mean-teacher: rows without a label have the first class": (
        "mean-teacher",
        r"ops\.cast\(y >= 0, y_pred\.dtype\)",
        "ops.ones_like(y_pred[:, 0])",
    ),
    "mean-teacher: the teacher is the student": (
        "mean-teacher",
        r"ema \* mean \+ \(1 - ema\) \* weight",
        "weight",
    ),
    "mean-teacher: the teacher is the mean of all steps": (
        "mean-teacher",
        r"ops\.minimum\(1 - 1 / \(self\.steps \+ 1\), self\.ema\)",
        "1 - 1 / (self.steps + 1)",
    ),
    "mean-teacher: no ramp": ("mean-teacher", r"self\.ramp\(\) \* ", ""),
    "mean-teacher: the step counter stands still": (
        "mean-teacher",
        r"self\.steps\.assign_add\(1\)",
        "self.steps.assign_add(0)",
    ),
    "mean-teacher: the student is evaluated": (
        "mean-teacher",
        r"y_pred, student = self\.teacher\(x\), self\.student\(x\)",
        "y_pred, student = self.student(x), self.teacher(x)",
    ),
}
TELLING = "paper or teacher or labels"


@pytest.mark.parametrize(
    ("algorithm", "data"), some([each for each in CASES if each[1] != "csv"], 3)
)
def test_own_tests_pass(algorithm: str, data: str, projects: Projects) -> None:
    """Where nothing is broken, the tests that find mutants pass."""
    assert projects(algorithm, data).own_tests("tests/test_trainer.py", TELLING) == 0


@pytest.mark.parametrize("style", ["sequential", "subclass"])
def test_teacher_of_any_style_is_saved(style: str, tmp_path: Path) -> None:
    """Also one whose layers make others: a loaded model trains the student alone."""
    answers = {"algorithm": "distillation", "data": "breast-cancer", "style": style}
    made = project(tmp_path / "project", answers)
    assert made.own_tests("tests/test_trainer.py", "saved") == 0


@pytest.mark.parametrize("name", some(MUTANTS, 4))
def test_own_tests_notice(name: str, tmp_path: Path) -> None:
    """A project's own tests find what people get wrong in these algorithms."""
    algorithm, pattern, replacement = MUTANTS[name]
    answers = {"algorithm": algorithm, "data": "digits"}
    broken = mutant(tmp_path / "project", answers, "trainer", pattern, replacement)
    assert broken.own_tests("tests/test_trainer.py", TELLING) == 1
