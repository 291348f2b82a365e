"""What a command imports: no more than it needs, since each import is paid on every start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "msgspec",
    "packaging",
    "jinja2",
    "black",
    "questionary",
    "prompt_toolkit",
    "keras",
    "jax",
    "numpy",
)
# Runs one command, and then prints on stderr which of the heavy modules are there.
PROGRAM = f"""
import sys
from kscaffold.cli import main
try:
    main(sys.argv[1:], prog_name="kscaffold")
finally:
    print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (["--help"], ""),
        (["--version"], ""),
        (["new", "--help"], "msgspec"),
        (["verify", "--list"], "msgspec"),
        (["new", "demo", "--style", "x"], "msgspec jinja2"),
        (["new", "demo", "--no-git", "--data", "csv"], "msgspec jinja2"),
    ],
    ids=str,
)
def test_a_command_imports_only_what_it_needs(
    tmp_path: Path, arguments: list[str], allowed: str
) -> None:
    """Help and version import nothing heavy; `new` no keras, and nothing that asks questions."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    imported = result.stderr.splitlines()[-1]
    assert imported.startswith("[")
    assert set(imported.strip("[]").replace("'", "").replace(",", " ").split()) <= set(
        allowed.split()
    )
