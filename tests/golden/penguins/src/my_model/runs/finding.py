"""Create, find and list runs."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

from ..errors import UserError
from .files import RunDir, read_json

RUNS = Path("runs")


def create_run(path: Path | None = None) -> RunDir:
    """Make the directory of a new run, named by the time if `path` is None.

    Raises `UserError` if there is something else in it. What is left of a run that was
    killed before it had a configuration is used again.
    """
    if path is None:
        return RunDir(unused(RUNS / time.strftime("%Y%m%d-%H%M%S")))
    run = RunDir(path)
    if run.config.exists():
        raise UserError(f"{path} holds a run: resume it, or name another directory")
    path.mkdir(parents=True, exist_ok=True)
    leftovers = {run.schema.name, run.checksum.name, "lock"}
    for name in {each.name.removeprefix("partial-") for each in path.iterdir()}:
        if name not in {*leftovers, run.config.name}:
            raise UserError(f"{path} is not empty: name another directory")
    return run


def unused(path: Path) -> Path:
    """Make this directory, or one with a number after its name; return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        made = path if number == 1 else path.with_name(f"{path.name}-{number}")
        try:
            made.mkdir()
            break
        except FileExistsError:
            continue
    return made


def find_run(path: Path | None = None) -> RunDir:
    """Return the run in `path`, or the latest one; raises `UserError` if there is none."""
    if path is not None:
        if not RunDir(path).config.exists():
            raise UserError(f"{path} is not a run directory: it has no config.json")
        return RunDir(path)
    if not (runs := all_runs()):
        raise UserError(f"there is no run in {RUNS.absolute()}: train one first")
    return max(runs, key=lambda run: run.config.stat().st_mtime_ns)


def all_runs() -> list[RunDir]:
    """Return the runs in `RUNS`, ordered by name."""
    return [RunDir(path.parent) for path in sorted(RUNS.glob("*/config.json"))]


def list_runs() -> None:
    """List all runs: epochs, metrics, and the fields in which they differ."""
    rows = [describe(run) for run in all_runs()]
    if not rows:
        print("There are no runs yet.")
    columns = []
    for name in dict.fromkeys(name for row in rows for name in row):
        cells = [row.get(name, "") for row in rows]
        if len(set(cells)) > 1 or not name.startswith("--"):
            width = max(map(len, [name, *cells]))
            columns.append([cell.ljust(width) for cell in [name, *cells]])
    for line in zip(*columns):
        print("  ".join(line).rstrip())


def describe(run: RunDir) -> dict[str, str]:
    """Return the cells of a run by column: name, time, metrics, and all its fields."""
    when = time.localtime(run.config.stat().st_mtime)
    row = {"run": run.path.name, "when": time.strftime("%Y-%m-%d %H:%M", when)}
    try:
        report: dict[str, Any] = {}
        if run.metrics.exists():
            report = read_json(run.metrics, dict)
        row["epochs"] = str(report.get("epochs", "unfinished"))
        for part in ("validation", "test"):
            for name, value in report.get(part, {}).items():
                row[f"{part}_{name}"] = f"{value:.5g}"
        fields = read_json(run.config, dict)
        row |= {f"--{name}": str(value) for name, value in fields.items()}
    except (UserError, AttributeError, TypeError, ValueError) as error:
        row["problem"] = str(error)
    return row
