"""A large table is looked at in sight of the person who waits for it."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest

from kscaffold.cli.terminal import table_bar
from kscaffold.tables.inspection import inspect_table
from kscaffold.tables.look import WATCH
from tests.tables.makers import PLAIN, write

pytest.importorskip("pty")
LARGE = "a,b,y\n" + "".join(f"{n % 97},{'x' * 200},{n % 13}.5\n" for n in range(25_000))


def on_terminal(*arguments: str) -> tuple[str, str]:
    """Run kscaffold with its stderr on a terminal; returns stdout, and what the terminal got."""
    import pty

    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    command = [sys.executable, "-m", "kscaffold", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, text=True, env=environment
    ) as process:
        os.close(theirs)
        stdout, _ = process.communicate()
    shown = ""
    with suppress(OSError):  # Linux raises at the end of a terminal's output
        while part := os.read(ours, 1 << 16):
            shown += part.decode()
    os.close(ours)
    assert process.returncode == 0, shown
    return stdout, shown


def test_a_bar_is_shown_on_a_terminal(tmp_path: Path) -> None:
    """By `inspect` and by `new`, on stderr; stdout is the result alone."""
    path = str(write(tmp_path, "t.csv", LARGE))
    stdout, shown = on_terminal("inspect", path, "--format", "json")
    assert json.loads(stdout)["rows"] == 25_000
    assert "Looking at the table" in shown
    assert "100%" in shown
    new = ("new", str(tmp_path / "x"), "-n", "--defaults", "--data", "csv", "--data-path", path)
    assert "100%" in on_terminal(*new)[1]
    assert "Looking" not in on_terminal(*new, "--quiet")[1]


def test_there_is_no_bar_without_a_terminal(tmp_path: Path) -> None:
    """Nor for a small table."""
    path = write(tmp_path, "t.csv", LARGE)
    command = [sys.executable, "-m", "kscaffold", "inspect", str(path)]
    assert not subprocess.run(command, capture_output=True, check=True).stderr
    assert "Looking" not in on_terminal("inspect", str(write(tmp_path, "small.csv", PLAIN)))[1]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_fractions_rise_to_one(name: str, tmp_path: Path) -> None:
    """Also of a compressed file, by its place in it."""
    told: list[float] = []
    data = LARGE.encode()
    path = write(tmp_path, name, gzip.compress(data) if name.endswith("gz") else data)
    token = WATCH.set(lambda _: nullcontext(told.append))
    try:
        inspect_table(path)
    finally:
        WATCH.reset(token)
    assert told == sorted(told)
    assert len(told) == 5
    assert 0 < told[0] <= told[-1] == 1


def test_a_bar_takes_fractions(tmp_path: Path) -> None:
    """Whatever they are, it ends at the end."""
    with table_bar(tmp_path) as tell:
        tell(0.5)
        tell(0.2)
