"""Templates in git: the files of one commit, found again, and nothing that a repository runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kscaffold.errors import AnswerError, KscaffoldError, TemplateError
from kscaffold.template import fetch_git, fetched, git
from kscaffold.template.fetch_git import fetch
from kscaffold.template.git import without_password
from tests.cli.runner import contents, error_of, kscaffold

pytestmark = pytest.mark.slow

NOTE = "project/NOTE.md.jinja"
IDENTITY = {
    f"GIT_{who}_{what}": "a@localhost"
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}


class Repository:
    """A repository with a template: the tag v1, and the branch main one commit ahead."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.url = f"file://{folder}"
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main", *options)
        self.write("kscaffold.toml", 'extends = "builtin"\n')
        self.first = self.commit(NOTE, "one\n")
        self.git("tag", "--annotate", "v1", "--message", "v1")
        self.second = self.commit(NOTE, "two\n")

    def git(self, *arguments: str, given: str = "") -> str:
        """Run git in the repository."""
        command = ["git", "-c", "protocol.file.allow=always", *arguments]
        environment = {**os.environ, **IDENTITY}
        result = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            check=True,
        )
        return result.stdout.strip()

    def write(self, path: str, text: str) -> None:
        """Write a file."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def commit(self, path: str, text: str) -> str:
        """Commit a file; returns the commit's hash."""
        self.write(path, text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "A change")
        return self.git("rev-parse", "HEAD")

    def tree(self, entries: list[tuple[str, str, str]]) -> str:
        """Commit a tree of objects that no folder could hold; returns the tree's hash."""
        lines = (f"{kind} {found}\t{name}\n" for kind, found, name in entries)
        tree = self.git("mktree", given="".join(lines))
        self.git("update-ref", "HEAD", self.git("commit-tree", "-m", "A tree", tree))
        return tree


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a cache of the test's own; git finds no settings of this machine."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(folder / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def lab(tmp_path: Path) -> Repository:
    """A repository with a template."""
    return Repository(tmp_path / "lab")


def note(url: str, ref: str | None) -> str:
    """What the template says at a ref."""
    return (fetch(url, ref)[0] / NOTE).read_text()


def refusal(url: str, ref: str | None = None) -> str:
    """The reason for which nothing is fetched."""
    with pytest.raises(KscaffoldError) as error:
        fetch(url, ref)
    return str(error.value)


@pytest.mark.parametrize("prefix", ["", "git+"])
def test_a_branch_a_tag_and_a_commit_are_refs(lab: Repository, prefix: str) -> None:
    """Whole and shortened; by default it is what the repository has checked out."""
    url = prefix + lab.url
    refs: dict[str | None, str] = {
        **dict.fromkeys(("v1", lab.first, lab.first[:9]), lab.first),
        **dict.fromkeys((None, "main", "HEAD", lab.second, lab.second[:7]), lab.second),
    }
    for ref, commit in refs.items():
        folder, found = fetch(url, ref)
        assert found == commit
        assert (folder / NOTE).read_text() == ("one\n" if commit == lab.first else "two\n")
        assert set(contents(folder)) == {"kscaffold.toml", NOTE}


def test_a_branch_is_asked_for_anew(lab: Repository) -> None:
    """What came in after the first time is there the second time."""
    assert note(lab.url, "main") == "two\n"
    lab.commit(NOTE, "three\n")
    assert note(lab.url, "main") == "three\n"
    assert note(lab.url, "v1") == "one\n"


def test_a_branch_may_look_like_a_commit(lab: Repository) -> None:
    """The name of a branch or tag comes first."""
    lab.git("branch", "abcdef0", "v1")
    assert note(lab.url, "abcdef0") == "one\n"


def test_a_commit_is_kept(lab: Repository) -> None:
    """A second time it takes no repository."""
    fetch(lab.url, "v1")
    shutil.rmtree(lab.folder)
    assert note(lab.url, lab.first) == "one\n"
    assert "lab" in refusal(lab.url, "v1")


def test_a_commit_that_nothing_names_is_found(lab: Repository, home: Path) -> None:
    """By its hash, whole or shortened; also where the server gives only what has a name."""
    lab.commit(NOTE, "three\n")
    assert note(lab.url, lab.second[:8]) == "two\n"
    shutil.rmtree(home / "cache")
    assert note(lab.url, lab.second) == "two\n"
    shutil.rmtree(home / "cache")
    (home / "gitconfig").write_text("[protocol]\nversion = 0\n")
    assert note(lab.url, lab.second) == "two\n"


def test_a_branch_that_stands_still_is_not_fetched_again(
    lab: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its commit is asked for, and found in the cache."""
    commands: list[str] = []
    run = git.Git.run

    def recorded(self: git.Git, *arguments: str, **more: Any) -> bytes:
        commands.append(arguments[0])
        return run(self, *arguments, **more)

    monkeypatch.setattr(git.Git, "run", recorded)
    fetch(lab.url, "main")
    assert "fetch" in commands
    commands.clear()
    fetch(lab.url, "main")
    assert commands == ["ls-remote"]


def test_a_kept_commit_needs_no_git(lab: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor a cache that can be written, nor the password that it was fetched with."""
    folder, commit = fetch(lab.url, "main")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert fetch(lab.url, commit) == (folder, commit)
    with_password, without = (
        fetched.cache_folder(without_password(f"https://{who}h/x")) for who in ("a:b@", "")
    )
    assert with_password == without


def test_hashes_may_be_of_another_kind(tmp_path: Path) -> None:
    """A repository may name its commits by SHA-256."""
    lab = Repository(tmp_path / "lab", "--object-format=sha256")
    assert len(lab.second) == 64
    assert fetch(lab.url, None)[1] == lab.second
    assert note(lab.url, lab.first) == "one\n"


def test_git_finds_no_repository_by_itself(lab: Repository, home: Path) -> None:
    """A user may forbid it; and the cache may lie within a repository, with settings of its own."""
    (home / "gitconfig").write_text("[safe]\nbareRepository = explicit\n")
    lab.git("init", "--quiet", str(home))
    (home / ".git" / "config").write_text('[url "file:///nowhere"]\ninsteadOf = file://\n')
    assert note(lab.url, "v1") == "one\n"


def test_what_a_killed_process_left_is_removed(lab: Repository) -> None:
    """Once it is old: a younger folder may be another process'."""
    cache = fetch(lab.url, "v1")[0].parents[1]
    old, young = cache / "fetch-old", cache / "fetch-young"
    old.mkdir()
    young.mkdir()
    os.utime(old, (0, 0))
    fetch(lab.url, "main")
    assert not old.exists()
    assert young.exists()


def test_what_was_changed_in_the_cache_is_not_used(lab: Repository) -> None:
    """It is fetched once more: also if a file was added."""
    folder, commit = fetch(lab.url, "v1")
    (folder / NOTE).write_text("altered\n")
    assert note(lab.url, commit) == "one\n"
    (folder / "project" / "more.txt").write_text("added\n")
    assert set(contents(fetch(lab.url, commit)[0])) == {"kscaffold.toml", NOTE}


def test_two_processes_fetch_at_once(lab: Repository) -> None:
    """Both get the files, and nothing half-done is left in the cache."""
    code = (
        "import sys; from kscaffold.template.fetch_git import fetch; print(*fetch(*sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, lab.url, "main"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    shown = {process.communicate()[0] for process in both}
    assert {process.returncode for process in both} == {0}
    [line] = shown
    folder, commit = line.split()
    assert commit == lab.second
    assert {path.name for path in Path(folder).parents[1].iterdir()} == {commit}


def test_without_a_cache_it_works_too(lab: Repository, home: Path) -> None:
    """A file where the cache should be: the files are kept for this process only."""
    (home / "cache").write_text("")
    assert note(lab.url, "v1") == "one\n"


def test_a_ref_that_is_not_there_is_told(lab: Repository) -> None:
    """The nearest branch or tag is named, else all of them."""
    assert refusal(lab.url, "mian") == (
        f"{lab.url}: no branch, tag or commit 'mian'; did you mean 'main'?"
    )
    assert refusal(lab.url, "elsewhere").endswith("'elsewhere'; there are main, v1")
    assert "no branch, tag or commit '0123456'" in refusal(lab.url, "0123456")
    assert "no branch, tag or commit" in refusal(lab.url, "0" * 40)


def test_a_repository_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With what git says."""
    url = f"file://{tmp_path}/none"
    assert refusal(url).startswith(f"{url}: fatal: ")


def test_without_git_a_mend_is_told(lab: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is git that is missing."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert "git is needed to fetch it" in refusal(lab.url)


def test_a_server_that_does_not_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while git is ended, and what it started."""
    monkeypatch.setattr(git, "SECONDS", 0.5)
    monkeypatch.setenv("GIT_SSH_COMMAND", "sleep 60 #")
    assert "no answer after" in refusal("ssh://nowhere.invalid/lab")


def test_what_ssh_says_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git itself says only that it cannot read; and a password of ssh's URL stays hidden."""
    monkeypatch.setenv("GIT_SSH_COMMAND", "echo me:s3cret@host: No key. >&2; exit 255; :")
    message = refusal("ssh://me:s3cret@host/lab")
    assert message == "ssh://me@host/lab: host: No key."


def test_files_are_no_way_out_of_a_server(lab: Repository, home: Path) -> None:
    """A URL of another protocol leads to no folder of this machine."""
    (home / "gitconfig").write_text(f'[url "{lab.url}"]\ninsteadOf = https://nowhere.invalid/lab\n')
    assert "transport 'file' not allowed" in refusal("https://nowhere.invalid/lab")


@pytest.mark.parametrize(
    "url",
    [
        "--upload-pack=touch hacked",
        "-oProxyCommand=touch hacked",
        "http://example.invalid/lab.git",
        "git://example.invalid/lab.git",
        "ext::sh -c touch% hacked",
        "-x@host:lab",
        "ext://sh -c touch% hacked",
        "fd://17",
    ],
)
def test_other_protocols_and_options_are_refused(url: str, home: Path, tmp_path: Path) -> None:
    """As a bad option, whatever the user allows git; also on the command line."""
    (home / "gitconfig").write_text('[protocol "ext"]\nallow = always\n')
    with pytest.raises(AnswerError, match="a repository's URL begins with"):
        fetch(url, None)
    result = kscaffold("new", "demo", f"--template={url}", "--defaults")
    error_of(result, 2)
    assert not (tmp_path / "hacked").exists()
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("ref", ["--upload-pack=touch hacked", "-v", "", "a b", "v1:refs/x", "v1^"])
def test_a_ref_is_a_name(lab: Repository, ref: str, tmp_path: Path) -> None:
    """No option, no expression and no refspec."""
    with pytest.raises(AnswerError, match="--ref"):
        fetch(lab.url, ref)
    assert not (tmp_path / "hacked").exists()


def test_the_address_of_a_host_is_no_option() -> None:
    """Git itself refuses a host that begins with a dash."""
    assert "fatal: " in refusal("ssh://-oProxyCommand=touch/lab")


def test_nothing_runs(lab: Repository, home: Path, tmp_path: Path) -> None:
    """No hook from a template folder, no filter that the user has, no link, no submodule."""
    hacked = tmp_path / "hacked"
    hooks = home / "template" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {hacked}\n")
        (hooks / name).chmod(0o755)
    other = Repository(tmp_path / "other")
    lab.git("submodule", "--quiet", "add", other.url, "below")
    lab.write(".gitattributes", "*.md.jinja filter=evil\n")
    (lab.folder / "link").symlink_to("/etc/passwd")
    lab.commit("plain.txt", "plain\r\n")
    (home / "gitconfig").write_text(
        f'[init]\ntemplateDir = {home / "template"}\n[core]\nhooksPath = {hooks}\n'
        f'autocrlf = true\n[filter "evil"]\nsmudge = touch {hacked}; cat\n'
        "[submodule]\nrecurse = true\n"
    )
    folder, _ = fetch(lab.url, None)
    files = contents(folder)
    assert set(files) == {".gitattributes", ".gitmodules", "kscaffold.toml", NOTE, "plain.txt"}
    assert files["plain.txt"] == b"plain\r\n"
    assert not hacked.exists()


def test_names_of_any_kind_are_kept(lab: Repository) -> None:
    """Spaces, line ends and characters beyond ASCII; and an executable file."""
    lab.commit("project/a b.txt", "space\n")
    lab.commit("project/\u00e9\n.txt", "")
    lab.write("run.sh", "#!/bin/sh\n")
    (lab.folder / "run.sh").chmod(0o755)
    lab.commit("project/last", "no end of line")
    files = contents(fetch(lab.url, None)[0])
    assert files["project/a b.txt"] == b"space\n"
    assert files["project/\u00e9\n.txt"] == b""
    assert files["run.sh"] == b"#!/bin/sh\n"
    assert files["project/last"] == b"no end of line"


def test_a_name_that_is_no_text_is_refused(lab: Repository) -> None:
    """With the name, as far as it can be shown."""
    (lab.folder / os.fsdecode(b"a\xff.txt")).write_text("")
    lab.commit("plain.txt", "")
    assert refusal(lab.url).endswith(r"the name of a file is not UTF-8: 'a\xff'")


@pytest.mark.parametrize("name", ["a\\b", "C:a"])
def test_a_name_that_leads_out_on_windows_is_refused(lab: Repository, name: str) -> None:
    """On every system, so that a template works on all or on none."""
    lab.commit(name, "")
    assert f"{name!r} leads out of the repository" in refusal(lab.url)


def test_a_name_that_cannot_be_written_is_told(lab: Repository) -> None:
    """With what the system says."""
    blob = lab.git("rev-parse", f"HEAD:{NOTE}")
    lab.tree([("100644 blob", blob, "a" * 300)])
    assert "File name too long" in refusal(lab.url)


def test_a_tree_without_end_is_stopped(lab: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten folders that are the same folder, six deep: a million files of one blob."""
    monkeypatch.setattr(fetch_git, "MAX_LISTING", 1 << 20)
    blob = lab.git("rev-parse", f"HEAD:{NOTE}")
    tree = lab.tree([("100644 blob", blob, f"f{n}") for n in range(10)])
    for _ in range(5):
        tree = lab.tree([("040000 tree", tree, f"d{n}") for n in range(10)])
    assert refusal(lab.url).endswith("git ls-tree writes more than 1 MiB")


def test_a_download_without_end_is_stopped(
    lab: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the server sends: it does not fill the disk."""
    monkeypatch.setattr(git.Git.run, "__kwdefaults__", {"given": b"", "most": 1 << 20})
    (lab.folder / "large.bin").write_bytes(os.urandom(2 << 20))
    lab.commit("plain.txt", "")
    assert refusal(lab.url).endswith("git fetch writes more than 1 MiB")


@pytest.mark.parametrize(("name", "most"), [("MAX_FILES", 1), ("MAX_BYTES", 10)])
def test_what_is_too_much_is_refused(
    lab: Repository, name: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is written."""
    monkeypatch.setattr(fetch_git, name, most)
    assert "more than" in refusal(lab.url)


def test_a_password_is_shown_nowhere() -> None:
    """Not in an error, whoever words it; a user of ssh is no secret."""
    url = "https://me:s3cret@nowhere.invalid/lab.git"
    assert without_password(url) == "https://nowhere.invalid/lab.git"
    assert without_password(f"git+{url}") == "git+https://nowhere.invalid/lab.git"
    assert without_password("ssh://git@host/lab") == "ssh://git@host/lab"
    assert without_password("git@host:lab") == "git@host:lab"
    assert without_password("ssh://git:s3cret@host/lab") == "ssh://git@host/lab"
    assert without_password("https://me:s3@cret@host/@a/b") == "https://host/@a/b"
    for scheme in ("HTTPS", "http", "ftp"):
        assert "s3cret" not in refusal(url.replace("https", scheme))
    for problem in (url, url.replace("s3cret", "s3@s3cret"), url.replace("me:s3", "s3")):
        assert "s3" not in refusal(problem)
        result = kscaffold("new", "demo", "--template", problem, "--defaults")
        assert "nowhere.invalid/lab.git: " in error_of(result, 4)
        assert "s3cret" not in result.output


def test_a_project_records_the_commit(
    lab: Repository, project: Callable[..., dict[str, bytes]]
) -> None:
    """Made again from its record, it is the same one, though the branch has moved on."""
    first = project("first", "--template", lab.url, "--ref", "main")
    assert first["NOTE.md"] == b"two\n"
    record = tomllib.loads(first[".kscaffold/answers.toml"].decode())
    [layer] = record["kscaffold"]["layers"]
    digest = layer.pop("digest")
    assert layer == {
        "name": "lab",
        "kind": "git",
        "source": lab.url,
        "ref": "main",
        "commit": lab.second,
    }
    lab.commit(NOTE, "three\n")
    again = project("again", "--data-file", "first/.kscaffold/answers.toml")
    assert again["NOTE.md"] == b"two\n"
    assert digest in again[".kscaffold/answers.toml"].decode()
    assert project("third", "--template", lab.url)["NOTE.md"] == b"three\n"


@pytest.fixture
def project() -> Callable[..., dict[str, bytes]]:
    """Make a project; returns its files."""

    def made(name: str, *arguments: str) -> dict[str, bytes]:
        result = kscaffold("new", name, "--defaults", "--no-git", "-q", *arguments)
        assert result.exit_code == 0, result.output
        return contents(Path(name))

    return made


def test_a_ref_needs_one_repository(lab: Repository) -> None:
    """Neither none nor two."""
    for templates in ((), (f"--template={lab.url}",) * 2):
        result = kscaffold("new", "demo", "--ref", "v1", "--defaults", *templates)
        assert "--ref: needs one git repository" in error_of(result, 2)


def test_a_template_from_git_extends_nothing_beside_it(lab: Repository, tmp_path: Path) -> None:
    """It gets at no folder of this machine."""
    (tmp_path / "secret").mkdir()
    lab.commit("kscaffold.toml", f'extends = "{tmp_path}/secret"\n')
    message = error_of(kscaffold("new", "demo", "--template", lab.url, "--defaults"), 4)
    assert "extends 'builtin' or an installed template" in message


@pytest.mark.parametrize("extends", ["sub", "inner.zip"])
def test_a_template_from_git_extends_nothing_inside_it(lab: Repository, extends: str) -> None:
    """A folder in it could go on to extend any folder of this machine."""
    lab.commit("sub/kscaffold.toml", 'extends = "/"\n')
    lab.commit("kscaffold.toml", f'extends = "{extends}"\n')
    message = error_of(kscaffold("new", "demo", "--template", lab.url, "--defaults"), 4)
    assert f"extends '{extends}'; a template from a git extends 'builtin'" in message


def test_a_template_error_names_the_commit(lab: Repository) -> None:
    """So that everybody looks at the same file."""
    commit = lab.commit(NOTE, "{{ nobody }}\n")
    result = kscaffold("new", "demo", "--template", lab.url, "--defaults")
    assert result.exit_code == TemplateError.exit_code
    assert f"{lab.url}@{commit[:10]}/{NOTE}, line 1: 'nobody' is undefined" in result.stderr
