"""The training step does what `fit()` and `evaluate()` promise."""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from my_model.config import Config
from my_model.data import Data, Split
from my_model.model import build_model
from my_model.train import compile_model
from my_model.trainer import CustomModel


def make_model(config: Config, data: Data) -> CustomModel:
    """Build and compile the model, the same one for the same configuration."""
    keras.utils.set_random_seed(config.seed)
    return compile_model(build_model(config, data), config)


def make_stock_model(model: CustomModel, config: Config) -> keras.Model:
    """Return the same model with the steps of Keras, compiled in the same way."""
    # Only the steps are compared: whatever else CustomModel overrides is kept.
    steps = {name: getattr(keras.Model, name) for name in ("train_step", "test_step")}
    stock_class: Any = type("StockModel", (CustomModel,), steps)
    stock = stock_class.from_config(model.get_config())
    stock.set_weights(model.get_weights())
    return compile_model(stock, config)


def fit(model: keras.Model, split: Split, **options: Any) -> dict[str, list[float]]:
    """Train in the given order, with a partial last batch; return the history."""
    options = {"epochs": 1, "batch_size": 50, "shuffle": False, "verbose": 0} | options
    history: dict[str, list[float]] = model.fit(**split._asdict(), **options).history
    return history


def evaluate(
    model: keras.Model, split: Split, batch_size: int = 50
) -> dict[str, float]:
    """Return the loss and the metrics, by default with a partial last batch."""
    logs: dict[str, float] = model.evaluate(
        **split._asdict(), batch_size=batch_size, verbose=0, return_dict=True
    )
    return logs


def rows(split: Split) -> int:
    """Return the number of examples, however `x` is nested."""
    return len(keras.tree.flatten(split.x)[0])


def tolerance(model: keras.Model) -> float:
    """Return the relative error of sums that are rounded in another order."""
    layers = (model, *model.layers)
    mixed = any(layer.compute_dtype in ("float16", "bfloat16") for layer in layers)
    return 2e-2 if mixed else 1e-4


def assert_close(found: Any, expected: Any, tolerance: float) -> None:
    """Compare arrays, nested in any way, relative to the largest value of each."""
    keras.tree.assert_same_structure(found, expected)
    for one, other in zip(keras.tree.flatten(found), keras.tree.flatten(expected)):
        other = np.asarray(other, np.float64)
        atol = tolerance * np.max(np.abs(other), initial=0.0)
        np.testing.assert_allclose(np.asarray(one, np.float64), other, 0.0, atol)


def test_step_equals_the_step_of_keras(config: Config, data: Data) -> None:
    """Losses, metrics and predictions are those of Keras.

    Delete this test if your step departs from Keras on purpose.
    """
    model = make_model(config, data)
    stock = make_stock_model(model, config)
    options: dict[str, Any] = {"epochs": 2, "validation_data": data.validation}

    history = fit(model, data.train, **options)
    expected = fit(stock, data.train, **options)

    assert_close(history, expected, tolerance(model))
    # Predictions, since weights may differ and mean the same: a bias in front of a
    # BatchNorm has gradients of rounding noise, which Adam makes as large as any.
    predictions = model.predict(data.test.x, verbose=0)
    stock_predictions = stock.predict(data.test.x, verbose=0)
    assert_close(predictions, stock_predictions, tolerance(model))


def test_loss_falls(config: Config, data: Data) -> None:
    """A few epochs make the loss lower on the rows that are learned from."""
    # Without dropout, whose noise alone makes the loss fall now and then.
    model = make_model(dataclasses.replace(config, dropout=0.0), data)
    history = fit(model, data.train, epochs=10)
    assert history["loss"][-1] < history["loss"][0]


@pytest.mark.parametrize("validated", [True, False])
def test_evaluates_with_and_without_validation(
    config: Config, data: Data, validated: bool
) -> None:
    """`evaluate()` reports what validation reported, and works where there was none."""
    model = make_model(config, data)
    validation = data.validation if validated else None
    history = fit(model, data.train, validation_data=validation)
    logs = evaluate(model, data.validation)
    assert {"loss"} <= logs.keys() <= history.keys()
    reported = {name: history[name][-1] for name in history if name.startswith("val_")}
    expected = {f"val_{name}": value for name, value in logs.items() if validated}
    assert_close(reported, expected, tolerance(model))


@pytest.mark.parametrize("training", [True, False])
def test_metrics_equal_those_of_numpy(
    config: Config, data: Data, training: bool
) -> None:
    """The metrics say of the predictions what NumPy says of them."""
    model = make_model(config, data)
    x, y = data.train[:2]
    weights = np.linspace(0.5, 1.5, len(y), dtype=np.float32)
    split = Split(x, y, weights)
    if training:
        before = [np.array(v.value) for v in model.non_trainable_variables]
        y_pred = np.array(model(x, training=True), np.float32)
        for variable, value in zip(model.non_trainable_variables, before):
            variable.assign(value)  # the step draws the same dropout
        # All rows in one batch, so that the metrics are those of the first weights.
        history = fit(model, split, batch_size=len(y))
        logs = {name: values[0] for name, values in history.items()}
    else:
        y_pred = np.array(model.predict(x, verbose=0), np.float32)
        logs = evaluate(model, split)
    scores = np.abs(y - y_pred[:, 0])
    weighted = np.average(scores, weights=weights)
    assert logs["mae"] == pytest.approx(weighted, rel=tolerance(model))


def test_metrics_count_every_row_once(config: Config, data: Data) -> None:
    """However the rows are cut into batches, and whatever was counted before."""
    model = make_model(config, data)
    fit(model, data.train, epochs=2)
    tracker = next(metric for metric in model.metrics if metric.name == "loss")
    assert float(tracker.count) == rows(data.train)
    whole = evaluate(model, data.train, batch_size=rows(data.train))
    assert_close(evaluate(model, data.train), whole, tolerance(model))


def test_dropout_is_active_in_training_only(config: Config, data: Data) -> None:
    """The loss in training feels the dropout, the loss in evaluation does not."""
    model = make_model(dataclasses.replace(config, dropout=0.5), data)
    measured = evaluate(model, data.train)
    assert evaluate(model, data.train) == pytest.approx(measured)
    # All rows in one batch, so that the loss is that of the first weights.
    history = fit(model, data.train, batch_size=rows(data.train))
    assert history["loss"][0] != pytest.approx(measured["loss"], rel=1e-3)


def test_rows_without_weight_teach_nothing(config: Config, data: Data) -> None:
    """The targets of rows with the weight zero change neither losses nor predictions."""
    weights = np.arange(rows(data.train), dtype=np.float32) % 2
    reversed_y = keras.tree.map_structure(lambda y: y[::-1], data.train.y)
    other_y = keras.tree.map_structure(
        lambda y, z: np.where(weights.reshape(-1, *[1] * (y.ndim - 1)) > 0, y, z),
        data.train.y,
        reversed_y,
    )
    results = []
    for y in (data.train.y, other_y):
        split = Split(data.train.x, y, weights)
        model = make_model(config, data)
        history = fit(model, split)
        results.append((history["loss"], model.predict(data.test.x, verbose=0)))
        assert evaluate(model, split)["loss"] == pytest.approx(
            evaluate(model, Split(data.train.x, data.train.y, weights))["loss"]
        )
    assert_close(results[0], results[1], tolerance(model))


def test_saved_model_is_the_same_model(
    config: Config, data: Data, tmp_path: Path
) -> None:
    """A loaded model predicts the same, and its optimizer goes on where it was."""
    model = make_model(config, data)
    fit(model, data.train)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded, CustomModel)
    assert_close(
        loaded.predict(data.test.x, verbose=0), model.predict(data.test.x, verbose=0), 0
    )
    assert len(loaded.optimizer.variables) == len(model.optimizer.variables)
    for variable, saved in zip(loaded.optimizer.variables, model.optimizer.variables):
        np.testing.assert_array_equal(variable.value, saved.value)
