"""What a stranger wrote does nothing to a terminal, whichever command shows it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
import questionary
from hypothesis import given, settings
from hypothesis import strategies as st
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

import kscaffold.cli
from kscaffold.cli import prompts
from kscaffold.cli.terminal import shell_join
from kscaffold.hints import UNSEEN, visible
from tests.cli.runner import kscaffold as run
from tests.template.own_templates import template

# A title, a bell, a colour by C1, DEL, right to left, zero width, an isolate, ends of lines.
NASTY = "a\x1b]0;x\x07\x9b31m\x7f\u202eb\u200b\u2066\ufeff\u2028\x85\rc"
QUOTED = json.dumps(NASTY).replace("\x7f", "\\u007f")[1:-1]
SHOWN = visible(NASTY)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own, with a configuration of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))


def nasty(*, rule: str = "", code: str = "{{ word }}\n") -> Path:
    """A template that says it wherever it can, and has a file of that name."""
    manifest = (
        f'[template]\nname = "own"\ndescription = "d {QUOTED}"\n'
        f'[questions.word]\ntype = "str"\nhelp = "Word."\npattern = "[^q]*"\nmessage = "{QUOTED}"\n'
        f'[questions.kind]\ntype = "choice"\nhelp = "Kind."\nchoices = ["k{QUOTED}", "l"]\n'
        f'[questions.many]\ntype = "multi-choice"\nhelp = "M."\nchoices = ["m{QUOTED}", "n"]\n'
        f'[questions.file]\ntype = "path"\nhelp = "File."\ndefault = "/f{QUOTED}"\n'
        f'[messages]\nafter = "{QUOTED}"\n[derived]\nd = "\\"{QUOTED}\\""\n'
        f'[[after]]\nrun = ["true", "{QUOTED}"]\n{rule}'
        '[[files]]\ntemplate = "out.txt.jinja"\ntarget = "out.txt"\n'
        f'[[files]]\ntemplate = "copied{QUOTED}"\ntarget = "copied"\n'
    )
    files = {"out.txt.jinja": code + NASTY + "\n\tend\n", f"copied{NASTY}": NASTY + "\n"}
    own = template("own", "", files)
    # Its line ends are TOML's own.
    (own / "kscaffold.toml").write_bytes(manifest.encode())
    return own


def check(output: str, keep: str = "\n") -> None:
    """Nothing in an output is a character that is not seen."""
    assert {c for c in output if unicodedata.category(c) in UNSEEN} <= {*keep}


NEW = ("new", "demo", "--template", "./own", "--defaults", "--no-git", "--file", "f")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("template", "show", "./own"), "d " + SHOWN),
        (("template", "show", "./own", "--format", "json"), "\\u202e"),
        (("template", "lint", "./own"), "SECRET"),
        (("template", "test", "./own"), "own"),
        (("template", "eject", "--into", "into", "--template", "./own"), "copied" + SHOWN),
        (("new", "--help", "--template", "./own"), "Kind."),
        ((*NEW, "--diff", "--no-commands"), "+" + SHOWN),
        ((*NEW, "--dry-run"), "would run: true "),
        (NEW, "the template wants to run commands"),
        ((*NEW, "--trust"), "running: true "),
        ((*NEW, "--no-commands"), SHOWN),
        ((*NEW, "--kind", "x"), "--kind: must be k" + SHOWN),
        ((*NEW, "--word", "q"), SHOWN),
        ((*NEW, "--word", "q", "-v"), SHOWN),
    ],
    ids=lambda value: "_".join((*value[:2], *value[7:])) if isinstance(value, tuple) else "",
)
def test_a_template_does_nothing_to_a_terminal(arguments: tuple[str, ...], part: str) -> None:
    """Each command spells out what is not seen, so that it can be seen."""
    nasty(code="{{ word }}{{ SECRET }}\n" if part == "SECRET" else "{{ word }}\n")
    result = run(*arguments, color=True)
    squeezed = "".join(result.output.split())
    assert "".join(part.split()) in squeezed
    looks = result.output
    for code in ("0", "1", "2", "31", "32", "33", "36"):
        looks = looks.replace(f"\x1b[{code}m", "")
    check(looks, keep="\n\t" if "--diff" in arguments else "\n")


def test_the_list_shows_it() -> None:
    """Templates of the configuration, of the folder, and what is wrong with one."""
    nasty()
    Path("broken").mkdir()
    Path("broken/kscaffold.toml").write_text(f'[template]\nname = "{QUOTED}"\n')
    Path(".kscaffold.toml").write_text('[kscaffold]\ntemplates = ["./own", "./broken"]\n')
    result = run("template", "list")
    assert f"d {SHOWN}" in result.stdout
    check(result.output)


def test_a_rule_says_it() -> None:
    """Notices and refusals of a template, too."""
    rule = f'[[rules]]\nwhen = "true"\nrequires = {{ word = "w" }}\nmessage = "{QUOTED}"\n'
    nasty(rule=rule)
    result = run(*NEW, "--dry-run", "--no-commands")
    assert f": {SHOWN}" in result.stderr
    check(result.output)


def test_a_prompt_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Choices, defaults and messages; the answer is the choice as the template has it."""
    from kscaffold.project.pipeline import prepare
    from kscaffold.template.sources import load_templates

    asked: list[object] = []
    for name in ("select", "checkbox", "text"):
        real = getattr(questionary, name)

        def recorded(*arguments: object, real: object = real, **more: object) -> object:
            # The default is the value of a choice, whose title is shown.
            asked.extend([*arguments, more.get("choices"), more.get("placeholder")])
            return real(*arguments, **more)  # type: ignore[operator]

        monkeypatch.setattr(questionary, name, recorded)
    scaffold = prepare(load_templates([str(nasty())], Path()), "demo")
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text("w\r\r\rf\r")
        pipe.close()
        answers = prompts.ask(scaffold, {})
    assert answers["kind"] == f"k{NASTY}"
    for text in _texts(asked):
        check(text)
    assert f"k{SHOWN}" in list(_texts(asked))


def _texts(asked: object) -> list[str]:
    if isinstance(asked, str):
        return [asked]
    if isinstance(asked, (list, tuple)):
        return [text for each in asked for text in _texts(each)]
    return [str(asked.title)] if hasattr(asked, "title") else []


def test_a_choice_that_cannot_be_seen_is_not_completed() -> None:
    """The shell's line shows what is completed."""
    nasty()
    environment = {"COMP_WORDS": "kscaffold new demo --template ./own --kind ", "COMP_CWORD": "6"}
    result = run(env={"_KSCAFFOLD_COMPLETE": "bash_complete", **environment})
    assert result.stdout == "plain,l\n"


def test_a_warning_of_python_says_nothing() -> None:
    """To compile what is legal, but odd, would print the name of the file as it is."""
    files = f'[[files]]\ntemplate = "a{QUOTED}.py.jinja"\ntarget = "a.py"\n'
    manifest = f'[template]\nname = "own"\ndescription = "d"\n{files}'
    template("own", "", {f"a{NASTY}.py.jinja": 'x = "\\d" is 1\n'})
    Path("own/kscaffold.toml").write_bytes(manifest.encode())
    for arguments in ("new demo --template ./own --no-git -q", "template test ./own"):
        process = subprocess.run(
            [sys.executable, "-W", "always", "-m", "kscaffold", *arguments.split()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        check(process.stdout + process.stderr)
        assert "Warning" not in process.stderr


@given(st.text())
def test_only_what_is_not_seen_is_spelt_out(text: str) -> None:
    """All else stays as it is, in every script."""
    shown = visible(text)
    check(shown, keep="")
    if not any(unicodedata.category(c) in UNSEEN for c in text):
        assert shown == text
    assert visible(text, "\n").count("\n") == text.count("\n")


@settings(max_examples=30)
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_a_command_that_is_shown_is_the_same_to_a_shell(words: list[str]) -> None:
    """Bash takes it apart into the same words, and nothing in it is unseen."""
    command = shell_join(words)
    check(command, keep="")
    taken = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {command}"],
        capture_output=True,
        check=True,
        env={"LC_ALL": "C.UTF-8"},
    ).stdout.decode()
    assert taken.split("\0")[:-1] == (words or [""])


def test_there_is_no_other_way_out() -> None:
    """No command prints by itself: one module does it for all."""
    folder = Path(kscaffold.cli.__file__).parent
    for path in folder.glob("*.py"):
        if path.name != "terminal.py":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            assert _printing(tree) == [], path.name


def _printing(tree: ast.AST) -> Sequence[str]:
    names = [ast.unparse(each.func) for each in ast.walk(tree) if isinstance(each, ast.Call)]
    return [each for each in names if each in ("print", "click.echo", "click.secho", "click.style")]
