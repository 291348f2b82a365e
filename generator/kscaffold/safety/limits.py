"""Limits on a template that runs outside a child process: text, numbers and time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

# Of what a filter returns, of a value of the manifest, and of an expression there, in characters.
LONGEST = 1_000_000
LARGEST = 100_000
LONGEST_SOURCE = 4_000
# Of numbers, in bits; none that is written by hand comes near.
WIDEST = 4_096
# CPU time in seconds, for all expressions of the manifest until a budget is renewed.
SECONDS = 4.0


class BoundError(Exception):
    """A template exceeds a limit; the message says which."""


def check_length(length: int) -> None:
    """Refuse a text of this length; raises `BoundError`."""
    if length > LONGEST:
        raise BoundError(f"a text of {length} characters is not allowed")


def check_number(value: int) -> None:
    """Refuse a number that is slow to compute with; raises `BoundError`."""
    if value.bit_length() > WIDEST:
        raise BoundError(f"a number of {value.bit_length()} bits is not allowed")


def check_value(value: object) -> None:
    """Refuse a value that is too large; raises `BoundError`.

    A part that occurs twice counts twice, as it will when the value becomes text.
    """
    total, left = 0, [value]
    while left:
        each = left.pop()
        total += 1
        if isinstance(each, str):
            total += len(each)
        elif isinstance(each, int):
            check_number(each)
        elif isinstance(each, dict):
            left += [*each, *each.values()]
        elif isinstance(each, (list, tuple)):
            left += each
        if total > LARGEST:
            raise BoundError(f"a value of more than {LARGEST} characters is not allowed")


class Budget:
    """The CPU time for all expressions together; it is renewed each time that answers are given."""

    def __init__(self) -> None:
        self.start: float | None = None
        self.watches = 0  # within each other, or of threads that share the budget
        self.renew()

    def renew(self, seconds: float | None = None) -> None:
        """Allow the whole time again, by default `SECONDS`."""
        self.spent, self.seconds = 0.0, SECONDS if seconds is None else seconds
        self.start = time.process_time() if self.watches else None

    def check(self) -> None:
        """Refuse to go on with an expression that is out of time; raises `BoundError`."""
        start = self.start
        if start is not None and self.spent + time.process_time() - start > self.seconds:
            raise BoundError(f"the manifest takes more than {self.seconds:.0f} s of CPU time")

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Count the time spent within, once if watches overlap; raises `BoundError`."""
        if self.start is None:
            self.start = time.process_time()
        self.watches += 1
        try:
            yield
            self.check()
        finally:
            self.watches -= 1
            if not self.watches:  # CPU time is that of all threads
                self.spent += time.process_time() - self.start
                self.start = None
