"""`kscaffold template test`: what it combines, what it finds, and how it says so."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kscaffold.errors import AnswerError
from kscaffold.matrix.combinations import AWKWARD, find_combinations
from kscaffold.project.answers import resolve
from kscaffold.project.pipeline import prepare
from kscaffold.template.sources import load_template
from tests.cli.runner import error_of, kscaffold
from tests.projects import ROOT
from tests.template.own_templates import read

pytestmark = pytest.mark.slow

HEAD = '[template]\nname = "t"\ndescription = "d"\n'
QUESTIONS = (
    '[questions.kind]\ntype = "choice"\nhelp = "K."\nchoices = ["a", "b", "c"]\n'
    '[questions.more]\ntype = "bool"\nhelp = "M."\ndefault = false\n'
    '[questions.name]\ntype = "str"\nhelp = "N."\ndefault = "x"\n'
)
FILES = '[[files]]\ntemplate = "code.py.jinja"\ntarget = "code.py"\n'
CLEAN = 'NAME = {{ name | quote }}\nKIND = {{ kind | quote }}\nMORE = "{{ more }}"\n'
EXAMPLES = ROOT / "examples" / "templates"


def template(folder: Path, code: str = CLEAN, more: str = "", **files: str) -> str:
    """Write a template with one Python file; returns its folder."""
    (folder / "kscaffold.toml").write_text(f"{HEAD}{QUESTIONS}{FILES}{more}", encoding="utf-8")
    (folder / "code.py.jinja").write_text(code, encoding="utf-8")
    for name, text in files.items():
        (folder / f"{name}.py.jinja").write_text(text, encoding="utf-8")
    return str(folder)


def tried(*arguments: str, fails: bool = True, trust: bool = True) -> dict[str, Any]:
    """What the command reports."""
    more = ["--jobs", "2", "--format", "json", *["--trust"] * trust]
    result = kscaffold("template", "test", *arguments, *more)
    report: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == report["exit_code"] == (4 if fails else 0), report
    return report


def the_failure(report: dict[str, Any], check: str) -> dict[str, Any]:
    """The one failure of a report; its printed command shows the same one again."""
    [failure] = report["failures"]
    assert failure["check"] == check
    assert report["checks"][check]["failed"] == failure["count"]
    words = shlex.split(failure["command"])
    assert words[:3] == ["kscaffold", "template", "test"]
    again = tried(*words[3:])
    assert again["combinations"] == 1
    assert [(each["check"], each["message"]) for each in again["failures"]] == [
        (check, failure["message"])
    ]
    return dict(failure)


def test_a_sound_template_passes(tmp_path: Path) -> None:
    """All combinations are tried, every check is made but the training, which is not asked for."""
    report = tried(template(tmp_path), fails=False)
    assert report["combinations"] == 3 * 2 * 2
    assert report["failures"] == []
    made = {check: row["passed"] for check, row in report["checks"].items()}
    assert made == dict.fromkeys(("renders", "parses", "black", "ruff", "imports"), 12) | {
        "trains": 0
    }
    assert report["checks"]["trains"]["skipped"] == "not asked for"


def test_what_does_not_render_is_found(tmp_path: Path) -> None:
    """With the answers that it takes, and the template's line."""
    code = f"{CLEAN}#: if more\nX = {{{{ nobody }}}}\n#: endif\n"
    failure = the_failure(tried(template(tmp_path, code)), "renders")
    assert failure["answers"] == {"more": "yes"}
    assert failure["count"] == 6
    assert "code.py.jinja, line 5: 'nobody' is undefined" in failure["message"]
    assert any("nobody" in line for line in failure["details"])


def test_what_does_not_parse_is_found(tmp_path: Path) -> None:
    """Also in a file that is not formatted; of the answers, only those that matter are told."""
    more = FILES.replace("code", "raw") + "format = false\nwhen = \"more and kind == 'b'\"\n"
    failure = the_failure(tried(template(tmp_path, more=more, raw="x = (\n")), "parses")
    assert failure["answers"] == {"more": "yes", "kind": "b"}
    assert failure["message"] == "raw.py:1: '(' was never closed"


def test_a_file_that_is_not_formatted_need_not_be(tmp_path: Path) -> None:
    """Where the template says so."""
    more = f"{FILES.replace('code', 'raw')}format = false\n"
    tried(template(tmp_path, more=more, raw="x = {  'a':1 }\n"), fails=False)


def test_an_unstable_form_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If black changes again what it has formatted, which it should not."""
    monkeypatch.setattr("kscaffold.matrix.checks.format_python", lambda text, *_: f"{text}\n")
    report = tried(template(tmp_path), "--defaults")
    assert report["checks"]["black"]["failed"] == 1


def test_what_ruff_finds_is_found(tmp_path: Path) -> None:
    """With file, line and rule; the same at another place is not told twice."""
    code = "#: if more\nX = 1\n#: endif\nimport os\n"
    failure = the_failure(tried(template(tmp_path, code)), "ruff")
    assert failure["answers"] == {}
    assert failure["message"] == "code.py:1: F401 `os` imported but unused"
    assert failure["count"] == 12


def test_a_project_s_own_settings_of_ruff_count(tmp_path: Path) -> None:
    """They are in its pyproject.toml."""
    more = '[[files]]\ntemplate = "pyproject.toml"\ntarget = "pyproject.toml"\n'
    (tmp_path / "pyproject.toml").write_text('[tool.ruff.lint]\nselect = ["N"]\n')
    failure = the_failure(tried(template(tmp_path, "import os\ndef F(): ...\n", more)), "ruff")
    assert failure["message"].startswith("code.py:4: N802")


def test_settings_that_ruff_refuses_are_those_of_one_project(tmp_path: Path) -> None:
    """The others are checked all the same."""
    more = (
        '[[files]]\ntemplate = "pyproject.toml"\ntarget = "pyproject.toml"\nwhen = "more"\n'
        '[[files]]\ntemplate = "b.py.jinja"\ntarget = "b.py"\nwhen = "kind == \'b\'"\n'
    )
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nno-such-setting = 1\n")
    report = tried(template(tmp_path, more=more, b="import os\n"))
    found = {each["message"][:24]: each["answers"] for each in report["failures"]}
    assert report["checks"]["ruff"] == {"passed": 4, "failed": 8}
    assert list(found.values()) in (
        [{"kind": "b"}, {"more": "yes"}],
        [{"more": "yes"}, {"kind": "b"}],
    )


def test_without_ruff_its_check_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the table says so."""
    monkeypatch.setattr("kscaffold.matrix.run.ruff", lambda: None)
    report = tried(template(tmp_path, "import os\n"), fails=False)
    assert report["checks"]["ruff"] == {"passed": 0, "failed": 0, "skipped": "not installed: ruff"}


def test_what_cannot_be_imported_is_found(tmp_path: Path) -> None:
    """The module and the error are told; no project is given what another one imported."""
    code = f"{CLEAN}#: if more\nimport other_module_that_is_not_there  # noqa\n#: endif\n"
    failure = the_failure(tried(template(tmp_path, code)), "imports")
    assert failure["answers"] == {"more": "yes"}
    assert failure["message"].startswith("code: ModuleNotFoundError: No module named 'other_")


def test_what_ends_python_fails_alone(tmp_path: Path) -> None:
    """The projects after it are imported in another process."""
    code = f'{CLEAN}#: if more\n__import__("os")._exit(3)\n#: endif\n'
    failure = the_failure(tried(template(tmp_path, code)), "imports")
    assert failure["message"] == "importing it ends Python with exit code 3: no message"
    assert failure["count"] == 6


def test_what_does_not_end_is_ended(tmp_path: Path) -> None:
    """After so many seconds a project."""
    code = "while True:\n    pass\n"
    report = tried(template(tmp_path, code), "--defaults", "--timeout", "0.5")
    [failure] = report["failures"]
    assert failure["message"].endswith("stopped after 0.5 s")


def test_what_it_started_is_ended_with_it(tmp_path: Path) -> None:
    """A process of the project's own does not stay behind."""
    mark = tmp_path / "pid"
    code = (
        "import subprocess\nimport sys\nimport time\nfrom pathlib import Path\n\n"
        'child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])\n'
        f"Path({str(mark)!r}).write_text(str(child.pid))\ntime.sleep(600)\n"
    )
    folder = tmp_path / "t"
    folder.mkdir()
    tried(template(folder, code), "--defaults", "--timeout", "2")
    assert is_gone(int(mark.read_text()))


def test_nothing_is_run_if_it_is_not_wanted(tmp_path: Path) -> None:
    """With --no-import, the code of the projects is only read."""
    mark = tmp_path / "mark"
    code = f"from pathlib import Path\n\nPath({str(mark)!r}).touch()\n"
    folder = tmp_path / "t"
    folder.mkdir()
    tried(template(folder, code), "--no-import", fails=False)
    assert not mark.exists()
    tried(str(folder), fails=False)
    assert mark.exists()


def test_nothing_is_run_without_trust(tmp_path: Path) -> None:
    """The code is only read, and it is said why; to ask for more is refused with exit code 5."""
    mark = tmp_path / "mark"
    code = f"from pathlib import Path\n\nPath({str(mark)!r}).touch()\n"
    folder = tmp_path / "t"
    folder.mkdir()
    source = template(folder, code, '[test]\ntrain = ["-c", "print(1)"]\n')
    report = tried(source, "--defaults", fails=False, trust=False)
    assert report["checks"]["imports"]["skipped"] == "not trusted; see --trust"
    message = error_of(kscaffold("template", "test", source, "--train"), 5)
    assert message == (
        "the template wants to run `python -c 'print(1)'`; allow it with --trust, or leave"
        " out --train"
    )
    assert "--trust" in error_of(kscaffold("template", "test", source, "--import"), 5)
    assert not mark.exists()


def test_a_project_cannot_pass_for_ruff(tmp_path: Path) -> None:
    """A module of that name in a project is not the ruff that checks it."""
    mark = tmp_path / "mark"
    folder = tmp_path / "t"
    folder.mkdir()
    more = FILES.replace('"code.py"', '"ruff.py"')
    tried(template(folder, f"open({str(mark)!r}, 'w').close()\n", more), trust=False, fails=False)
    assert not mark.exists()


def test_a_source_that_is_trusted_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As its commands do, after `kscaffold config trusted`; the built-in template always."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    folder = tmp_path / "t"
    folder.mkdir()
    kscaffold("config", "trusted", template(folder))
    report = tried(str(folder), "--defaults", fails=False, trust=False)
    assert report["checks"]["imports"]["passed"] == 1


def test_a_training_that_fails_is_found(tmp_path: Path) -> None:
    """It is run as the template says, in the project, with a folder for what it leaves."""
    code = (
        f'import sys\n\n{CLEAN}if __name__ == "__main__":\n    open(sys.argv[1], "x").close()\n'
        '    #: if more\n    raise SystemExit("too much")\n    #: endif\n'
    )
    more = '[test]\ntrain = ["code.py", "{{ scratch }}"]\n'
    failure = the_failure(tried(template(tmp_path, code, more), "--train"), "trains")
    assert (failure["message"], failure["count"]) == ("too much", 6)
    assert failure["answers"] == {"more": "yes"}
    assert failure["command"].endswith("--train")
    assert " --trust " in failure["command"]


def test_a_template_that_does_not_say_how_to_train(tmp_path: Path) -> None:
    """It is skipped, with the reason; so are modules that are not installed."""
    report = tried(template(tmp_path), "--train", fails=False)
    assert "does not say how" in report["checks"]["trains"]["skipped"]
    more = '[test]\ntrain = ["code.py"]\nneeds = ["no_such_module"]\n'
    for name in ("no_such_module", "no_such_module.below"):
        named = more.replace("no_such_module", name)
        report = tried(template(tmp_path, more=named), "--train", fails=False)
        assert report["checks"]["imports"]["skipped"] == f"not installed: {name}"
    for check in ("imports", "trains"):
        assert "not installed: no_such_module" in report["checks"][check]["skipped"]


def test_a_text_that_is_not_quoted_is_found(tmp_path: Path) -> None:
    """Free texts are tried with what is special to Python and others."""
    failure = the_failure(tried(template(tmp_path, 'NAME = "{{ name }}"\n')), "renders")
    assert failure["answers"] == {"name": AWKWARD}
    assert "name: the answer is more than text in code.py, line 1" in failure["message"]


def test_the_default_answers_fail(tmp_path: Path) -> None:
    """Then no answer is to blame, and the command says --defaults."""
    failure = the_failure(tried(template(tmp_path, "{{ nobody }}\n")), "renders")
    assert failure["answers"] == {}
    assert failure["command"].endswith(" --trust --defaults")


def test_each_failure_is_told_once(tmp_path: Path) -> None:
    """Two different ones are two, each with its own smallest answers."""
    code = "#: if more\nimport os\n#: endif\n#: if kind == 'b'\nimport re\n#: endif\n"
    report = tried(template(tmp_path, code))
    found = {each["message"][-27:]: each["answers"] for each in report["failures"]}
    assert sorted(found.values(), key=str) == [{"kind": "b"}, {"more": "yes"}]


def test_the_text_has_a_table_and_the_failures(tmp_path: Path) -> None:
    """A line for each check, and below it what fails, why, and how to see it again."""
    source = template(tmp_path, f"{CLEAN}#: if more\nimport os\n#: endif\n")
    result = kscaffold("template", "test", source, "--no-import")
    lines = result.stdout.splitlines()
    assert result.exit_code == 4
    assert lines[:2] == ["t: 12 combinations of answers", "check     passed  failed"]
    assert lines[2:8] == [
        "renders       12       0",
        "parses        12       0",
        "black         12       0",
        "ruff           6       6",
        "imports        -       -  not asked for",
        "trains         -       -  not asked for",
    ]
    assert lines[9:] == [
        "ruff: fails for 6 of 12, with more=yes",
        "  code.py:4: F401 `os` imported but unused",
        f"  again: kscaffold template test {source} -d more=yes",
    ]


@pytest.mark.parametrize(("cover", "count"), [("all", 12), ("pairs", 6), ("each", 3)])
def test_it_is_said_what_is_covered(cover: str, count: int, tmp_path: Path) -> None:
    """All combinations, each two values together, or each value."""
    result = kscaffold("template", "test", template(tmp_path), "--cover", cover, "--no-import")
    title = result.stdout.splitlines()[0]
    assert title.startswith("t: 12 combinations" if cover == "all" else f"t: {count} of 12 ")
    assert f"{count}       0" in result.stdout


def test_bad_options_are_refused(tmp_path: Path) -> None:
    """An answer that there is not, and a source: exit code 2, and nothing is tried."""
    source = template(tmp_path)
    unknown = kscaffold("template", "test", source, "-d", "knid=a")
    assert "no question 'knid'; did you mean 'kind'?" in error_of(unknown, 2)
    bad = kscaffold("template", "test", source, "-d", "kind=z")
    assert "--kind: must be a, b or c" in error_of(bad, 2)
    assert "there is no template 'nowhere'" in error_of(kscaffold("template", "test", "nowhere"), 2)


def test_an_interrupt_ends_what_runs(tmp_path: Path) -> None:
    """Exit code 130, and no process of it goes on."""
    mark = tmp_path / "pid"
    code = (
        f"import os\nimport time\nfrom pathlib import Path\n\n"
        f"Path({str(mark)!r}).write_text(str(os.getpid()))\ntime.sleep(600)\n"
    )
    folder = tmp_path / "t"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "kscaffold", "template", "test", template(folder, code), "--trust"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A shell starts its background jobs with the interrupt ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )
    try:
        while not (mark.exists() and mark.read_text()):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
    finally:
        process.kill()
        process.wait()
    assert is_gone(int(mark.read_text()))


def is_gone(process: int) -> bool:
    """Tell whether a process ends within some seconds."""
    for _ in range(200):
        try:
            os.kill(process, 0)
            # What has ended and nobody has waited for is still there by its number.
            if "\nState:\tZ" in Path(f"/proc/{process}/status").read_text():
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def legal(manifest_text: str) -> tuple[Any, Any]:
    """A manifest, and what its answers are worked out with."""
    scaffold = prepare(load_template(), "project")
    return read(manifest_text), scaffold.tools


@st.composite
def manifests(draw: st.DrawFn) -> str:
    """Manifests with a few questions, conditions and rules."""
    text = HEAD
    known: list[str] = []
    for number in range(draw(st.integers(1, 4))):
        name = f"q{number}"
        when = ""
        if known and number % 2:
            when = f'when = "{draw(st.sampled_from(known))} == true"\n'
        if draw(st.sampled_from(["bool", "choice"])) == "bool":
            text += f'[questions.{name}]\ntype = "bool"\nhelp = "h"\ndefault = true\n{when}'
            known.append(name)
        else:
            choices = ["x", "y", "z"][: draw(st.integers(2, 3))]
            text += f'[questions.{name}]\ntype = "choice"\nhelp = "h"\nchoices = {choices}\n{when}'
    for _ in range(draw(st.integers(0, 2)) if len(known) > 1 else 0):
        one, other = draw(st.permutations(known))[:2]
        kind = draw(st.sampled_from(["requires", "conflicts"]))
        text += f'[[rules]]\nwhen = "{one}"\nmessage = "m"\n{kind} = {{ {other} = true }}\n'
    return text


@settings(max_examples=60)
@given(manifests())
def test_legal_combinations_are_all_and_only_those(text: str) -> None:
    """What is found by asking question by question is what is found by trying everything."""
    manifest, tools = legal(text)
    choices = [[None, True, False] if q.type == "bool" else [None, *q.choices]
               for q in manifest.questions.values()]  # fmt: skip
    expected = set()
    for values in product(*choices):
        answers = {n: v for n, v in zip(manifest.questions, values, strict=True) if v is not None}
        try:
            resolved = resolve(manifest, answers, tools).values
        except AnswerError:
            continue
        if {n: v for n, v in resolved.items() if v is not None} == answers:
            expected.add(frozenset(answers.items()))
    found = find_combinations(manifest, tools)
    assert found.is_whole
    assert len(found.pool) == len(expected or {frozenset()})
    assert {frozenset(given.items()) for given in found.pool} == (expected or {frozenset()})


@settings(max_examples=60)
@given(manifests())
def test_pairs_are_covered_by_few(text: str) -> None:
    """Each two values that meet in a legal combination meet in one that is chosen."""
    found = find_combinations(*legal(text))

    def pairs(all_given: Any) -> set[Any]:
        return {
            frozenset(pair)
            for given in all_given
            for pair in [*combinations(given.items(), 2), *((item,) for item in given.items())]
        }

    for strength, wanted in ((2, pairs(found.pool)), (1, None)):
        chosen = found.cover(strength)
        assert all(given in found.pool for given in chosen)
        assert chosen[0] == found.pool[0]
        assert len(chosen) <= len(found.pool)
        if wanted is not None:
            assert pairs(chosen) == wanted
    assert {item for given in found.cover(1) for item in given.items()} == {
        item for given in found.pool for item in given.items()
    }


def test_more_than_can_be_looked_at_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same ones each time, legal ones, and every value is among them."""
    monkeypatch.setattr("kscaffold.matrix.combinations.POOL", 300)
    scaffold = prepare(load_template(), "project")
    manifest, tools = scaffold.template.manifest, scaffold.tools
    found = find_combinations(manifest, tools)
    assert not found.is_whole
    assert found.pool == find_combinations(manifest, tools).pool
    values = {(name, value) for given in found.pool for name, value in given.items()}
    for question in manifest.questions.values():
        for choice in question.choices:
            assert (question.name, choice) in values
    for answers in found.pool[::20]:
        resolve(manifest, answers, tools)


def test_a_question_that_needs_many_answers_meets_the_others() -> None:
    """Also where there are far too many combinations to look at them all."""
    bools = "".join(
        f'[questions.q{n}]\ntype = "bool"\nhelp = "h"\ndefault = false\n' for n in range(13)
    )
    needed = " and ".join(f"q{n}" for n in range(10))
    deep = (
        f'[questions.deep]\ntype = "choice"\nhelp = "h"\nchoices = ["x", "y"]\nwhen = "{needed}"\n'
    )
    found = find_combinations(*legal(HEAD + bools + deep))
    assert not found.is_whole
    met = {frozenset(pair) for each in found.cover(2) for pair in combinations(each.items(), 2)}
    for choice in ("x", "y"):
        for number in range(10, 13):
            for value in (False, True):
                assert frozenset([("deep", choice), (f"q{number}", value)]) in met


@pytest.mark.parametrize(
    "which", [["--defaults"], pytest.param(["--cover", "each"], marks=pytest.mark.exhaustive)]
)
@pytest.mark.parametrize(
    "example", ["focal-loss", "r-drop", "slurm", "iris", "fast-cpu", "experiment"]
)
def test_the_examples_pass(example: str, which: list[str]) -> None:
    """Every check in each combination that is chosen, and they train."""
    # That with a job script trains what the built-in template does.
    train = [] if example == "slurm" else ["--train"]
    report = tried(str(EXAMPLES / example), *train, *which, fails=False)
    for check, row in report["checks"].items():
        assert "skipped" in row or row["passed"] == report["combinations"], check


@pytest.mark.parametrize(
    "which", [["--cover", "each"], pytest.param([], marks=pytest.mark.exhaustive)]
)
def test_the_built_in_template_passes(which: list[str]) -> None:
    """What is asked of others holds for it, by default with each two values together."""
    report = tried("builtin", *which, fails=False)
    assert 12 <= report["combinations"] < 100
    assert report["checks"]["imports"]["passed"] == report["combinations"]
