"""Create, find and list runs."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import UserError
from .files import RunDir, read_json

RUNS = Path("runs")


def create_run(path: Path | None = None) -> RunDir:
    """Make the directory of a new run, named by the time if `path` is None.

    Raises `UserError` if there is something else in it.
    """
    run = RunDir(path or RUNS / f"{datetime.now():%Y%m%d-%H%M%S-%f}")
    run.path.mkdir(parents=True, exist_ok=path is not None)
    if run.config.exists():
        raise UserError(f"{path} holds a run: resume it, or name another directory")
    # A run that was killed before it had a configuration has left its lock.
    if any(run.path.iterdir()) and not run.lock_file.exists():
        raise UserError(f"{path} is not empty: name another directory")
    return run


def find_run(path: Path | None = None) -> RunDir:
    """Return the run in `path`, or the one that began last; raises `UserError`."""
    if path is not None:
        if not RunDir(path).config.exists():
            raise UserError(f"{path} is not a run directory: it has no config.json")
        return RunDir(path)
    if not (runs := all_runs()):
        raise UserError(f"there is no run in {RUNS.absolute()}: train one first")
    latest = max(runs, key=lambda run: run.schema.stat().st_mtime_ns)
    print(f"latest run: {latest.path}", file=sys.stderr)
    return latest


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
        cells = [name, *(row.get(name, "") for row in rows)]
        if len(set(cells)) > 2 or not name.startswith("--"):
            columns.append([cell.ljust(max(map(len, cells))) for cell in cells])
    for line in zip(*columns):
        print("  ".join(line).rstrip())


def describe(run: RunDir) -> dict[str, str]:
    """Return the cells of a run by column: name, time, metrics, and all its fields."""
    when = datetime.fromtimestamp(run.config.stat().st_mtime)
    row = {"run": run.path.name, "when": f"{when:%Y-%m-%d %H:%M}"}
    try:
        report: Any = read_json(run.metrics, dict) if run.metrics.exists() else {}
        row["epochs"] = str(report.get("epochs", "unfinished"))
        for part in ("validation", "test"):
            for name, value in report.get(part, {}).items():
                row[f"{part}_{name}"] = f"{value:.5g}"
        fields = read_json(run.config, dict)
        row |= {f"--{name}": str(value) for name, value in fields.items()}
    except (UserError, OSError, AttributeError, TypeError, ValueError) as error:
        row["problem"] = str(error)
    return row
