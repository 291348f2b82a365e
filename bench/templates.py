"""What a template of one's own costs: as an overlay, and with many files beside copier.

    python bench/templates.py [--runs N] [--rivals VENV] [--kscaffold COMMAND] [--json]

Commands run in turns, so that whatever else the machine does hits all alike; the first turn is not
counted. Compared are CPU times, user and system, child processes included, and each share is the
median of the shares of its turns.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import Spread, run
from rivals import check_same, install

_FEWEST = 9
_FEW, _MANY = 50, 1_000
_OVERLAY = Path(__file__).parents[1] / "examples" / "templates" / "focal-loss"
# What each file of the large templates says, for both tools.
_TEXT = """# Part {number} of {{{{ name }}}}

This is file {number}, in the words of {{{{ author }}}}.
It is {{% if long %}}long{{% else %}}short{{% endif %}}, and belongs to {{{{ name | upper }}}}.
"""
_ANSWERS = {"name": "bench", "author": "somebody", "long": True}


@dataclass(frozen=True)
class Figure:
    """A share to reach: of each turn, its quartiles and the limit."""

    what: str
    share: Spread
    limit: float

    @property
    def is_reached(self) -> bool:
        """Whether the median is within the limit."""
        return self.share.median <= self.limit


class Bench:
    """A room with templates, in which all commands run, with a home folder of its own.

    Args:
        room: an empty folder.
        kscaffold: the command to measure.
        rivals: the folder with the other command.
    """

    def __init__(self, room: Path, kscaffold: str, rivals: Path) -> None:
        self.room = room
        self.kscaffold = kscaffold
        self.copier = str(rivals / "copier")
        (room / "home").mkdir()
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self.environment = {**kept, "HOME": str(room / "home")}
        for count in (1, _FEW, _MANY):
            self._write_template(count)

    def turn(self) -> dict[str, float]:
        """Run each command once; returns their CPU times in seconds, by what they measure."""
        folder = self.room / "turn"
        for name in ("plain", "overlay"):
            (folder / name).mkdir(parents=True)
        seconds = {
            name: run(command, self.environment, str(self.room / "log")).seconds
            for name, command in self._commands(folder)
        }
        shutil.rmtree(folder / "many" / ".kscaffold")
        check_same(folder / "many", folder / "copier")
        shutil.rmtree(folder)
        return seconds

    def _commands(self, folder: Path) -> Iterator[tuple[str, list[str]]]:
        # A word that stands in no file: the name of the package is put into them.
        project = "bench-model"
        yield "new", self._new(folder / "plain" / project)
        yield "new with an overlay", self._new(folder / "overlay" / project, str(_OVERLAY))
        for name, count in (("one", 1), ("few", _FEW), ("many", _MANY)):
            command = self._new(folder / name, str(self.room / f"kscaffold-{count}"))
            yield f"new, files: {count}", command
        copied = str(folder / "copier")
        yield "copier copy", [self.copier, "copy", "--defaults", f"{self.room}/copier", copied]

    def _new(self, target: Path, *templates: str) -> list[str]:
        chosen = [word for source in templates for word in ("--template", source)]
        return [self.kscaffold, "new", str(target), "--defaults", "--no-git", "-q", *chosen]

    def _write_template(self, count: int) -> None:
        """Write a template of so many files, and the largest for copier as well."""
        folder = self.room / f"kscaffold-{count}"
        texts = {f"part{n // 50}/file{n}.txt": _TEXT.format(number=n) for n in range(count)}
        questions = "".join(
            f'[questions.{name}]\ntype = "{"bool" if isinstance(value, bool) else "str"}"\n'
            f'help = "What?"\ndefault = {json.dumps(value)}\n'
            for name, value in _ANSWERS.items()
        )
        about = '[template]\nname = "bench"\ndescription = "Many files."\n'
        _write(folder / "kscaffold.toml", f'{about}{questions}[folders]\nfiles = ""\n')
        for path, text in texts.items():
            _write(folder / "files" / f"{path}.jinja", text)
            if count == _MANY:
                _write(self.room / "copier" / f"{path}.jinja", text)
        kinds = {True: "bool", False: "str"}
        _write(
            self.room / "copier" / "copier.yml",
            "".join(
                f"{name}:\n  type: {kinds[isinstance(value, bool)]}\n"
                f"  default: {json.dumps(value)}\n"
                for name, value in _ANSWERS.items()
            ),
        )


def figures(turns: list[dict[str, float]]) -> list[Figure]:
    """The shares to reach, from the CPU times of all turns."""

    def share(name: str, other: str) -> Spread:
        return Spread.of([turn[name] / turn[other] for turn in turns])

    one, few, many = (f"new, files: {count}" for count in (1, _FEW, _MANY))
    # What one file takes is what starting takes.
    each = [
        ((turn[many] - turn[one]) / (_MANY - 1)) / ((turn[few] - turn[one]) / (_FEW - 1))
        for turn in turns
    ]
    return [
        Figure("new with an overlay / new", share("new with an overlay", "new"), 1.15),
        Figure(f"time of a file, of {_MANY} / of {_FEW}", Spread.of(each), 1.2),
        Figure(f"new / copier copy, {_MANY} files", share(many, "copier copy"), 0.5),
    ]


def table(turns: list[dict[str, float]], reached: list[Figure]) -> str:
    """Both as text."""
    lines = [f"{'command':<34}{'CPU ms':>8}  quartiles"]
    for name in turns[0]:
        cpu = Spread.of([turn[name] * 1000 for turn in turns])
        lines.append(f"{name:<34}{cpu.median:>8.0f}  {cpu.lower:.0f} to {cpu.upper:.0f}")
    lines += ["", f"{'share':<34}{'median':>8}  quartiles"]
    for figure in reached:
        share = figure.share
        verdict = "reached" if figure.is_reached else "MISSED"
        lines.append(
            f"{figure.what:<34}{share.median:>8.2f}  {share.lower:.2f} to {share.upper:.2f}"
            f" (at most {figure.limit:g}): {verdict}"
        )
    return "\n".join(lines)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8", newline="")


def main() -> None:
    """Measure, and print what came out."""
    beside = Path(sys.executable).with_name("kscaffold")
    found = str(beside) if beside.exists() else shutil.which("kscaffold")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=11, help=f"at least {_FEWEST}; default: 11")
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
        turns = [bench.turn() for _ in range(options.runs + 1)][1:]
    reached = figures(turns)
    if options.json:
        listed = [{**asdict(f), "reached": f.is_reached} for f in reached]
        print(json.dumps({"turns": turns, "figures": listed}, indent=2))
    else:
        print(table(turns, reached))


if __name__ == "__main__":
    main()
