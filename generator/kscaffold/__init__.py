"""kscaffold: writes Keras projects on JAX whose fit() runs your own training step."""

__version__ = "0.1.0"
