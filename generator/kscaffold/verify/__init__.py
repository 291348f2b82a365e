"""What `fit()` promises, as cases that any Keras model class on JAX can be held against."""
