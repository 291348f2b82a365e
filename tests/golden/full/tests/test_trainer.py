"""The training step does what `fit()` and `evaluate()` promise."""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from my_model.config import Config
from my_model.data import Split, load_data
from my_model.model import build_model
from my_model.train import compile_model
from my_model.trainer import CustomModel


def make_model(config: Config) -> CustomModel:
    """Build and compile the model, the same one for the same knobs."""
    keras.utils.set_random_seed(config.seed)
    return compile_model(build_model(config), config)


def fit(model: keras.Model, split: Split, **options: Any) -> dict[str, list[float]]:
    """Train in the given order, with a short last batch; return the history."""
    options = {"epochs": 1, "batch_size": 50, "shuffle": False, "verbose": 0} | options
    history: dict[str, list[float]] = model.fit(**split._asdict(), **options).history
    return history


def evaluate(model: keras.Model, split: Split) -> dict[str, float]:
    """Return the loss and the metrics, measured with a short last batch."""
    logs: dict[str, float] = model.evaluate(
        **split._asdict(), batch_size=50, verbose=0, return_dict=True
    )
    return logs


def test_step_equals_the_step_of_keras(config: Config) -> None:
    """Weights and history are those of `keras.Model`, as long as the algorithm is."""
    model = make_model(config)
    stock = keras.Model.from_config(model.get_config())
    stock.set_weights(model.get_weights())
    stock.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        weighted_metrics=["accuracy"],
    )
    data = load_data(config)
    options: dict[str, Any] = {"epochs": 2, "validation_data": data.validation}

    history = fit(model, data.train, **options)
    expected = fit(stock, data.train, **options)

    assert history.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-5, err_msg=name)
    for weight, value in zip(model.get_weights(), stock.get_weights()):
        np.testing.assert_allclose(weight, value, rtol=1e-4, atol=1e-6)


def test_loss_falls(config: Config) -> None:
    """A few epochs make the loss lower on the rows that are learned from."""
    train = load_data(config).train
    model = make_model(config)
    before = evaluate(model, train)
    history = fit(model, train, epochs=10)
    assert history["loss"][-1] < history["loss"][0]
    assert evaluate(model, train)["loss"] < before["loss"]


@pytest.mark.parametrize("validated", [True, False])
def test_evaluates_with_and_without_validation(config: Config, validated: bool) -> None:
    """`evaluate()` reports what validation reported, and works where there was none."""
    data = load_data(config)
    model = make_model(config)
    history = fit(
        model, data.train, validation_data=data.validation if validated else None
    )
    logs = evaluate(model, data.validation)
    assert {"loss"} <= logs.keys() <= history.keys()
    reported = {name: history[name][-1] for name in history if name.startswith("val_")}
    expected = {f"val_{name}": value for name, value in logs.items() if validated}
    assert reported == pytest.approx(expected, rel=1e-5)


def test_metrics_equal_those_of_numpy(config: Config) -> None:
    """The metrics say of the predictions what NumPy says of them."""
    data = load_data(config)
    model = make_model(config)
    fit(model, data.train, epochs=2)
    x, y = data.validation[:2]
    y_pred = model.predict(x, verbose=0)
    scores = y == y_pred.argmax(axis=1)
    logs = evaluate(model, data.validation)
    assert logs["accuracy"] == pytest.approx(scores.mean(), rel=1e-5)
    weighted = np.average(scores, weights=data.validation.sample_weight)
    assert logs["weighted_accuracy"] == pytest.approx(weighted, rel=1e-5)


def test_metrics_cover_each_epoch_anew(config: Config) -> None:
    """Every metric counts every row of an epoch once, and none of the epoch before."""
    still = dataclasses.replace(config, learning_rate=1e-12, dropout=0.0)
    train = load_data(still).train
    model = make_model(still)
    history = fit(model, train, epochs=2)
    for name, value in evaluate(model, train).items():
        assert history[name] == pytest.approx([value, value], rel=1e-4), name
    tracker = next(metric for metric in model.metrics if metric.name == "loss")
    fit(model, train, epochs=2)
    assert float(tracker.count) == len(train.x)


def test_dropout_is_active_in_training_only(config: Config) -> None:
    """The loss in training feels the dropout, the loss in evaluation does not."""
    noisy = dataclasses.replace(config, learning_rate=1e-12, dropout=0.5)
    train = load_data(noisy).train
    model = make_model(noisy)
    history = fit(model, train)
    measured = evaluate(model, train)
    assert history["loss"][0] != pytest.approx(measured["loss"], rel=1e-3)
    assert evaluate(model, train) == pytest.approx(measured)


def test_any_number_of_filters(config: Config) -> None:
    """However often the images are halved, something of them is left to learn from."""
    deep = dataclasses.replace(config, filters=(2,) * 8)
    model = make_model(deep)
    assert all(weight.size for weight in model.get_weights())
    fit(model, load_data(deep).train)


def test_rows_without_weight_teach_nothing(config: Config) -> None:
    """With all weights zero the step leaves every weight of the model as it was."""
    train = load_data(config).train
    model = make_model(config)
    before = [np.array(variable.value) for variable in model.trainable_variables]
    fit(model, train._replace(sample_weight=np.zeros_like(train.sample_weight)))
    for variable, value in zip(model.trainable_variables, before):
        np.testing.assert_array_equal(variable.value, value)


def test_weights_count_in_loss_and_weighted_metrics(config: Config) -> None:
    """Rows of the weight zero are as good as absent, in all but the metrics without."""
    x, y, _ = load_data(config).validation
    half = len(x) // 2
    model = make_model(config)
    weights = np.where(np.arange(len(x)) < half, 1, 0).astype(np.float32)
    logs = evaluate(model, Split(x, y, weights))
    first = evaluate(model, Split(x[:half], y[:half], np.ones(half, np.float32)))
    everything = evaluate(model, Split(x, y, np.ones(len(x), np.float32)))
    weighted, plain = "weighted_accuracy", "accuracy"
    assert logs[weighted] == pytest.approx(first[weighted], rel=1e-4)
    assert logs[plain] == pytest.approx(everything[plain], rel=1e-4)
    assert logs["loss"] == pytest.approx(first["loss"] * half / len(x), rel=1e-3)


def test_saved_model_is_the_same_model(config: Config, tmp_path: Path) -> None:
    """A loaded model predicts the same, and its optimizer goes on where it was."""
    data = load_data(config)
    model = make_model(config)
    fit(model, data.train)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded, CustomModel)
    np.testing.assert_array_equal(
        loaded.predict(data.test.x, verbose=0), model.predict(data.test.x, verbose=0)
    )
    assert len(loaded.optimizer.variables) == len(model.optimizer.variables)
    for variable, saved in zip(loaded.optimizer.variables, model.optimizer.variables):
        np.testing.assert_array_equal(variable.value, saved.value)
    assert evaluate(loaded, data.test) == pytest.approx(evaluate(model, data.test))
