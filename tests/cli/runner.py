"""The command line in this process, for the tests of what it prints and writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from kscaffold.cli import main
from kscaffold.template.manifest import Question
from kscaffold.template.sources import load_template

QUESTIONS = load_template().manifest.questions
# A table with another last column than the one that is answered as the target.
TABLE = "changed,other,last\n" + "".join(
    f"{n % 5}.5,{n * 7 % 11}.5,{n % 7}.25\n" for n in range(60)
)


def kscaffold(*arguments: str, **more: Any) -> Result:
    """Run a command; `more` is what click's runner takes."""
    return CliRunner().invoke(main, arguments, prog_name="kscaffold", **more)


def error_of(result: Result, exit_code: int) -> str:
    """The one line that a refused command prints, which must be all that it prints."""
    assert result.exit_code == exit_code, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("error: ").removesuffix("\n")


def report_of(result: Result) -> dict[str, Any]:
    """The one object that --format json prints, which must be all that is on stdout."""
    assert result.stdout.count("\n") == 1
    report: dict[str, Any] = json.loads(result.stdout)
    assert report["exit_code"] == result.exit_code
    return report


def another_answer(question: Question, folder: Path) -> str | bool | list[str]:
    """A legal answer that is not the default."""
    if question.type == "bool":
        return not question.default
    if question.type == "list":
        return ["changed"]
    if question.type == "choice":
        others = [choice for choice in question.choices if choice != question.default]
        # The target of `table()` is a number.
        return question.choices[0] if question.name == "task" else others[-1]
    return str(table(folder)) if question.type == "path" else "changed"


def needed(question: Question, folder: Path) -> list[str]:
    """The options without which a question does not apply."""
    if question.name == "cluster":
        return ["--distribution", "data-parallel"]
    if not question.asked_with and question.name != "task":
        return []
    return [
        "--data",
        "csv",
        *([] if question.type == "path" else ["--data-path", str(table(folder))]),
    ]


def table(folder: Path) -> Path:
    """Write a table of the user's own."""
    path = folder / "table.csv"
    path.write_text(TABLE)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
