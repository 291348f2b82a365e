"""Step fusing: `compile(steps_per_execution=K)` runs K steps in one compiled program.

Keras on JAX starts every step from Python, which takes longer than a step of a small
model. `FusedModel` runs the same steps in a loop inside of one program. Nothing of a
model has to be written for that; `steps_per_execution="auto"` chooses K.
"""

from .model import FusedModel

__all__ = ["FusedModel"]
