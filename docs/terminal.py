"""Make docs/terminal.svg: what a terminal shows of `kscaffold new`, taken from a real one (tmux).

    python docs/terminal.py

Needs tmux, and rich for the picture.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

from kscaffold.template.sources import load_template

WIDTH, HEIGHT = 92, 60
SESSION = "kscaffold-picture"
PICTURE = Path(__file__).with_name("terminal.svg")
QUESTIONS = load_template().manifest.questions
# What is pressed besides Enter: another style than the first, and metrics by hand.
KEYS = {QUESTIONS["style"].help: "Down", QUESTIONS["manual_metrics"].help: "Up"}
ASKED = re.compile(r"\?.* \w")


def tmux(*arguments: str) -> str:
    """Run tmux and return what it prints."""
    done = subprocess.run(["tmux", *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def screen() -> str:
    """Return what the terminal shows, with its colours."""
    return tmux("capture-pane", "-p", "-e", "-S", "-", "-t", SESSION)


def answer_all() -> None:
    """Answer one question after the other until the shell is back."""
    seen, left = "", dict(KEYS)
    while "The same project again" not in (now := screen()):
        if now == seen:
            question = next(filter(ASKED.search, reversed(now.splitlines())), "")
            for text in [text for text in left if text in question]:
                tmux("send-keys", "-t", SESSION, left.pop(text))
                time.sleep(0.2)
            tmux("send-keys", "-t", SESSION, "Enter")
        seen = now
        time.sleep(0.4)


def main() -> None:
    """Run kscaffold in a terminal and draw it."""
    command = Path(sys.executable).with_name("kscaffold")
    with TemporaryDirectory() as folder:
        size = ("-x", str(WIDTH), "-y", str(HEIGHT))
        shell = "env PS1='$ ' PATH=" + f"{command.parent}:{os.environ['PATH']} sh"
        tmux("new-session", "-d", "-s", SESSION, *size, "-c", folder, shell)
        try:
            while "$" not in screen():
                time.sleep(0.1)
            tmux("send-keys", "-t", SESSION, "kscaffold new my-model", "Enter")
            answer_all()
            time.sleep(0.5)
            shown = screen().rstrip().removesuffix("$").rstrip()
        finally:
            tmux("kill-session", "-t", SESSION)
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text.from_ansi(shown))
    picture = console.export_svg(title="kscaffold new my-model")
    # A picture that loads nothing: the fonts that rich names are fetched from elsewhere.
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    PICTURE.write_text(picture.replace("Fira Code", "monospace"), encoding="utf-8")


if __name__ == "__main__":
    main()
