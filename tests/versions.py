"""Run the contract and projects' own tests with the oldest supported and the newest Keras and JAX.

    python -m tests.versions [PYTHON]...

Each pair gets an environment of its own under .venvs/, with each Python that is found.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.projects import ROOT

PAIRS = (("3.10.0", "0.6.2"), ("3.12.4", "0.8.3"), ("3.15.1", "0.10.2"))
PYTHONS = ("python3.11", "python3.12", "python3.13")
TESTS = (
    "tests/test_fit_contract.py",
    "tests/test_training.py",
    "tests/test_whole_projects.py::test_own_tests_and_commands",
)


def environment(python: str, keras: str, jax: str) -> Path:
    """Make an environment, if it is not there; return its Python."""
    folder = ROOT / ".venvs" / f"{python}-keras-{keras}"
    command = folder / "bin" / "python"
    if not (folder / "complete").exists():
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        packages = [f"keras=={keras}", f"jax=={jax}", "--editable", f"{ROOT}[jax,dev]"]
        subprocess.run([command, "-m", "pip", "install", "--quiet", *packages], check=True)
        (folder / "complete").touch()
    return command


def runs(python: str) -> bool:
    """Tell whether a Python of this name is there and starts."""
    found = shutil.which(python)
    return bool(found) and subprocess.run([python, "-V"], check=False).returncode == 0


def main() -> None:
    """Run the tests in each environment; exit with 1 if one fails."""
    failed = []
    for python in filter(runs, sys.argv[1:] or PYTHONS):
        for keras, jax in PAIRS:
            name = f"{python}, keras {keras}, jax {jax}"
            print(f"== {name}", flush=True)
            command = environment(python, keras, jax)
            tests = [str(command), "-m", "pytest", "-q", "-n", "auto", *TESTS]
            if subprocess.run(tests, cwd=ROOT, check=False).returncode != 0:
                failed.append(name)
    print("\n".join(["failed:", *failed]) if failed else "all hold")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
