"""Step fusing: `compile(steps_per_execution=K)` runs K steps in one compiled program.

Keras on JAX starts every step from Python, which takes longer than a step of a small
model. `FusedModel` runs the same steps in one program; "auto" chooses how many.
"""

from .model import FusedModel

__all__ = ["FusedModel"]
