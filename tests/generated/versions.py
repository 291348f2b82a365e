"""Run the contract and projects' own tests with the oldest supported Keras, to the nightly one.

    python -m tests.generated.versions [PYTHON]... [--only NAME]

Each version gets an environment of its own under .venvs/, with each Python that is found. The
figures of all versions go to docs/fit-contract-versions.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.projects import ROOT


@dataclass(frozen=True)
class Version:
    """A Keras to test with.

    Attributes:
        packages: what pip installs beside kscaffold; empty for keras-nightly, which takes the
            place of the Keras that is installed, and the JAX that goes with it.
        distributes: whether projects with a distribution support it.
    """

    name: str
    packages: tuple[str, ...] = ()
    distributes: bool = True


VERSIONS = (
    Version("oldest", ("keras==3.10.0", "jax==0.7.2"), distributes=False),
    Version("middle", ("keras==3.12.4", "jax==0.8.3")),
    Version("newest", ("keras==3.15.1", "jax==0.10.2")),
    Version("nightly"),
)
PYTHONS = ("python3.11", "python3.12", "python3.13")
TESTS = (
    "tests/verify/test_fit_contract.py::test_one_case_of_each_family_is_exact",
    "tests/verify/test_behaviour.py",
    "tests/generated/test_training.py",
    "tests/generated/test_whole_projects.py::test_own_tests_and_commands",
)
DISTRIBUTION_TESTS = ("tests/distribution/test_own_tests.py",)
# The projects that are held against all cases.
PROJECTS: dict[str, tuple[str, ...]] = {
    "defaults": (),
    "lean": ("--no-sample-weight", "--no-fused"),
    "manual": ("--manual-metrics",),
}
PAGE = ROOT / "docs" / "fit-contract-versions.md"
JAX = {**os.environ, "KERAS_BACKEND": "jax"}


def environment(python: str, version: Version) -> Path:
    """Make an environment, if it is not there; return its Python."""
    folder = ROOT / ".venvs" / f"{python}-{version.name}"
    command = folder / "bin" / "python"
    pip = [str(command), "-m", "pip", "--quiet"]
    if not (folder / "complete").exists():
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        editable = ["--editable", f"{ROOT}[jax,dev]"]
        subprocess.run([*pip, "install", *version.packages, *editable], check=True)
        (folder / "complete").touch()
        if not version.packages:
            subprocess.run([*pip, "uninstall", "--yes", "keras"], check=True)
    if not version.packages:  # a new one each day
        subprocess.run([*pip, "install", "--pre", "--upgrade", "keras-nightly"], check=True)
    return command


def runs(python: str) -> bool:
    """Return whether a Python of this name is there and starts."""
    found = shutil.which(python)
    return bool(found) and subprocess.run([python, "-V"], check=False).returncode == 0


def installed(command: Path) -> str:
    """Return the versions of Keras and JAX in an environment."""
    code = "import keras, jax; print('Keras', keras.__version__ + ', JAX', jax.__version__)"
    done = subprocess.run(
        [command, "-c", code], env=JAX, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def verify(command: Path) -> list[dict[str, Any]]:
    """Hold the projects against all cases, three steps per execution; return what came out."""
    with TemporaryDirectory() as folder:
        for name, options in PROJECTS.items():
            new = ["new", name, "--package", name, "--defaults", "--no-git", "-q", *options]
            subprocess.run([command, "-m", "kscaffold", *new], cwd=folder, check=True)
        arguments = ["verify", *PROJECTS, "--steps-per-execution", "3", "--format", "json"]
        done = subprocess.run(
            [command, "-m", "kscaffold", *arguments],
            cwd=folder,
            env=JAX,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    targets: list[dict[str, Any]] = json.loads(done.stdout)["targets"]
    return targets


def page(results: dict[str, list[dict[str, Any]]]) -> str:
    """Return the figures as a page: how many cases hold, and what Keras itself cannot do."""
    lines = [
        "# The fit() contract, by version of Keras",
        "",
        "Written by `make test-versions`: cases that hold, of those that apply.",
        "",
        f"| | {' | '.join(PROJECTS)} |",
        f"| --- |{' --: |' * len(PROJECTS)}",
    ]
    impossible: dict[str, list[str]] = {}
    for name, targets in results.items():
        cells = []
        for target in targets:
            apply = [c for c in target["cases"] if c["verdict"] != "not applicable"]
            cells.append(f"{sum(case['holds'] for case in apply)}/{len(apply)}")
            for case in target["cases"]:
                if "keras.Model" in case["detail"] and case["verdict"] == "not applicable":
                    place = f"{case['family']}: {case['case']}: `{case['detail']}`"
                    names = impossible.setdefault(place, [])
                    names += [] if name in names else [name]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "What `keras.Model` or any subclass of it cannot do:", ""]
    lines += [f"- {place} ({'; '.join(names)})" for place, names in sorted(impossible.items())]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the tests in each environment; exit with 1 if one fails."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pythons", nargs="*", default=PYTHONS)
    parser.add_argument("--only", choices=[version.name for version in VERSIONS])
    given = parser.parse_args()
    failed: list[str] = []
    results: dict[str, list[dict[str, Any]]] = {}
    for python in filter(runs, given.pythons):
        for version in VERSIONS:
            if given.only not in (None, version.name):
                continue
            command = environment(python, version)
            name = installed(command)
            print(f"== {python}, {version.name}: {name}", flush=True)
            results[name] = verify(command)
            tests = [*TESTS, *(DISTRIBUTION_TESTS if version.distributes else ())]
            run_tests = [str(command), "-m", "pytest", "-q", "-n", "auto", *tests]
            done = subprocess.run(run_tests, cwd=ROOT, env=JAX, check=False)
            if done.returncode != 0 or any(target["fails"] for target in results[name]):
                failed.append(f"{python}, {name}")
    if given.only is None:
        PAGE.write_text(page(results), encoding="utf-8")
    print("\n".join(["failed:", *failed]) if failed else "all hold")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
