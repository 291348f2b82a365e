"""A stand-in for `os` in the write modules: something happens at the n-th operation."""

from __future__ import annotations

import fcntl
import importlib
import os
import pkgutil
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import kscaffold.write
from kscaffold.project.tree import TreeFile

# With `shutil`, which removes folders for them.
_MODULES: tuple[ModuleType, ...] = (
    shutil,
    *(
        module
        for found in pkgutil.iter_modules(kscaffold.write.__path__, "kscaffold.write.")
        if hasattr(module := importlib.import_module(found.name), "os")
    ),
)
_NO_OPERATIONS = {"fsencode", "fspath", "urandom", "strerror"}

TREE = (
    TreeFile("README.md", "# new\n"),
    TreeFile("src/pkg/train.py", "print('new')\n" * 50),
    TreeFile("src/pkg/data.py", "DATA = 1\n"),
    TreeFile("bin/run", "#!/bin/sh\n", executable=True),
)


class FaultyOs:
    """Counts operations and does something before the n-th, or before each from there on."""

    def __init__(self, at: int, act: Callable[[], None], *, lasting: bool = False) -> None:
        self.count = 0
        self.at = at
        self.act = act
        self.lasting = lasting

    @property
    def struck(self) -> bool:
        """Whether it has happened."""
        return 0 < self.at <= self.count

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function of this name, counted."""

        def call(*args: Any, **options: Any) -> Any:
            self.count += 1
            if self.count != self.at and not (self.lasting and self.struck):
                # Syncing for real would only make the tests slow.
                return None if name == "fsync" else function(*args, **options)
            if name == "close":  # the system closes even where it reports an error
                function(*args, **options)
            if name == "write":  # and a write may stop half way
                half = max(1, len(args[1]) // 2)
                done = function(args[0], args[1][:half])
                self.act()
                return done
            self.act()
            return None if name in ("close", "fsync") else function(*args, **options)

        return call

    def __getattr__(self, name: str) -> Any:
        value = getattr(os, name)
        if isinstance(value, type) or not callable(value) or name in _NO_OPERATIONS:
            return value
        return self.wrap(name, value)


@contextmanager
def faulty(at: int, act: Callable[[], None], *, lasting: bool = False) -> Iterator[FaultyOs]:
    """Have the write modules use a `FaultyOs`."""
    stand_in = FaultyOs(at, act, lasting=lasting)
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(fcntl, "flock", stand_in.wrap("flock", fcntl.flock)))
        for module in _MODULES:
            stack.enter_context(mock.patch.object(module, "os", stand_in))
        yield stand_in


def without_syncing() -> AbstractContextManager[FaultyOs]:
    """Have nothing happen, but all of it faster."""
    return faulty(-1, lambda: None)


def snapshot(root: Path) -> dict[str, tuple[object, ...]]:
    """Everything below a folder: kind and mode, and content, link target and time of change."""
    state: dict[str, tuple[object, ...]] = {}
    for path in sorted(root.rglob("*")):
        found = path.lstat()
        content: object = None
        if path.is_symlink():
            content = str(path.readlink())
        elif stat.S_ISREG(found.st_mode):
            content = (path.read_bytes(), found.st_mtime_ns)
        state[path.relative_to(root).as_posix()] = (found.st_mode, content)
    return state


def is_complete(target: Path) -> bool:
    """Whether all of `TREE` is there."""
    return all(
        (path := target / file.path).is_file()
        and path.read_text() == file.text
        and bool(path.stat().st_mode & stat.S_IXUSR) == file.executable
        for file in TREE
    )


def nothing_there(target: Path) -> None:
    """No target, in a folder that exists."""
    target.parent.mkdir(parents=True)


def no_parent(target: Path) -> None:
    """Neither the target nor the folder around it exists."""


def empty_folder(target: Path) -> None:
    """An empty target, which a rename can replace."""
    target.mkdir(parents=True)
    target.chmod(0o750)


def empty_current_folder(target: Path) -> None:
    """An empty target that is the current folder."""
    target.mkdir(parents=True)
    os.chdir(target)


def changed_project(target: Path) -> None:
    """A project that the user has changed and added to, with a backup from before."""
    (target / "src/pkg").mkdir(parents=True)
    (target / "README.md").write_text("# mine\n")
    (target / "README.md.backup-1").write_text("# older\n")
    (target / "src/pkg/train.py").write_text("print('mine')\n")
    (target / "src/pkg/train.py").chmod(0o600)
    (target / "src/pkg/data.py").write_text("DATA = 1\n")
    (target / "src/pkg/mine.py").write_text("MINE = 1\n")
    (target / "latest").symlink_to("src")


SCENARIOS: tuple[Callable[[Path], None], ...] = (
    nothing_there,
    no_parent,
    empty_folder,
    empty_current_folder,
    changed_project,
)
