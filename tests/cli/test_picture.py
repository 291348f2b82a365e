"""The picture in the README shows what a terminal shows today: docs/terminal.py makes it."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from kscaffold.cli.prompts import HINT
from tests.cli.runner import QUESTIONS, kscaffold
from tests.projects import ROOT


def squeezed(text: str) -> str:
    """A text without the spaces and the ends of lines, which depend on the terminal's width."""
    return "".join(text.split())


def test_the_picture_is_not_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its hint, its questions, the tree and the last lines are those of the command."""
    picture = (ROOT / "docs" / "terminal.svg").read_text(encoding="utf-8")
    shown = squeezed("".join(map(unescape, re.findall(r"<text[^>]*>([^<]*)</text>", picture))))
    asked = [
        question.help
        for name, question in QUESTIONS.items()
        # A rule answers this one; those with a condition are about other answers.
        if name != "test_step"
        and not question.when
        and not question.settled
        and len(question.choices) != 1
    ]
    monkeypatch.chdir(tmp_path)
    options = ["--style", "sequential", "--manual-metrics"]
    output = kscaffold("new", "my-model", *options).stdout
    missing = [line for line in (HINT, *asked, *output.splitlines()) if squeezed(line) not in shown]
    assert missing == [], "run: python docs/terminal.py"
