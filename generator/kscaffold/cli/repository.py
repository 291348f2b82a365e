"""The git repository of a new project: made with its first commit, or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from kscaffold.errors import KscaffoldError
from kscaffold.project.tree import Tree
from kscaffold.safety.child_process import kill_session
from kscaffold.write import working_folder

# No hooks, no programs named by a configuration, and nothing in the background.
SAFE = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "init.templateDir="),
    *("-c", "commit.gpgSign=false", "-c", "core.safecrlf=false", "--literal-pathspecs"),
    *("-c", "gc.auto=0", "-c", "maintenance.auto=false"),
)
INSIDE = "--is-inside-work-tree"
FALLBACK = {"user.name": "kscaffold", "user.email": "kscaffold@localhost"}
# Inside a git hook, these name another repository than the target's.
FOREIGN = {
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"),
    *("GIT_PREFIX", "GIT_NAMESPACE", "GIT_TEMPLATE_DIR"),
}


def start_repository(target: Path, tree: Tree) -> Iterator[str]:
    """Make a git repository with one commit of all files without secrets; yields warnings.

    It is made in a temporary folder and then moved, so that an interrupt leaves neither a
    repository without a commit nor a lock file. Without git, or if the target is in a repository
    already, none is made.
    """
    files = tuple(file.path for file in tree if not file.secret)
    if files and shutil.which("git") and _git(target, "rev-parse", INSIDE).returncode != 0:
        try:
            with working_folder(target) as folder:
                _commit(target, folder, files)
                os.rename(folder / ".git", target / ".git")  # noqa: PTH104
        except (KscaffoldError, OSError) as error:
            yield f"the project is written, but git failed: {error}"
    for path in sorted(file.path for file in tree if file.secret):
        yield f"{path} holds a secret, so it is not committed; make sure that .gitignore names it"


def _commit(target: Path, folder: Path, files: tuple[str, ...]) -> None:
    """Commit the target's files in a new repository in the folder; raises `KscaffoldError`."""

    def run(*arguments: str) -> None:
        result = _git(target, *arguments)
        if result.returncode != 0:
            raise KscaffoldError((result.stderr.strip().splitlines() or ["no message"])[-1])

    where = (f"--git-dir={folder / '.git'}", f"--work-tree={target.absolute()}")
    run("init", "--quiet", "--initial-branch=main", "--", str(folder))
    run(*where, "add", "--force", "--", *files)  # even those that the user's own excludes name
    missing = [key for key in FALLBACK if _git(target, *where, "config", key).returncode != 0]
    identity = [word for key in missing for word in ("-c", f"{key}={FALLBACK[key]}")]
    run(*where, *identity, "commit", "--quiet", "--message", "Create the project")


def _git(target: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in a session of its own, so that Ctrl-C reaches only this process.

    An interrupt ends git, and what git has started, before it goes on.
    """
    command = ["git", *SAFE, *arguments]
    with subprocess.Popen(
        command,
        cwd=target,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={k: v for k, v in os.environ.items() if k not in FOREIGN},
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate()
        except BaseException:
            kill_session(process)
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=5)  # the output ends when the last one is gone
            raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)
