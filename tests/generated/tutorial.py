"""What a page teaches as something to run: files, changes and commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

# A path in the text before a block: the file that the block writes or changes.
PATH = re.compile(r"`([\w./-]*\.(?:toml|jinja))`")
# What reaches for the network on another machine.
OFFLINE = {
    "pip install": "pip install --no-build-isolation",
    "python -m build": "python -m build --no-isolation",
}


@dataclass(frozen=True)
class Step:
    """A block of a page.

    Attributes:
        language: "console": commands; "diff": a change of a file; else a file.
        path: the file that the text before the block names last.
        text: what is in the block.
    """

    language: str
    path: str
    text: str


def steps(page: str, title: str = "Tutorial") -> Iterator[Step]:
    """Yield the blocks of a section of a page, in order."""
    section = page.partition(f"## {title}\n")[2].partition("\n## ")[0]
    path = ""
    for token in MarkdownIt().parse(section):
        if token.type == "inline":
            path = next(reversed(PATH.findall(token.content)), path)
        elif token.type == "fence":
            yield Step(token.info, path, token.content)


def take(step: Step, folder: Path) -> None:
    """Do in a folder what a step says; raises `AssertionError` if it does not come out so."""
    path = folder / step.path
    if step.language == "console":
        for command, expected in commands(step.text):
            _run(command, expected, folder)
    elif step.language == "diff":
        path.write_text(_changed(path.read_text(encoding="utf-8"), step.text), encoding="utf-8")
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(step.text, encoding="utf-8")


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a block, with the output that is shown."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def _changed(text: str, diff: str) -> str:
    lines: dict[str, list[str]] = {"-": [], "+": []}
    for line in diff.splitlines(keepends=True):
        lines[line[0]].append(line[1:])
    old, new = "".join(lines["-"]), "".join(lines["+"])
    assert text.count(old) == 1, f"{old!r} is not there once:\n{text}"
    return text.replace(old, new)


def _run(command: str, expected: str, folder: Path) -> None:
    for written, offline in OFFLINE.items():
        command = command.replace(written, offline)
    result = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    shown = result.stdout + result.stderr
    assert (result.returncode != 0) == expected.startswith("error:"), f"{command}\n{shown}"
    if expected:
        assert expected in (result.stdout, result.stderr), f"{command}\n{shown}"


def _environment(folder: Path) -> dict[str, str]:
    """Return an environment in which the commands of this kscaffold work on files of the folder."""
    home = folder / ".home"
    home.mkdir(exist_ok=True)
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_CACHE_HOME": str(home / "cache"),
        **{f"GIT_{who}_NAME": "A" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "a@localhost" for who in ("AUTHOR", "COMMITTER")},
        # What pip installs goes beside this environment, from what is here.
        "PIP_TARGET": str(home / "site"),
        "PYTHONPATH": str(home / "site"),
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "LC_ALL": "C.UTF-8",
    }
