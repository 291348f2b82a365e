"""An interrupt after the project was written: what is there, and what is not."""

from __future__ import annotations

from pathlib import Path

from kscaffold.cli import INTERRUPTED
from kscaffold.errors import KscaffoldError
from kscaffold.project.tree import Tree
from kscaffold.safety.files import read_regular


class InterruptError(KscaffoldError):
    """An interrupt; tells what is written."""

    exit_code = INTERRUPTED


def as_error(target: Path, tree: Tree, command: str | None) -> BaseException:
    """Return the error that tells of an interrupt; where nothing is written, the interrupt itself.

    Args:
        target: the project's folder.
        tree: its files.
        command: what makes the project again, if its git repository is still to be made.
    """
    if not _is_written(target, tree):
        return KeyboardInterrupt()
    if command is None or (target / ".git").exists():
        return InterruptError(f"interrupted; {target} is written")
    # A secret is in no command.
    secret = any(file.secret for file in tree)
    again = "the same command with --force" if secret else f"{command} --force"
    return InterruptError(
        f"interrupted; {target} is written, but not its git repository, which this makes: {again}"
    )


def _is_written(target: Path, tree: Tree) -> bool:
    try:
        return all(read_regular(target / file.path, len(file.data)) == file.data for file in tree)
    except OSError:
        return False
