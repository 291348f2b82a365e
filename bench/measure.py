"""The cost of a command: CPU time and peak memory of one process and those that it waited for."""

from __future__ import annotations

import os
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

# Bytes in one unit of ru_maxrss.
_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Cost:
    """What one run of a command took.

    Attributes:
        seconds: CPU time, user and system together.
        mebibytes: the most memory that was resident at a time.
    """

    seconds: float
    mebibytes: float


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of some numbers."""

    lower: float
    median: float
    upper: float

    @classmethod
    def of(cls, numbers: list[float]) -> Spread:
        """Those of the given numbers."""
        return cls(*statistics.quantiles(numbers, n=4, method="inclusive"))


def run(command: list[str], environment: dict[str, str], log: str) -> Cost:
    """Run a command to its end, its output going to the file `log`.

    Raises:
        SystemExit: the command fails; the message is its output.
    """
    writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, log, writing, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    child = os.posix_spawn(command[0], command, environment, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        with Path(log).open(encoding="utf-8", errors="replace") as file:
            raise SystemExit(f"{' '.join(command)} failed:\n{file.read()}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _UNIT / 2**20)
