"""A progress bar for what takes long."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

# Smaller files are looked at before a bar could be read.
_SHOWN_FROM = 5_000_000
_STEPS = 100


@contextmanager
def table_bar(path: Path) -> Iterator[Callable[[float], None]]:
    """Show on a terminal how far a large table has been read, on stderr."""
    is_small = not path.is_file() or path.stat().st_size < _SHOWN_FROM
    hidden = is_small or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb"
    label = "Looking at the table"
    with click.progressbar(length=_STEPS, label=label, file=sys.stderr, hidden=hidden) as bar:
        yield lambda fraction: bar.update(int(fraction * _STEPS) - bar.pos)
        bar.update(_STEPS - bar.pos)
