"""The files of a run, each written atomically."""

import errno
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import filelock
import jax
import numpy as np
import pydantic_core
from pydantic import TypeAdapter, ValidationError

from ..errors import UserError, summary

T = TypeVar("T")


class RunDir:
    """The directory of a run. It counts as a run once `config` exists."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.json"  # gives the same run again
        self.schema = path / "schema.json"  # names of the features and classes
        self.checksum = path / "checksum.json"  # of the data
        self.model = path / "model.keras"
        self.history = path / "history.csv"
        self.curves = path / "curves.png"
        self.metrics = path / "metrics.json"  # on the test rows, beside a baseline
        self.checkpoints = path / "checkpoints"
        self.lock_file = path / "lock"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from training here; raises `UserError` if one does."""
        lock = filelock.FileLock(self.lock_file)
        try:
            held = lock.acquire(timeout=0)
        except filelock.Timeout:
            raise UserError(
                f"{self.path} is being trained by another process: wait until it ends,"
                " or train a new run"
            ) from None
        with held:
            try:
                yield
            except KeyboardInterrupt:
                if any(self.checkpoints.glob("*.npz")):
                    command = "python -m my_model resume --run-dir"
                    print(f"\nContinue with: {command} {self.path}", file=sys.stderr)
                raise


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a path to write to, which replaces `path` once it is written completely.

    Raises `OSError` that names `path`, such as when the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"partial-{path.name}")
    try:
        yield partial
        with partial.open("r+b") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno or errno.EIO, reason, str(path)) from error
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write a dataclass or plain values as JSON; raises `OSError`."""
    with atomic_write(path) as partial:
        partial.write_bytes(to_json(value))


def to_json(value: Any) -> bytes:
    """Return a dataclass or plain values as JSON, with NaN and Infinity."""
    return pydantic_core.to_json(
        value,
        indent=2,
        inf_nan_mode="constants",
        fallback=lambda value: np.asarray(value).tolist(),  # of NumPy and JAX
    )


def read_json(path: Path, kind: type[T]) -> T:
    """Read what `write_json` wrote of a `kind`; raises `UserError` or `OSError`."""
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes())
    except ValidationError as error:
        raise UserError(f"{path}: {summary(error)}") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def scalars(logs: dict[str, Any]) -> dict[str, float]:
    """Return metrics as numbers; one with several values becomes several."""
    return {
        f"{name}_{index}" if np.ndim(value) else name: float(number)
        for name, value in logs.items()
        for index, number in enumerate(np.ravel(value))
    }


def checksum(data: Any) -> int:
    """Return a checksum of the arrays in `data`, nested in any way."""
    value = 0
    for array in map(np.ascontiguousarray, jax.tree.leaves(data)):
        if array.dtype.kind in "biufc":
            about = f"{array.shape} {array.dtype}".encode()
            value = zlib.crc32(array.data, zlib.crc32(about, value))
    return value
