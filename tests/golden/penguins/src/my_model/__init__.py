"""A Keras model on JAX with a training step of its own."""

import os
import sys

# Keras takes its backend from here when it is first imported, and keeps it.
if "keras" not in sys.modules:
    os.environ["KERAS_BACKEND"] = "jax"

import keras

if keras.config.backend() != "jax":
    raise ImportError(
        f"Keras already runs on {keras.config.backend()}: import my_model before it,"
        " or set KERAS_BACKEND=jax"
    )
