"""What kscaffold costs beside cookiecutter and copier, measured in turns in one run.

    python bench/scaffold.py [--runs N] [--rivals VENV] [--kscaffold COMMAND] [--json]

A fresh project of kscaffold's is made into a template for each of the others, with the same files
and bytes, so that all write the same. Then all commands run in turns, so that whatever else the
machine does hits all alike; the first turn is not counted. Compared are medians of CPU time, user
and system, child processes included.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import Cost, Spread, run
from rivals import check_same, cookiecutter_template, copier_template, install

_VALUES = {"title": "bench-model", "package": "bench_model"}
_FEWEST = 11


@dataclass(frozen=True)
class Figure:
    """One figure to reach: a command's cost, alone or as a share of another's."""

    what: str
    value: float
    limit: float
    unit: str = ""

    @property
    def is_reached(self) -> bool:
        """Whether the value is within the limit."""
        return self.value <= self.limit


@dataclass(frozen=True)
class Result:
    """The costs of one command over all runs."""

    seconds: Spread
    mebibytes: Spread

    @classmethod
    def of(cls, costs: list[Cost]) -> Result:
        """The spread of the costs of all runs."""
        return cls(
            Spread.of([cost.seconds for cost in costs]),
            Spread.of([cost.mebibytes for cost in costs]),
        )


class Bench:
    """A room in which all commands run, with a home folder of its own.

    Args:
        room: an empty folder.
        kscaffold: the command to measure.
        rivals: the folder with the other commands.
    """

    def __init__(self, room: Path, kscaffold: str, rivals: Path) -> None:
        self.room = room
        self.kscaffold = kscaffold
        self.rivals = rivals
        (room / "home").mkdir()
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self.environment = {**kept, "HOME": str(room / "home")}

    def prepare(self) -> Path:
        """Make the project that is written in each run, and the templates for it."""
        project = self.room / "sample" / _VALUES["title"]
        project.parent.mkdir()
        self.run(self._new(project))
        cookiecutter_template(project, _VALUES, self.room / "cookiecutter")
        copier_template(project, _VALUES, self.room / "copier")
        return project

    def commands(self, turn: Path) -> dict[str, list[str]]:
        """Each command by its name, writing into folders of this turn."""
        cookiecutter, copier = str(self.rivals / "cookiecutter"), str(self.rivals / "copier")
        template = str(self.room / "cookiecutter")
        copied = str(turn / "copier" / _VALUES["title"])
        return {
            "kscaffold --help": [self.kscaffold, "--help"],
            "cookiecutter --help": [cookiecutter, "--help"],
            "kscaffold new": self._new(turn / "kscaffold" / _VALUES["title"]),
            "cookiecutter": [
                cookiecutter,
                "--no-input",
                "-o",
                str(turn / "cookiecutter"),
                template,
            ],
            "copier copy": [copier, "copy", "--defaults", str(self.room / "copier"), copied],
        }

    def run(self, command: list[str]) -> Cost:
        """Run a command in this room."""
        return run(command, self.environment, str(self.room / "log"))

    def _new(self, target: Path) -> list[str]:
        return [self.kscaffold, "new", str(target), "--defaults", "--no-git"]


def measure(bench: Bench, runs: int) -> dict[str, Result]:
    """Run all commands in turns, after one turn that is not counted but checked."""
    project = bench.prepare()
    costs: dict[str, list[Cost]] = {}
    for number in range(runs + 1):
        turn = bench.room / "turn"
        for tool in ("kscaffold", "cookiecutter", "copier"):
            (turn / tool).mkdir(parents=True)
        for name, command in bench.commands(turn).items():
            cost = bench.run(command)
            if number > 0:
                costs.setdefault(name, []).append(cost)
        if number == 0:
            for tool in ("kscaffold", "cookiecutter", "copier"):
                check_same(project, turn / tool / project.name)
        shutil.rmtree(turn)
    return {name: Result.of(each) for name, each in costs.items()}


def figures(results: dict[str, Result]) -> list[Figure]:
    """The figures to reach."""

    def share(name: str, other: str, limit: float) -> Figure:
        value = results[name].seconds.median / results[other].seconds.median
        return Figure(f"{name} / {other}, CPU time", value, limit)

    return [
        share("kscaffold --help", "cookiecutter --help", 0.5),
        share("kscaffold new", "cookiecutter", 1.0),
        share("kscaffold new", "copier copy", 0.6),
        *(
            Figure(f"{name}, peak memory", results[name].mebibytes.upper, 40, " MiB")
            for name in ("kscaffold --help", "kscaffold new")
        ),
    ]


def table(results: dict[str, Result], reached: list[Figure]) -> str:
    """Both as text."""
    lines = [
        f"{'command':<22}{'CPU ms':>8}  {'quartiles':<15}{'MiB':>6}  {'quartiles':<13}".rstrip()
    ]
    for name, result in results.items():
        cpu, memory = result.seconds, result.mebibytes
        quartiles = f"{cpu.lower * 1000:.0f} to {cpu.upper * 1000:.0f}"
        lines.append(
            f"{name:<22}{cpu.median * 1000:>8.0f}  {quartiles:<15}{memory.median:>6.1f}"
            f"  {memory.lower:.1f} to {memory.upper:.1f}"
        )
    lines.append("")
    for figure in reached:
        verdict = "reached" if figure.is_reached else "MISSED"
        lines.append(
            f"{figure.what:<52}{figure.value:>7.2f}{figure.unit}"
            f" (at most {figure.limit:g}{figure.unit}): {verdict}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, and print what came out."""
    beside = Path(sys.executable).with_name("kscaffold")
    found = str(beside) if beside.exists() else shutil.which("kscaffold")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=15, help=f"at least {_FEWEST}; default: 15")
    parser.add_argument("--rivals", type=Path, default=Path(".venvs/rivals"), metavar="VENV")
    parser.add_argument("--kscaffold", default=found, metavar="COMMAND")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    if options.runs < _FEWEST:
        parser.error(f"--runs: fewer than {_FEWEST} say too little")
    if options.kscaffold is None:
        parser.error("kscaffold is not installed here: pip install -e .")
    with TemporaryDirectory(prefix="bench-") as room:
        kscaffold = str(Path(options.kscaffold).absolute())
        bench = Bench(Path(room), kscaffold, install(options.rivals))
        results = measure(bench, options.runs)
    reached = figures(results)
    if options.json:
        print(
            json.dumps(
                {
                    "runs": options.runs,
                    "commands": {name: asdict(result) for name, result in results.items()},
                    "figures": [{**asdict(f), "reached": f.is_reached} for f in reached],
                },
                indent=2,
            )
        )
    else:
        print(table(results, reached))


if __name__ == "__main__":
    main()
