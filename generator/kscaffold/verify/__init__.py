"""The contract of `fit()`, as cases to which any Keras model class on JAX can be held."""
