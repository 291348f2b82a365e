"""Report the progress of reading a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from pathlib import Path

Progress = Callable[[float], None]


@contextmanager
def _unwatched(_: Path) -> Iterator[Progress]:
    yield lambda _: None


# Called with a table's path; its context receives the fraction that has been read.
WATCH: ContextVar[Callable[[Path], AbstractContextManager[Progress]]] = ContextVar(
    "WATCH", default=_unwatched
)
