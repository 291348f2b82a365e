"""Run a function in a child process with limited time and memory, and end other processes."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

# What the child may use beyond what this process uses already, in bytes.
MEMORY = 512 * 1024 * 1024
# Wall time per CPU time: a busy machine may be slow, but not forever.
WALL_FACTOR = 15.0


class ChildError(Exception):
    """The child took too long or too much memory, or crashed; the message says which."""


def run_in_child(function: Callable[[], Any], seconds: float) -> Any:
    """Call a function in a child process and return its result, as JSON has it.

    The function must not raise. Without `fork` (Windows), it is called in this process, without
    limits. Raises `ChildError` if it takes more CPU time (in seconds) or memory, or crashes.
    """
    if not hasattr(os, "fork"):
        return function()
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _call_and_exit(function, writer, seconds)
    os.close(writer)
    in_time = False
    try:
        output, in_time = _read_all(reader, seconds * WALL_FACTOR)
    finally:
        os.close(reader)
        if not in_time:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == 0 and in_time:
        return json.loads(output)
    if not in_time or code in (-signal.SIGXCPU, -signal.SIGKILL):
        raise ChildError(f"takes more than {seconds:.0f} s of CPU time")
    raise ChildError(
        f"needs more than {MEMORY >> 20} MiB of memory, or crashed: it ended with {code}"
    )


def kill_session(process: subprocess.Popen[Any]) -> None:
    """Kill a process that leads a session, and all that is in it."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def _call_and_exit(function: Callable[[], Any], writer: int, seconds: float) -> NoReturn:
    """Run the child: set limits, call, report, and exit without the parent's cleanup."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _limit(seconds)
        result = function()
        with open(writer, "w", encoding="utf-8") as stream:
            json.dump(result, stream)
        code = 0
    finally:
        os._exit(code)


def _limit(seconds: float) -> None:
    import resource

    whole = max(1, round(seconds))
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    used = 0  # address space of this process; unknown without /proc
    with contextlib.suppress(OSError):
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
        used = int(pages) * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(ValueError, OSError):  # macOS refuses limits of memory
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


def _read_all(reader: int, seconds: float) -> tuple[bytes, bool]:
    """Read until the child ends; returns its output, and whether it ended in time."""
    deadline = time.monotonic() + seconds
    parts: list[bytes] = []
    while True:
        ready, _, _ = select.select([reader], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return b"".join(parts), False
        part = os.read(reader, 1 << 20)
        if not part:
            return b"".join(parts), True
        parts.append(part)
