"""The command as a process: its streams, its interrupts, and what no user should ever see."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.runner import contents, error_of, kscaffold
from tests.template.own_templates import OVERLAY, template, whole

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells and signals"),
]
COMMAND = f"{shlex.quote(sys.executable)} -m kscaffold"
DEEP = 10_000


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own, with a configuration of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))


def shell(arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a shell does, with its redirections."""
    return subprocess.run(
        ["sh", "-c", f"{COMMAND} {arguments}"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


# ---------------------------------------------------------------- streams


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_like_an_empty_one(closed: str) -> None:
    """Nothing is asked or printed there, and no file is taken for it."""
    result = shell(f"new demo --no-git {closed}")
    assert (result.returncode, result.stderr) == (0, "")
    assert Path("demo/README.md").read_text().startswith("# demo")
    assert shell(f"new demo {closed}").returncode == 3


@pytest.mark.parametrize(
    "arguments",
    [
        *("new demo --no-git", "new demo --no-git --format json", "new demo --diff", "--help"),
        *("new --help", "--version", "template show", "template list", "template schema"),
        *("completion bash", "template lint --rules", "verify --list", "config"),
    ],
)
def test_a_full_disk_under_the_output_is_told(arguments: str) -> None:
    """In one line and with exit code 1, whatever was to be printed."""
    result = shell(f"{arguments} > /dev/full")
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert result.stderr.endswith("No space left on device\n")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(("arguments", "code"), [("new demo --style x", 2), ("new .", 0)])
def test_a_full_disk_under_the_errors_changes_no_exit_code(arguments: str, code: int) -> None:
    """What cannot be told is told by the exit code alone."""
    result = shell(f"{arguments} --no-git 2> /dev/full")
    assert (result.returncode, result.stderr) == (code, "")


# ---------------------------------------------------------------- interrupts

INTERRUPTING = """
import signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
"""


@pytest.mark.parametrize(
    "module",
    [
        *("kscaffold.cli", "click", "click.core", "kscaffold.cli.terminal", "kscaffold.hints"),
        *("kscaffold.cli.new", "kscaffold.template.sources", "kscaffold.cli.creation", "jinja2"),
        *(
            "kscaffold.project.pipeline",
            "kscaffold.write",
            "kscaffold.write.workspace",
            "platformdirs",
        ),
    ],
)
def test_an_interrupt_while_modules_are_imported(module: str) -> None:
    """Exit code 130, one line, and nothing is written: from the first import on."""
    Path("site").mkdir()
    Path("site/sitecustomize.py").write_text(INTERRUPTING.format(name=module))
    path = os.pathsep.join(["site", *filter(None, [os.environ.get("PYTHONPATH")])])
    result = shell("new demo --no-git", PYTHONPATH=path)
    assert (result.returncode, result.stdout) == (130, "")
    assert result.stderr in ("Interrupted.\n", "Interrupted. Nothing was written.\n")
    assert not Path("demo").exists()


def test_an_interrupt_at_the_end_changes_nothing() -> None:
    """The exit code is known by then, and temporary folders are removed."""
    Path("site").mkdir()
    Path("site/sitecustomize.py").write_text(
        "import atexit, signal\natexit.register(signal.raise_signal, signal.SIGINT)\n"
    )
    path = os.pathsep.join(["site", *filter(None, [os.environ.get("PYTHONPATH")])])
    result = shell("new demo --no-git", PYTHONPATH=path)
    assert (result.returncode, result.stderr) == (0, "")


def test_an_interrupt_at_any_time() -> None:
    """A line and exit code 130, or nothing at all; never a traceback of ours."""
    for milliseconds in range(20, 320, 20):
        process = subprocess.Popen(
            [sys.executable, "-m", "kscaffold", "new", f"demo{milliseconds}", "--no-git"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
        )
        try:
            process.wait(milliseconds / 1000)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert process.returncode in (0, 130, -signal.SIGINT, 1), errors
        # Before the first line of ours runs, Python itself tells of an interrupt.
        assert "kscaffold" not in errors, errors
        assert "bug" not in errors


# ---------------------------------------------------------------- what is nested too deeply

NESTED = {
    "lists": f"x = {'[' * DEEP}{']' * DEEP}\n",
    "tables": "x = " + "{a=" * DEEP + "1" + "}" * DEEP + "\n",
    "names": f"name.{'.'.join(['a'] * DEEP)} = 1\n",
    "parts": f"[questions.name.default.{'.'.join(['a'] * DEEP)}]\n",
}


@pytest.mark.parametrize("text", NESTED.values(), ids=NESTED)
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    """As a data file, a configuration of either kind, a record and a manifest."""
    Path("deep.toml").write_text(text)
    assert "too deep" in error_of(kscaffold("new", "demo", "--data-file", "deep.toml"), 2)
    for path in (".kscaffold.toml", "configuration/kscaffold/config.toml"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
        assert Path(path).name in error_of(kscaffold("new", "demo"), 2)
        Path(path).unlink()
    own = whole("own")
    (own / "kscaffold.toml").write_text(text)
    assert error_of(kscaffold("new", "demo", "--template", "./own"), 4)
    assert error_of(kscaffold("template", "show", "./own"), 4)
    assert "too deep" in error_of(kscaffold("template", "lint", "./own"), 4)
    Path("project/.kscaffold").mkdir(parents=True)
    Path("project/.kscaffold/answers.toml").write_text(text)
    assert error_of(kscaffold("new", "x", "--data-file", "project/.kscaffold/answers.toml"), 2)


# ---------------------------------------------------------------- what is incomplete


def test_a_group_without_a_command_names_its_commands() -> None:
    """In one line, as every mistake in a command."""
    message = error_of(kscaffold("template"), 2)
    assert message.startswith("a command is missing: list, show, eject, lint, test, schema")
    assert message.endswith("Try 'kscaffold template --help'")


def test_without_anything_the_help_is_shown() -> None:
    """With the exit code of a mistake, where errors go."""
    result = kscaffold()
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: kscaffold")


@pytest.mark.parametrize("block", ["#: block\n#: endblock\n", "{% block %}{% endblock %}\n"])
@pytest.mark.parametrize("line", [1, 2])
def test_a_block_without_a_name_is_the_templates_fault(block: str, line: int) -> None:
    """Each command that looks at blocks says so, with file and line."""
    whole("own", text=f"{'x' * (line - 1)}\n"[: 2 * (line - 1)] + block)
    for arguments in (
        ("template", "show", "own"),
        ("template", "eject", "x", "--into", "into", "--template", "./own"),
    ):
        message = error_of(kscaffold(*arguments), 4)
        assert message.endswith(f"out.txt.jinja, line {line}: a block has no name")
    assert kscaffold("template", "lint", "own").exit_code == 4
    assert kscaffold("new", "demo", "--template", "./own").exit_code == 4
    assert not Path("into").exists()


def test_the_lines_of_a_block_are_those_of_the_file() -> None:
    """A form feed or the like ends no line."""
    whole("own", text="a\x0cb\u2028c\n#: block one\nx\n#: endblock\n")
    arguments = ("one", "--into", "into", "--template", "./own")
    assert kscaffold("template", "eject", *arguments).exit_code == 0
    assert "#: block one\nx\n#: endblock\n" in Path("into/out.txt.jinja").read_text()


# ---------------------------------------------------------------- several repositories


def repository(name: str) -> str:
    """A git repository with an overlay and two commits; returns its URL."""
    folder = template(name, OVERLAY, {f"project/{name}.txt": "first\n"})
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    git = ["git", "-C", str(folder), *identity]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    for text in ("first\n", "second\n"):
        (folder / f"project/{name}.txt").write_text(text)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-q", "-m", text.strip()], check=True)
        subprocess.run([*git, "tag", text.strip()], check=True)
    return f"file://{folder.resolve()}"


def test_the_printed_command_of_two_repositories_works() -> None:
    """Each commit goes with its own repository, also where one of them is always used."""
    one, two = repository("one"), repository("two")
    result = kscaffold("new", "a", "--no-git", "--template", one, "--template", two)
    assert result.exit_code == 0
    for number, always in enumerate(([], [one], [two, one])):
        kscaffold("config", "templates", *(always or ["--unset"]))
        words = shlex.split(result.stdout.splitlines()[-1])
        words[words.index("a")] = f"b{number}"
        again = kscaffold(*words[1:], "--name", "a", "--package", "a")
        assert again.exit_code == 0, again.output
        made = contents(Path(f"b{number}"))
        assert made.keys() == contents(Path("a")).keys()
        assert made["one.txt"] == made["two.txt"] == b"second\n"


def test_a_ref_goes_with_each_repository() -> None:
    """In the order in which they are given; folders between them have none."""
    one, two = repository("one"), repository("two")
    template("lab", OVERLAY)
    sources = ("--template", one, "--template", "./lab", "--template", two)
    refs = ("--ref", "first", "--ref", "second")
    assert kscaffold("new", "a", "--no-git", *sources, *refs).exit_code == 0
    assert Path("a/one.txt").read_text() == "first\n"
    assert Path("a/two.txt").read_text() == "second\n"
    message = error_of(kscaffold("new", "b", *sources, *refs, "--ref", "first"), 2)
    assert message.startswith("--ref: there are 3 for 2; give one for each git repository")


def test_a_ref_goes_with_what_is_always_used() -> None:
    """Where no repository is named, it is that of the configuration."""
    kscaffold("config", "templates", repository("one"))
    assert kscaffold("new", "a", "--no-git", "--ref", "first").exit_code == 0
    assert Path("a/one.txt").read_text() == "first\n"
