"""Generated projects train on JAX: every combination of training options, on every data set."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.projects import DATA, STEPS, STYLES, Answers, generate, label

pytestmark = pytest.mark.slow

numbers = itertools.count()


def combinations() -> list[dict[str, str | bool]]:
    """Return every style with every step; the data sets take turns, so that all pairs occur."""
    return [
        {"style": style, **data, **step}
        for s, style in enumerate(STYLES)
        for n, step in enumerate(STEPS)
        for d, data in enumerate(DATA)
        if (d - n - 2 * s) % len(DATA) == 0
    ]


def load(folder: Path, answers: Answers, patch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """Generate a project and import its modules here, where Keras is imported once."""
    package = f"smoke_{next(numbers):03}"
    generate(folder, {**answers, "package": package})
    patch.chdir(folder)
    patch.syspath_prepend(str(folder / "src"))
    names = ("config", "data", "fused", "model", "train", "trainer")
    here = folder / "src" / package
    there = [name for name in names if (here / name).exists() or (here / f"{name}.py").exists()]
    return {name: importlib.import_module(f"{package}.{name}") for name in there}


@pytest.mark.parametrize("pair", ["style", "sample_weight", "manual_metrics", "test_step", "fused"])
def test_every_data_set_meets_every_option(pair: str) -> None:
    """The smoke-trained combinations hold each pair of a data set and an option's value."""
    met = {(c["data"], c.get("target"), c[pair]) for c in combinations()}
    values = {c[pair] for c in combinations()}
    assert len(met) == len(DATA) * len(values)


@pytest.mark.parametrize("answers", combinations(), ids=label)
def test_trains(answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit with validation, evaluate, predict, save and load work, without a warning."""
    modules = load(tmp_path / "project", answers, monkeypatch)
    import keras

    config = modules["config"].Config(epochs=2, verbose=0)
    data = modules["data"].load_data(config)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Keras converts variables in a way that NumPy deprecates: its own affair.
        warnings.simplefilter("ignore", DeprecationWarning)
        model = modules["train"].compile_model(modules["model"].build_model(config, data), config)
        history = model.fit(
            **data.train._asdict(), epochs=2, validation_data=data.validation, verbose=0
        ).history
        logs = model.evaluate(**data.test._asdict(), verbose=0, return_dict=True)
        y_pred = model.predict(data.test.x, verbose=0)
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(model, modules["trainer"].CustomModel)
    assert set(history) == {f"{part}{name}" for part in ("", "val_") for name in logs}
    assert all(np.isfinite(values).all() for values in history.values())
    # Only there do the weights differ from 1, so that both metrics say something.
    both = answers["data"] == "breast-cancer" and bool(answers["sample_weight"])
    assert ("weighted_accuracy" in logs) == both
    np.testing.assert_array_equal(loaded.predict(data.test.x, verbose=0), y_pred)


@pytest.mark.parametrize(
    "changed",
    [
        {"keep_best": False},
        {"patience": 0},
        {"stop_on_nan": False},
        {"resumable": False},
        {"balance": False},
        {"dropout": 0.0},
        {"steps_per_execution": 1},
        {"data_on": "device"},
        {"compilation_cache": False},
        {"validation_fraction": 0.0},
        {"test_fraction": 0.0},
        {"hidden_units": ()},
        {"monitor": "val_accuracy", "monitor_mode": "max"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_trains_with_one_field_changed(
    changed: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole run works with any single option switched off, or to its other value."""
    modules = load(tmp_path / "project", {"data": "breast-cancer"}, monkeypatch)
    config = dataclasses.replace(modules["config"].Config(epochs=2, verbose=0), **changed)
    run = modules["train"].train(config, tmp_path / "run")
    assert run.model.exists()
    assert run.history.exists()
    assert run.curves.exists()
    assert run.metrics.exists()
    assert run.checkpoints.exists() == config.resumable


def test_metric_may_leave_its_variables_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that is made in a step, and not assigned there, keeps its value."""
    modules = load(tmp_path / "project", {}, monkeypatch)
    import keras

    class Counter(keras.metrics.Metric):  # type: ignore[misc]
        def update_state(self, y: Any, y_pred: Any, sample_weight: Any = None) -> None:
            if not self.variables:
                self.count = self.add_variable((), "zeros")
                self.unused = self.add_variable((), "zeros")
            self.count.assign_add(1.0)

        def result(self) -> Any:
            return self.count + 0.0

    class Counted(modules["trainer"].CustomModel):  # type: ignore[misc]
        def compute_loss(self, x: Any, y: Any, y_pred: Any, *_: Any, **__: Any) -> Any:
            return keras.ops.mean(y_pred**2)

        def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            self.counter.update_state(y, y_pred)
            return super().compute_metrics(x, y, y_pred, sample_weight)

    x = np.ones((40, 3), np.float32)
    for steps in (1, 2, "auto"):
        inputs = keras.Input((3,))
        model = Counted(inputs, keras.layers.Dense(1)(inputs))
        model.counter = Counter(name="counter")
        # Keras makes the variables of metrics before the first step, unless none is compiled.
        model.compile("sgd", steps_per_execution=steps)
        for _ in range(2):
            history = model.fit(x, x[:, :1], batch_size=8, verbose=0).history
            assert history["counter"] == [5.0]
        assert float(model.counter.unused.value) == 0.0


def test_no_helper_takes_a_name_of_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainer overrides what it means to override, and nothing by accident."""
    modules = load(tmp_path / "project", {"manual_metrics": True}, monkeypatch)
    import keras

    model_class = modules["trainer"].CustomModel
    inputs = keras.Input((2,))
    model = model_class(inputs, keras.layers.Dense(1)(inputs))
    stock = set(dir(keras.Model(inputs, keras.layers.Dense(1)(inputs))))
    meant = {
        *("train_step", "test_step", "compute_loss", "compute_loss_and_updates"),
        *("metrics", "__init__", "__doc__", "__module__"),
    }
    meant |= {"fit", "evaluate", "predict", "steps_per_execution"}
    meant |= {f"make_{step}_function" for step in ("train", "test", "predict")}
    own = {**vars(model_class), **vars(modules["fused"].FusedModel)}
    taken = {name for name in own if name in stock} - meant
    assert not {name for name in taken if not name.startswith("_")}
    added = set(vars(model)) - set(vars(keras.Model(inputs, inputs)))
    chosen = {"_fused_steps", "_auto_steps"}
    assert added == {"loss_fn", "loss_tracker", "mae", *chosen}


def test_another_backend_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Keras running on another backend, importing the package says what to do."""
    folder = generate(tmp_path / "project", {"package": "needs_jax"})
    monkeypatch.syspath_prepend(str(folder / "src"))
    import keras

    monkeypatch.setattr(keras.config, "backend", lambda: "torch")
    with pytest.raises(ImportError, match="set KERAS_BACKEND=jax"):
        importlib.import_module("needs_jax")
    sys.modules.pop("needs_jax", None)
