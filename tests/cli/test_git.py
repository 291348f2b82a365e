"""The first commit: made where it should be, of the right files, and nothing else is run."""

from __future__ import annotations

import os
import shlex
import shutil
import signal as signals
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kscaffold.cli import creation
from kscaffold.cli.repository import start_repository
from tests.cli.runner import contents, kscaffold, report_of
from tests.template.own_templates import whole

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run each test in a folder of its own, with a home and a git configuration of its own."""
    home = tmp_path / "home"
    (tmp_path / "work").mkdir()
    home.mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    return home


def git(*arguments: str, folder: str = "demo") -> str:
    """What git prints in a folder."""
    return subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def configure(home: Path, text: str) -> None:
    """Write the user's git configuration."""
    (home / ".gitconfig").write_text(text)


def committed() -> list[str]:
    """The files of the one commit."""
    assert git("rev-list", "--count", "--all") == "1\n"
    return sorted(git("ls-files").splitlines())


def program(path: Path, marker: Path) -> Path:
    """A program that leaves a mark when it runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ntouch '{marker}'\n")
    path.chmod(0o755)
    return path


def test_one_commit_has_exactly_the_written_files() -> None:
    """A new project is a repository with one commit on main, and nothing is left over."""
    result = kscaffold("new", "demo", "--format", "json")
    assert committed() == sorted(report_of(result)["files"])
    assert git("status", "--porcelain", "--ignored") == ""
    assert git("log", "--format=%s %D") == "Create the project HEAD -> main\n"


def test_without_an_identity_there_is_a_commit_all_the_same() -> None:
    """Where git knows neither name nor address of the user, the commit is the tool's."""
    assert kscaffold("new", "demo").stderr == ""
    assert git("log", "--format=%an <%ae>") == "kscaffold <kscaffold@localhost>\n"


def test_the_commit_is_the_user_s(home: Path) -> None:
    """The name that git knows is taken, and only what it does not know is filled in."""
    configure(home, "[user]\n\tname = A B\n\tuseConfigOnly = true\n")
    assert kscaffold("new", "demo").stderr == ""
    assert git("log", "--format=%an <%ae>") == "A B <kscaffold@localhost>\n"


def test_an_identity_for_some_folders_only_is_the_user_s(home: Path) -> None:
    """A configuration that git includes by the repository's place counts."""
    (home / "work.inc").write_text("[user]\n\tname = A\n\temail = a@work\n")
    configure(home, '[includeIf "gitdir:**/demo/"]\n\tpath = work.inc\n')
    kscaffold("new", "demo")
    assert git("log", "--format=%an <%ae>") == "A <a@work>\n"


def test_files_that_the_user_ignores_are_committed(home: Path) -> None:
    """The user's own list of ignored files does not keep a project's file out."""
    (home / "ignored").write_text("*.csv\n.github/\n*.toml\n")
    configure(home, f"[core]\n\texcludesFile = {home}/ignored\n")
    result = kscaffold("new", "demo", "--data", "csv", "--format", "json")
    assert committed() == sorted(report_of(result)["files"])


def test_nothing_of_the_user_s_configuration_runs(home: Path, tmp_path: Path) -> None:
    """No hook, no template's hook, no file system monitor, no signing program: none runs."""
    marker = tmp_path / "marker"
    for hook in ("pre-commit", "post-commit", "commit-msg", "reference-transaction"):
        program(home / "hooks" / hook, marker)
        program(home / "template" / "hooks" / hook, marker)
    monitor = program(home / "monitor", marker)
    configure(
        home,
        f"[core]\n\thooksPath = {home}/hooks\n\tfsmonitor = {monitor}\n"
        f"[init]\n\ttemplateDir = {home}/template\n"
        f"[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = {monitor}\n",
    )
    assert kscaffold("new", "demo").stderr == ""
    assert not marker.exists()
    assert not Path("demo/.git/hooks").exists()
    assert committed()
    git("status")
    assert marker.exists()  # the traps work


def test_a_repository_of_the_environment_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run from a git hook, whose environment names repository and index: neither is touched."""
    Path("outer").mkdir()
    git("init", "-q", folder="outer")
    before = contents(Path("outer"))
    with monkeypatch.context() as patch:
        patch.setenv("GIT_DIR", str(Path("outer/.git").resolve()))
        patch.setenv("GIT_INDEX_FILE", str(Path("outer/.git/index").resolve()))
        kscaffold("new", "demo")
    assert contents(Path("outer")) == before
    assert committed()


def test_inside_a_repository_there_is_no_other() -> None:
    """Below a repository, none is made and nothing is added to the one around."""
    git("init", "-q", folder=".")
    assert kscaffold("new", "sub/demo").exit_code == 0
    assert not Path("sub/demo/.git").exists()
    assert git("status", "--porcelain", folder=".") == "?? sub/\n"


def test_what_the_user_has_there_is_not_committed() -> None:
    """With --force, the commit has what was written, not what was there before."""
    Path("demo").mkdir()
    Path("demo/secret.txt").write_text("mine\n")
    kscaffold("new", "demo", "--force")
    assert "secret.txt" not in committed()
    assert git("status", "--porcelain") == "?? secret.txt\n"


def test_no_git_means_no_repository() -> None:
    """--no-git leaves the folder plain."""
    assert kscaffold("new", "demo", "--no-git").exit_code == 0
    assert not Path("demo/.git").exists()


def test_without_git_the_project_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where there is no git, the rest is as ever."""
    monkeypatch.setenv("PATH", str(tmp_path))
    result = kscaffold("new", "demo")
    assert (result.exit_code, result.stderr) == (0, "")
    assert Path("demo/README.md").exists()
    assert not Path("demo/.git").exists()


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_git_that_fails_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str
) -> None:
    """The project stays, the exit code is 0, and git's last line is told."""
    broken = tmp_path / "bin" / "git"
    program(broken, tmp_path / "marker").write_text("#!/bin/sh\necho no luck >&2\nexit 1\n")
    monkeypatch.setenv("PATH", str(broken.parent))
    result = kscaffold("new", "demo", "--format", form)
    assert result.exit_code == 0
    message = "the project is written, but git failed: no luck"
    if form == "json":
        assert report_of(result)["notices"] == [message]
        assert result.stderr == ""
    else:
        assert result.stderr == f"warning: {message}\n"


def test_a_second_run_makes_the_repository_that_is_missing() -> None:
    """Also where no file has to be written any more; the user's own files are not committed."""
    kscaffold("new", "demo", "--no-git")
    Path("demo/mine.txt").write_text("mine\n")
    assert kscaffold("new", "demo", "--force").exit_code == 0
    assert git("status", "--porcelain") == "?? mine.txt\n"
    assert committed() == sorted({*contents(Path("demo"))} - {"mine.txt"} - _of_git())


def _of_git() -> set[str]:
    return {path for path in contents(Path("demo")) if path.startswith(".git/")}


# ---------------------------------------------------------------- stopped in the middle

CALLS = ["rev-parse", "init", "add", "config", "commit"]
STOPPING = """#!/bin/sh
for word in "$@"; do
    if [ "$word" = "{call}" ] && mkdir '{mark}' 2>/dev/null; then
        {before}
        kill -s {signal} "$PPID"
        sleep {seconds}
    fi
done
exec {git} "$@"
"""


def stopped(
    tmp_path: Path, call: str, signal: str, *, before: str = "", more: tuple[str, ...] = ()
) -> tuple[int, str]:
    """Run the command; while git is at a call of it, a signal comes. Returns code and errors."""
    real = shutil.which("git")
    mark = tmp_path / f"stopped-{call}"
    script = STOPPING.format(
        call=call, signal=signal, git=real, mark=mark, before=before.format(git=real), seconds=0.3
    )
    path = tmp_path / "bin" / "git"
    path.parent.mkdir(exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    process = subprocess.run(
        [sys.executable, "-m", "kscaffold", "new", "demo", *more],
        env={**os.environ, "PATH": f"{path.parent}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signals.signal(signals.SIGINT, signals.default_int_handler) and None,
    )
    assert mark.exists()
    return process.returncode, process.stderr


def check_whole(made: dict[str, bytes]) -> None:
    """The project is complete, and its repository is there with its one commit, or not at all."""
    found = contents(Path("demo"))
    assert {path: data for path, data in found.items() if path in made} == made
    assert not [path for path in found if path.endswith(".lock") and path.startswith(".git/")]
    if Path("demo/.git").exists():
        assert committed() == sorted(made)


@pytest.mark.parametrize("call", CALLS)
def test_an_interrupt_while_git_works(tmp_path: Path, call: str) -> None:
    """The project is whole, nothing is left over, and the printed command ends what was begun."""
    made = plain_project()
    code, errors = stopped(tmp_path, call, "INT")
    assert code == 130
    assert errors.startswith(
        "Interrupted. demo is written, but not its git repository. To make it: "
    )
    assert errors.count("\n") == 1
    assert contents(Path("demo")) == made
    command = errors.strip().partition("To make it: ")[2]
    program, *arguments = shlex.split(command)
    assert program == "kscaffold"
    assert kscaffold(*arguments).exit_code == 0
    assert committed() == sorted(made)
    assert git("status", "--porcelain", "--ignored") == ""


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
@pytest.mark.parametrize("call", CALLS)
def test_a_kill_while_git_works(tmp_path: Path, call: str, signal: str) -> None:
    """The project is whole; the next run removes what is left and makes the repository."""
    made = plain_project()
    code, errors = stopped(tmp_path, call, signal)
    assert (code, errors) == (-getattr(signals, f"SIG{signal}"), "")
    check_whole(made)
    time.sleep(0.5)  # until the git that was left alone has ended
    assert kscaffold("new", "demo").exit_code == 3
    assert not [path for path in contents(Path("demo")) if ".kscaffold-" in path]
    assert kscaffold("new", "demo", "--force").exit_code == 0
    assert committed() == sorted(made)
    assert git("status", "--porcelain", "--ignored") == ""


def test_an_interrupt_with_a_lock_of_gits(tmp_path: Path) -> None:
    """What git itself leaves when it is killed goes with all the rest."""
    made = plain_project()
    code, _ = stopped(tmp_path, "commit", "INT", before="touch .kscaffold-work/.git/index.lock")
    assert code == 130
    assert contents(Path("demo")) == made


def test_an_interrupt_ends_what_git_has_started(tmp_path: Path) -> None:
    """Nothing goes on writing where it is cleaned up, and no command of the template is run."""
    run = '["touch", "ran"]'
    own = whole("own", f"[[after]]\nrun = {run}\n")
    made = "mkdir -p .kscaffold-work/.git/y$n"
    writing = f"n=0; while [ $n -lt 3000 ]; do {made}; n=$((n+1)); done"
    more = ("--defaults", "--template", f"./{own}", "--trust")
    code, errors = stopped(tmp_path, "add", "INT", before=f"({writing}) &", more=more)
    assert (code, errors.count("\n")) == (130, 1)
    assert errors.startswith("Interrupted. demo is written, but not its git repository.")
    assert {path.name for path in Path("demo").iterdir()} == {".kscaffold", "out.txt"}


def plain_project() -> dict[str, bytes]:
    """The files of the project, which is then removed again."""
    assert kscaffold("new", "demo", "--no-git").exit_code == 0
    made = contents(Path("demo"))
    shutil.rmtree("demo")
    return made


def test_an_interrupt_after_the_repository_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left to do then, and that is said."""

    def interrupt(*arguments: object) -> None:
        list(start_repository(*arguments))  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(creation, "start_repository", interrupt)
    result = kscaffold("new", "demo")
    assert (result.exit_code, result.stderr) == (130, "Interrupted. demo is written.\n")
    assert committed()


def test_an_interrupt_of_a_project_with_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """No command tells it."""
    question = '[questions.token]\ntype = "str"\nhelp = "h"\nsecret = true\n'
    whole("own", question, "{{ token }}\n")
    monkeypatch.setattr(creation, "start_repository", _interrupted)
    result = kscaffold("new", "demo", "--template", "./own", "--token", "s3cret")
    assert result.stderr.endswith("To make it: the same command with --force\n")


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt
