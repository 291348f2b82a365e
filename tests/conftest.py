"""Settings for all tests."""

from __future__ import annotations

import os

# Before any test imports Keras.
os.environ.setdefault("KERAS_BACKEND", "jax")
