"""Run by the tests as a program of its own: many writes in child processes that come to harm.

Usage: python -m tests.write.write_driver kill|terminate FOLDER SCENARIO FIRST STEP
       python -m tests.write.write_driver limit FOLDER SCENARIO
       python -m tests.write.write_driver race FOLDER
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

from kscaffold.errors import TargetError
from kscaffold.project.tree import TreeFile
from kscaffold.write import write_tree
from tests.write.faulty_os import SCENARIOS, TREE, faulty

_RACERS = 6


def in_child(work: Callable[[], None]) -> int:
    """Do the work in a child and give its process id; its exit code is 3 after a TargetError."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except TargetError as error:
        os.write(1, f"{error}\n".encode())  # at once, lest the lines of several mix
        os._exit(3)
    finally:
        os._exit(1)


def exit_code(child: int) -> int:
    """Wait for a child; the exit code is negative after a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def harm(number: signal.Signals, folder: Path, scenario: str, first: int, step: int) -> None:
    """Write again and again, a signal coming before ever later operations; print how each ended."""
    for operation in count(first, step):
        target = folder / str(operation) / "around" / "project"
        next(s for s in SCENARIOS if s.__name__ == scenario)(target)

        def write(target: Path = target, operation: int = operation) -> None:
            with faulty(operation, lambda: os.kill(os.getpid(), number)):
                write_tree(target, TREE, force=True)

        code = exit_code(in_child(write))
        print(operation, code)
        if code >= 0:  # no signal came any more, or the write failed for another reason
            break


def write_under_a_size_limit(folder: Path, scenario: str) -> None:
    """Write with a limit on file sizes that one of the files exceeds."""
    target = folder / "around" / "project"
    next(s for s in SCENARIOS if s.__name__ == scenario)(target)

    def write() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
        write_tree(target, TREE, force=True)

    print(exit_code(in_child(write)))


def race(folder: Path) -> None:
    """Several writes of different trees to one target, let loose together."""
    start, release = os.pipe()
    children = []
    for racer in range(_RACERS):
        tree = tuple(TreeFile(file.path, f"{racer}\n") for file in TREE)

        def write(tree: tuple[TreeFile, ...] = tree) -> None:
            os.close(release)
            os.read(start, 1)
            write_tree(folder / "project", tree)

        children.append(in_child(write))
    os.close(release)
    print([exit_code(child) for child in children])


if __name__ == "__main__":
    kind, room, *rest = sys.argv[1:]
    if kind == "race":
        race(Path(room))
    elif kind == "limit":
        write_under_a_size_limit(Path(room), rest[0])
    else:
        sent = {"kill": signal.SIGKILL, "terminate": signal.SIGTERM}[kind]
        harm(sent, Path(room), rest[0], int(rest[1]), int(rest[2]))
