"""The configuration of a run: the same values give the same run, bit for bit."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import ConfigDict, Field, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass

from .errors import UserError, summary

Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
CHECKS = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, config=CHECKS)
class Config:
    """The fields of a run; raises `UserError` naming those that are invalid."""

    validation_fraction: Fraction = 0.15
    """Fraction of the rows to validate on after each epoch (0: no validation)."""
    test_fraction: Fraction = 0.15
    """Fraction of the rows to test on after training (0: no test)."""

    hidden_units: Annotated[tuple[PositiveInt, ...], Field(strict=False)] = (64, 64)
    """Units of each hidden layer, first to last."""
    dropout: Fraction = 0.1
    """Dropout rate."""

    epochs: PositiveInt = 200
    """Maximum number of passes over the training rows."""
    batch_size: PositiveInt = 32
    """Rows in a training step."""
    learning_rate: PositiveFloat = 1e-3
    """Learning rate of the Adam optimizer."""
    seed: Count = 0
    """Seed of the split, the initial weights, the order of the rows and the dropout."""
    data_on: Literal["host", "device"] = "host"
    """Where the training rows are kept. device: on the GPU or TPU, if all of them fit."""
    compilation_cache: bool = True
    """Keep compiled programs in the user's cache folder: the next run starts faster."""

    monitor: str = "val_loss"
    """Metric that decides which epoch is the best. Without validation rows it is the
    training metric: `loss` where this says `val_loss`."""
    monitor_mode: Literal["auto", "min", "max"] = "auto"
    """Whether a lower or a higher value of it is better. auto: higher for accuracy, AUC,
    precision, recall, F1 and R2, else lower."""
    keep_best: bool = True
    """Save the model of the best epoch, not of the last one."""
    patience: Count = 20
    """Stop after this many epochs without a better one (0: never)."""
    stop_on_nan: bool = True
    """Stop when the loss becomes NaN or infinite."""
    resumable: bool = True
    """Write a checkpoint after each epoch, so that `resume` can continue the run."""
    verbose: Literal[0, 1, 2] = 1
    """Output of Keras: 0 none, 1 a progress bar, 2 a line for each epoch."""

    @pydantic.model_validator(mode="wrap")
    @classmethod
    def validate(cls, values: Any, handler: Any) -> Self:
        """Validate each field, then what concerns several of them."""
        try:
            config: Self = handler(values)
        except pydantic.ValidationError as error:
            raise UserError(summary(error)) from None
        if config.validation_fraction + config.test_fraction >= 1:
            raise UserError(
                "validation_fraction and test_fraction leave no rows to train on"
            )
        return config
