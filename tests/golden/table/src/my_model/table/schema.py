"""columns.toml: how the table is written, and what each of its columns is."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pydantic
from pydantic import ConfigDict, Field, PositiveFloat, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from ..errors import UserError, summary

Array = npt.NDArray[Any]
CHECKS = ConfigDict(extra="forbid", allow_inf_nan=False)
USED = ("number", "yes/no", "category", "date")
Kind = Literal[
    "number", "yes/no", "category", "date", "identifier", "text", "constant", "empty"
]
Texts = Annotated[tuple[str, ...], Field(strict=False)]


@dataclass(frozen=True, config=CHECKS)
class Column:
    """A column: what its cells are, and how they become numbers."""

    kind: Kind
    use: bool = True
    """Whether it is a feature."""
    why: str = ""
    """Why it is none."""
    values: Texts = ()
    """The cells that a category or a yes/no knows, no before yes."""
    format: str = ""
    """The format of a date."""
    symbol: str = ""
    """What stands beside a number, such as "$" or "%"; it is ignored."""
    offset: float = 0.0
    """What is subtracted from a number, so that float32 holds it."""
    unit: PositiveFloat = 1.0
    """What it is then divided by."""
    transform: Literal["", "log", "log1p", "auto"] = ""
    """The scale on which a target with a long tail is trained. auto: this, offset and unit
    follow from the training rows, and the schema.json of the run says what they are."""

    def scaled(self, values: Array) -> Array:
        """Return numbers as they are trained, NaN where there is no logarithm."""
        if self.transform == "auto":
            return values
        if self.offset or self.unit != 1:
            values = (values - self.offset) / self.unit
        if self.transform:
            least = 0.0 if self.transform == "log" else -1.0
            values = np.where(values > least, values, np.nan)
            return np.log(values) if self.transform == "log" else np.log1p(values)
        return values

    def unscaled(self, values: Array) -> Array:
        """Return trained numbers in the column's own units, in float64."""
        values = np.asarray(values, np.float64)
        if self.transform == "auto":
            return values
        if self.transform:
            values = np.exp(values) if self.transform == "log" else np.expm1(values)
        return values * self.unit + self.offset


@dataclass(frozen=True, config=CHECKS)
class Format:
    """How the table is written, and what some columns are for."""

    target: str
    weight: str = ""
    """The column of sample weights."""
    time: str = ""
    """The column by which the rows are split into earlier and later ones."""
    group: str = ""
    """The column whose equal rows stay in one part."""
    separator: Annotated[str, Field(pattern=r"^[ -~\t]$")] = ","
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: str = ""
    header: bool = True
    skip_lines: Annotated[int, Field(ge=0)] = 0
    """Lines in front of the header."""
    missing: Texts = ("",)
    """Cells that stand for nothing."""


@dataclass(frozen=True, config=CHECKS)
class Schema:
    """All that is known of the table; raises `UserError` naming what is invalid."""

    table: Format
    columns: dict[str, Column]

    @property
    def target(self) -> Column:
        """The column to predict."""
        return self.columns[self.table.target]

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in the order of the model's outputs (none in a regression)."""
        return self.target.values

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that the model takes."""
        roles = {getattr(self.table, n) for n in ("target", "weight", "time", "group")}
        columns = self.columns.items()
        return tuple(name for name, c in columns if c.use and name not in roles)

    def unscaled(self, values: Array) -> Array:
        """Return targets or predictions in the target's own units."""
        return self.target.unscaled(values)

    def of_kind(self, *kinds: Kind) -> tuple[str, ...]:
        """Return the features of some kinds."""
        return tuple(name for name in self.features if self.columns[name].kind in kinds)

    @pydantic.model_validator(mode="after")
    def validate(self) -> Self:
        """Check what concerns several entries."""
        for role in ("target", "weight", "time", "group"):
            name = getattr(self.table, role)
            if name and name not in self.columns:
                raise ValueError(f"[table] {role}: there is no column {name!r}")
        if self.table.time and self.table.group:
            raise ValueError("[table]: rows are split by time or by group, not by both")
        for name in self.features:
            column = self.columns[name]
            if column.kind not in USED:
                raise ValueError(f"{name!r}: kind {column.kind} needs use = false")
            if column.kind == "date" and not column.format:
                raise ValueError(f"{name!r}: a date needs a format, such as '%Y-%m-%d'")
            if column.kind == "yes/no" and len(column.values) != 2:
                raise ValueError(f"{name!r}: a yes/no needs two values, no before yes")
            if column.kind == "category" and not column.values:
                raise ValueError(f"{name!r}: a category needs values")
        if not self.features:
            raise ValueError("[columns]: no column is a feature")
        return self


def read_schema(path: Path) -> Schema:
    """Read columns.toml; raises `UserError`."""
    try:
        with path.open("rb") as file:
            return TypeAdapter(Schema).validate_python(tomllib.load(file))
    except FileNotFoundError:
        raise UserError(f"{path.absolute()}: no such file") from None
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{path}: {error}") from None
    except ValidationError as error:
        raise UserError(f"{path}: {summary(error)}") from None
