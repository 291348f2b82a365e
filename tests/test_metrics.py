"""What generated projects take for granted of the metrics that Keras brings along."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.projects import generate

pytestmark = pytest.mark.slow

NEEDED: dict[str, dict[str, Any]] = {
    "BinaryIoU": {"target_class_ids": [0]},
    "IoU": {"num_classes": 2, "target_class_ids": [0]},
    "MeanIoU": {"num_classes": 2},
    "OneHotIoU": {"num_classes": 2, "target_class_ids": [0]},
    "OneHotMeanIoU": {"num_classes": 2},
    "MeanMetricWrapper": {"fn": lambda y_true, y_pred: y_true + y_pred},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
}


def test_metrics_of_keras_are_reset_to_zeros(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that Keras resets itself is zero then: projects reset it in one go."""
    import keras

    generate(tmp_path / "project", {"package": "for_metrics"})
    monkeypatch.syspath_prepend(str(tmp_path / "project/src"))
    fused = importlib.import_module("for_metrics.fused")
    tried = []
    for name, metric_class in inspect.getmembers(keras.metrics, inspect.isclass):
        if not issubclass(metric_class, keras.Metric) or metric_class is keras.Metric:
            continue
        metric: Any = metric_class(**NEEDED.get(name, {}))
        assert fused.is_of_keras(metric)
        rows = np.eye(2, dtype=np.float32)
        ids = name.startswith("Sparse") or name in {"MeanIoU", "IoU"}
        y = rows[0] if ids else rows
        metric.update_state(
            *([rows] if name in {"Mean", "Sum"} else [y, y if "IoU" in name else rows])
        )
        assert metric.variables
        for variable in metric.variables:
            variable.assign(np.ones(variable.shape, variable.dtype))
        metric.reset_state()
        assert not any(np.any(variable.value) for variable in metric.variables), name
        tried.append(name)
    assert len(tried) > 40
