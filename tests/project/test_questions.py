"""Each type of question, answered by option, -d, data file and prompt; and secrets."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from kscaffold.cli.prompts import ask
from kscaffold.project.pipeline import prepare
from kscaffold.template.sources import load_template
from tests.cli.runner import contents, kscaffold, report_of
from tests.template.own_templates import new, project, refused, whole

ENTER, SPACE, DOWN, CTRL_U = "\r", " ", "\x1b[B", "\x15"
SECRET = 'pa"ss\\w{{0}}rd'


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def asking(lines: str, more: str = "", text: str = "{{ a }}\n") -> Path:
    """A template with the question `a`; its file says the answer."""
    return whole("own", f'[questions.a]\nhelp = "What?"\n{lines}\n{more}', text)


def typed(own: Path, keys: str, **given: object) -> dict[str, object]:
    """Answer the questions of a template by keys."""
    with create_pipe_input() as pipe:
        pipe.send_text(keys)
        pipe.close()  # what waits for more keys ends, with an error
        with create_app_session(input=pipe, output=DummyOutput()):
            return ask(prepare(load_template(own), "demo"), given)


TYPES = {
    "str": 'type = "str"\ndefault = "x"',
    "int": 'type = "int"\ndefault = 3',
    "float": 'type = "float"\ndefault = 0.5',
    "bool": 'type = "bool"\ndefault = true',
    "choice": 'type = "choice"\nchoices = ["one", "two"]',
    "multi-choice": 'type = "multi-choice"\nchoices = ["x", "y", "z"]\ndefault = ["y"]',
    "path": 'type = "path"\ndefault = "/there"',
}


@pytest.mark.parametrize(
    ("kind", "rendered"),
    [
        ("str", "x"),
        ("int", "3"),
        ("float", "0.5"),
        ("bool", "True"),
        ("choice", "one"),
        ("multi-choice", "('y',)"),
        ("path", "/there"),
    ],
)
def test_defaults(kind: str, rendered: str) -> None:
    """A default keeps its type; the first choice is the default."""
    assert project(asking(TYPES[kind]))["out.txt"] == f"{rendered}\n"


@pytest.mark.parametrize(
    ("kind", "given", "rendered"),
    [
        ("str", " y z ", "y z"),
        ("int", "-12", "-12"),
        ("int", "+7", "7"),
        ("float", "1e-3", "0.001"),
        ("float", "2", "2.0"),
        ("choice", "two", "two"),
        ("multi-choice", "z,x", "('x', 'z')"),
        ("multi-choice", "x, y ,x", "('x', 'y')"),
        ("multi-choice", "", "()"),
        ("path", "/a/../b", "/b"),
    ],
)
def test_answers_as_options(kind: str, given: str, rendered: str) -> None:
    """By the question's own option, and by -d; the same comes out."""
    own = asking(TYPES[kind])
    assert project(own, more=("--a", given))["out.txt"] == f"{rendered}\n"
    assert project(own, more=("-d", f"a={given}"), path="other")["out.txt"] == f"{rendered}\n"


@pytest.mark.parametrize(
    ("kind", "given", "rendered"),
    [
        ("int", "-12", "-12"),
        ("float", "2", "2.0"),
        ("float", "1.5", "1.5"),
        ("bool", "false", "False"),
        ("multi-choice", '["z", "x"]', "('x', 'z')"),
        ("multi-choice", "[]", "()"),
        ("str", '"y"', "y"),
    ],
)
def test_answers_of_a_data_file(kind: str, given: str, rendered: str) -> None:
    """With the types of TOML; what is recorded reads back as it is."""
    own = asking(TYPES[kind])
    Path("answers.toml").write_text(f"a = {given}\n")
    assert project(own, more=("--data-file", "answers.toml"))["out.txt"] == f"{rendered}\n"
    record = "demo/.kscaffold/answers.toml"
    assert project(more=("--data-file", record), path="again")["out.txt"] == f"{rendered}\n"


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("int", "1.5", "--a: must be a whole number, not '1.5'"),
        ("int", "1_000", "--a: must be a whole number, not '1_000'"),
        ("int", "9" * 30, "--a: must be a whole number, not '999"),
        ("int", "٣", "--a: must be a whole number"),
        ("float", "a", "--a: must be a number, not 'a'"),
        ("float", "nan", "--a: must be a number, not 'nan'"),
        ("float", "1e999", "--a: must be a number, not '1e999'"),
        ("bool", "maybe", "--a: must be yes or no, not 'maybe'"),
        ("choice", "tow", "--a: must be one or two, not 'tow'; did you mean 'two'?"),
        ("multi-choice", "x,w", "--a: must be x, y or z, not 'w'"),
        ("str", "a\x07", "--a: must be one plain line, but holds a control character"),
    ],
)
def test_wrong_answers_are_refused(kind: str, given: str, message: str) -> None:
    """With the question, what it takes, and what was given."""
    assert refused(asking(TYPES[kind]), code=2, more=("-d", f"a={given}"))[0].startswith(message)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("int", "true"), ("float", "true"), ("str", "1"), ("multi-choice", "1"), ("int", "1.5")],
)
def test_wrong_types_of_a_data_file_are_refused(kind: str, value: str) -> None:
    """To TOML a bool is no number."""
    Path("answers.toml").write_text(f"a = {value}\n")
    more = ("--data-file", "answers.toml")
    assert refused(asking(TYPES[kind]), code=2, more=more)[0].startswith("--a: must be ")


def test_a_bool_has_two_options() -> None:
    """One for yes, one for no."""
    own = asking(TYPES["bool"])
    assert project(own, more=("--no-a",))["out.txt"] == "False\n"
    assert project(own, more=("--a",), path="other")["out.txt"] == "True\n"


def test_help_shows_types_and_defaults() -> None:
    """Choices, and what is taken where nothing is given."""
    for kind, shown in (
        ("int", "[default: 3]"),
        ("bool", "[default: yes]"),
        ("choice", "[one|two]"),
        ("multi-choice", "[default: y]"),
    ):
        assert shown in new("--help", "--template", str(asking(TYPES[kind]))).stdout


@pytest.mark.parametrize(
    ("kind", "keys", "answer"),
    [
        ("str", ENTER, "x"),
        ("str", f"y{ENTER}", "y"),
        ("int", f"12{ENTER}", 12),
        ("int", f"x{ENTER}{CTRL_U}12{ENTER}", 12),
        ("float", f"1e-3{ENTER}", 0.001),
        ("float", ENTER, 0.5),
        ("bool", f"{DOWN}{ENTER}", False),
        ("choice", f"{DOWN}{ENTER}", "two"),
        ("multi-choice", ENTER, ("y",)),
        ("multi-choice", f"{SPACE}{ENTER}", ("x", "y")),
        ("multi-choice", f"{DOWN}{SPACE}{ENTER}", ()),
        ("path", f"/b{ENTER}", "/b"),
    ],
)
def test_prompts(kind: str, keys: str, answer: object) -> None:
    """Each type is asked in its way; what is wrong is not taken."""
    assert typed(asking(TYPES[kind]), keys) == {"a": answer}


# ---------------------------------------------------------------- defaults, conditions, patterns


@pytest.mark.parametrize(
    ("kind", "default", "rendered"),
    [
        ("str", "{{ target_name | upper }}", "DEMO"),
        ("int", "{{ n * 2 }}", "4"),
        ("float", "{{ n / 8 }}", "0.25"),
        ("choice", "{{ 'two' if n > 1 else 'one' }}", "two"),
        ("multi-choice", "{{ 'z,y' if n > 1 else '' }}", "('y', 'z')"),
        ("path", "/data/{{ target_name }}", "/data/demo"),
    ],
)
def test_defaults_follow_from_earlier_answers(kind: str, default: str, rendered: str) -> None:
    """A default may be a template; what it becomes has the question's type."""
    earlier = '[questions.n]\ntype = "int"\nhelp = "h"\ndefault = 2\n'
    choices = {"choice": ["one", "two"], "multi-choice": ["x", "y", "z"]}.get(kind)
    listed = f"choices = {choices}\n" if choices else ""
    question = f'[questions.a]\nhelp = "h"\ntype = "{kind}"\n{listed}default = "{default}"\n'
    assert project(whole("own", earlier + question, "{{ a }}\n"))["out.txt"] == f"{rendered}\n"


def test_a_default_that_does_not_fit_is_named() -> None:
    """Like any wrong answer."""
    own = asking('type = "int"\ndefault = "{{ target_name }}"')
    assert refused(own, code=2)[0] == "--a: must be a whole number, not 'demo'"


CONDITION = '[questions.a]\nhelp = "h"\ntype = "bool"\ndefault = false\n'


def test_a_question_that_does_not_apply_is_not_asked() -> None:
    """It has the value that the manifest gives it, or none."""
    more = '[questions.b]\nhelp = "h"\ntype = "int"\ndefault = 5\nwhen = "a"\n'
    own = whole("own", CONDITION + more, "{{ b }}\n")
    assert project(own)["out.txt"] == "None\n"
    assert project(own, more=("--a",), path="two")["out.txt"] == "5\n"
    assert typed(own, ENTER) == {"a": False}
    own = whole("own", f'{CONDITION}{more}otherwise = "{{{{ target_name }}}}!"\n', "{{ b }}\n")
    assert project(own, path="three")["out.txt"] == "three!\n"


def test_an_answer_to_a_question_that_does_not_apply_is_refused() -> None:
    """With the condition."""
    more = '[questions.b]\nhelp = "h"\ntype = "int"\nwhen = "a"\n'
    message, _ = refused(whole("own", CONDITION + more), code=2, more=("--b", "3"))
    assert message == "--b: is only asked when a"


def test_a_pattern_holds_for_the_whole_answer() -> None:
    """With a message of its own, or with the pattern."""
    own = asking('type = "str"\npattern = "[a-z]+"\nmessage = "only letters"\ndefault = "x"')
    assert project(own, more=("--a", "abc"))["out.txt"] == "abc\n"
    message, _ = refused(own, code=2, more=("--a", "abc1"), path="other")
    assert message == "--a: only letters, not 'abc1'"
    own = asking('type = "str"\npattern = "[a-z]+"\ndefault = "x"')
    assert refused(own, code=2, more=("--a", "1"), path="other")[0] == (
        "--a: must match [a-z]+, not '1'"
    )


# ---------------------------------------------------------------- errors in the manifest


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (
            '[questions.a]\ntype = "str"\nhelp = "h"\ndefault = "{{ targetname }}"',
            "[questions.a] default: '{{ targetname }}': 'targetname' is undefined;"
            " did you mean 'target_name'?",
        ),
        (
            '[questions.a]\ntype = "str"\nhelp = "h"\nwhen = "nme"',
            "[questions.a] when: 'nme': 'nme' is undefined",
        ),
        (
            '[questions.a]\ntype = "str"\nhelp = "h"\nwhen = "false"\notherwise = "{{ x }}"',
            "[questions.a] otherwise: '{{ x }}': 'x' is undefined",
        ),
        ('[derived]\nb = "target_name"', "[derived] b: 'target_name': 'target_name' is undefined"),
        ('[derived]\nb = "1 +"', "[derived] b: '1 +': unexpected 'end of template'"),
        (
            '[[rules]]\nwhen = "no"\nmessage = "m"\nrequires = {name = "x"}',
            "[[rules]] #1 when: 'no': 'no' is undefined",
        ),
        (
            '[[files]]\ntemplate = "a"\ntarget = "{{ nam }}"',
            "[[files]] #1 target: '{{ nam }}': 'nam' is undefined (with the default answers);"
            " did you mean 'name'?",
        ),
        ('[[files]]\ntemplate = "a"\ntarget = "a"\nwhen = "1 / 0"', "[[files]] #1 when: '1 / 0': "),
        ('[messages]\nafter = "{{ x }}"', "[messages] after: '{{ x }}': 'x' is undefined"),
        (
            '[derived]\nb = "name.first"',
            "[derived] b: 'name.first': 'str object' has no attribute 'first'",
        ),
        ('[derived]\nb = "{% if %}"', "[derived] b: "),
        ('[messages]\nafter = "{% set a = 1 %}"', "[messages] after: '{% set a = 1 %}': "),
    ],
)
def test_an_error_names_layer_and_key(manifest: str, message: str) -> None:
    """In a stack, the manifest that said it last; and what is wrong."""
    name = '[questions.name]\ntype = "str"\nhelp = "h"\ndefault = "x"\n'
    whole("base", name)
    overlay = Path("lab")
    overlay.mkdir()
    (overlay / "kscaffold.toml").write_text(f'extends = "../base"\n{manifest}\n')
    (overlay / "a").write_text("")
    found, details = refused("lab")
    assert found.startswith(f"lab/kscaffold.toml: {message}")
    assert not details


def test_an_error_of_a_file_names_the_answers() -> None:
    """File, line, reason, the answers that are not the defaults, and the lines around."""
    own = asking(TYPES["int"], TYPES_MORE, "one\ntwo {{ a }}\nthree {{ wrod }}\nfour\nfive\n")
    message, details = refused(own, more=("--a", "7", "--no-yes"))
    assert message == (
        "own/out.txt.jinja, line 3: 'wrod' is undefined (with a=7, yes=False); did you mean 'word'?"
    )
    assert details == ["  2 | two {{ a }}", "  3 | three {{ wrod }}", "  4 | four"]


TYPES_MORE = (
    '[questions.word]\ntype = "str"\nhelp = "h"\ndefault = "w"\n'
    '[questions.yes]\ntype = "bool"\nhelp = "h"\ndefault = true\n'
)


@pytest.mark.parametrize(
    ("text", "part", "place"),
    [
        ("{% extends '_p.jinja' %}", "a\n{{ gone }}\n", "_p.jinja, line 2: 'gone' is undefined"),
        ("a\n{% include '_p.jinja' %}", "\n\n{{ 1 / 0 }}", "_p.jinja, line 3: division by zero"),
        (
            "{% import '_p.jinja' as m %}{{ m.f() }}",
            "{% macro f() %}\n{{ gone }}{% endmacro %}",
            "_p.jinja, line 2: 'gone' is undefined",
        ),
        ("a\n{% include '_p.jinja' %}", "a\n{% if %}", "_p.jinja, line 2: "),
        (
            "a\n\n{% include '_q.jinja' %}",
            "",
            "out.txt.jinja, line 3: there is no file own/_q.jinja",
        ),
        (
            "{% extends '_p.jinja' %}\n{% block b %}\n{{ gone }}{% endblock %}",
            "{% block b %}{% endblock %}",
            "out.txt.jinja, line 3: 'gone' is undefined",
        ),
    ],
)
def test_an_error_names_the_file_that_it_is_in(text: str, part: str, place: str) -> None:
    """Also where that is extended, included or imported by another."""
    own = whole("own", text=text)
    Path(own, "_p.jinja").write_text(part)
    message, details = refused(own)
    assert message.startswith(f"own/{place}")
    assert 1 <= len(details) <= 3


# ---------------------------------------------------------------- secrets

TOKEN = (
    '[questions.token]\ntype = "str"\nhelp = "h"\nsecret = true\n'
    '[questions.word]\ntype = "str"\nhelp = "h"\ndefault = "w"\n'
)


KEPT = '[[files]]\ntemplate = "plain.txt"\ntarget = "{}"\n'


def with_secret(text: str = "key = {{ token | quote }}\n", more: str = "") -> Path:
    """A template that writes a secret into out.txt, and a file without it."""
    listed = '[[files]]\ntemplate = "plain.txt"\ntarget = "plain.txt"\n'
    own = whole("own", f"{TOKEN}{more}{listed}", text)
    (own / "plain.txt").write_text("plain\n")
    return own


def forms() -> list[str]:
    """The secret as it is, and in the shapes in which it may stand in a file."""
    return [SECRET, SECRET.replace("\\", "\\\\").replace('"', '\\"'), repr(SECRET)[1:-1]]


def test_a_secret_is_written_where_the_template_says_and_nowhere_else() -> None:
    """Not into the record of the answers, nor into that of the texts."""
    files = project(with_secret(), more=("--token", SECRET))
    assert files["out.txt"] == 'key = "pa\\"ss\\\\w{{0}}rd"\n'
    for path, text in files.items():
        assert path == "out.txt" or not any(form in text for form in forms()), path
    assert "<token>" in files[".kscaffold/base.json"]
    assert "token" not in files[".kscaffold/answers.toml"]


@pytest.mark.parametrize(
    ("lines", "where"),
    [
        (
            '[questions.copy]\ntype = "str"\nhelp = "h"\ndefault = "{{ token }}"\n',
            "[questions.copy] default",
        ),
        (KEPT.format("{{ token }}"), "[[files]] #3 target"),
        (KEPT.format("{{ '}' ~ token }}"), "[[files]] #3 target"),
        (KEPT.format("a{{ token | replace('{{', '}}') }}"), "[[files]] #3 target"),
        (KEPT.format("{{ twice }}"), "[[files]] #3 target"),
        (
            '[questions.copy]\ntype = "str"\nhelp = "h"\nwhen = "false"\n'
            'otherwise = "{{ token | upper }}"\n',
            "[questions.copy] otherwise",
        ),
    ],
)
def test_a_secret_is_no_part_of_what_is_kept(lines: str, where: str) -> None:
    """Neither of another answer nor of a path, also by way of derived values."""
    derived = '[derived]\nonce = "token | upper"\ntwice = "[once, once] | join"\n'
    own = with_secret(more=derived)
    with (own / "kscaffold.toml").open("a") as manifest:
        manifest.write(lines)
    message, _ = refused(own, more=("--token", SECRET))
    assert (
        message == f"own/kscaffold.toml: {where}: the answer to 'token' is secret, and this is kept"
    )


@pytest.mark.parametrize("target", ["{{ 'token' }}", "token", "{{ word }}-token", "{# token #}a"])
def test_the_name_of_a_secret_is_no_secret(target: str) -> None:
    """In a path it may stand as a word; only its answer is kept out."""
    own = with_secret()
    with (own / "kscaffold.toml").open("a") as manifest:
        manifest.write(KEPT.format(target))
    files = project(own, more=("--token", SECRET))
    assert not {"token", "w-token", "a"}.isdisjoint(files)


def test_a_file_with_a_secret_is_its_owners_alone() -> None:
    """All others are as usual."""
    project(with_secret(), more=("--token", SECRET))
    assert stat.S_IMODE(Path("demo/out.txt").stat().st_mode) == 0o600
    assert stat.S_IMODE(Path("demo/plain.txt").stat().st_mode) & 0o444 == 0o444


def test_a_file_with_a_secret_is_not_committed() -> None:
    """It is said."""
    result = kscaffold("new", "demo", "--defaults", "--template", "./own", "--token", SECRET)
    assert result.exit_code == 2  # not there yet
    with_secret()
    result = kscaffold("new", "demo", "--defaults", "--template", "./own", "--token", SECRET)
    assert "warning: out.txt holds a secret, so it is not committed" in result.stderr
    for path, data in contents(Path("demo/.git")).items():
        assert SECRET.encode() not in data, path


@pytest.mark.parametrize(
    "more", [("--dry-run",), ("--diff",), ("--format", "json"), ("--dry-run", "--format", "json")]
)
def test_a_secret_is_not_shown(more: tuple[str, ...]) -> None:
    """Not in the preview, the difference, the report, nor in the command at the end."""
    commands = '[[after]]\nrun = ["true", "{{ token }}"]\n[messages]\nafter = "It is {{ token }}"\n'
    own = with_secret(more=commands)
    for path, options in (("one", more), ("two", ())):
        result = new("--template", str(own), "--token", SECRET, "--trust", *options, path=path)
        assert result.exit_code == 0, result.output
        assert not any(form in result.output for form in forms())
        assert SECRET not in result.output.replace("\\\\", "\\").replace('\\"', '"')


def test_a_report_has_no_secret() -> None:
    """Neither as an answer nor in a command."""
    own = with_secret(more='[[after]]\nrun = ["true", "{{ token }}"]\n')
    more = ("--token", SECRET, "--trust", "--format", "json")
    report = report_of(new("--template", str(own), *more))
    assert report["answers"] == {"word": "w"}
    assert report["commands"] == [["true", "<token>"]]


def test_the_command_gets_what_is_not_shown() -> None:
    """A program that needs the secret has it."""
    own = with_secret(more='[[after]]\nrun = ["touch", "{{ token }}"]\n')
    files = project(own, more=("--token", "abc", "--trust"))
    assert "abc" in files


@pytest.mark.parametrize(
    ("manifest", "text"),
    [
        ('[[after]]\nrun = ["true", "{{ token }}"]', ""),
        ("", "{{ {}[token] }}"),
        ("", "{{ word[token] }}"),
        ("", "{% include token %}"),
        ('[derived]\na = "{}[token]"', ""),
        ('[messages]\nafter = "{{ {}[token] }}"', ""),
        ('[[files]]\ntemplate = "plain.txt"\ntarget = "../{{ token }}"', ""),
        ('[questions.more]\ntype = "int"\nhelp = "h"\ndefault = "{{ token }}"', ""),
        ('[questions.more]\ntype = "str"\nhelp = "h"\ndefault = "{{ {}[token] }}"', ""),
    ],
)
def test_an_error_of_the_template_has_no_secret(manifest: str, text: str) -> None:
    """Whatever a template that is wrong does with it."""
    own = with_secret(text, more=f"{manifest}\n")
    result = new("--template", str(own), "--token", SECRET)
    assert result.exit_code in (2, 4, 5), result.output
    assert "pa" not in result.output.replace("template", "").replace("place", "").replace(
        "path", ""
    )
    assert not Path("demo").exists()


@pytest.mark.parametrize(
    ("lines", "more"),
    [
        ('pattern = "[0-9]+"', ("--token", SECRET)),
        ("max_length = 3", ("--token", SECRET)),
        ("", ("--token", SECRET, "-d", "token=other")),
        ("", ("--token", f"{SECRET}\x07")),
        (f"[[rules]]\nwhen = 'true'\nconflicts = {{token = '{SECRET}'}}\nmessage = 'm'", ()),
    ],
)
def test_an_error_of_the_answer_has_no_secret(lines: str, more: tuple[str, ...]) -> None:
    """Whatever is wrong with it."""
    question = f'[questions.token]\ntype = "str"\nhelp = "h"\nsecret = true\n{lines}\n'
    message, _ = refused(whole("own", question), code=2, more=more or ("--token", SECRET))
    assert message.startswith("--token")
    assert 'pa"ss' not in message


def test_a_secret_of_a_data_file_that_is_no_text_is_not_shown() -> None:
    """A PIN that somebody wrote as a number."""
    Path("answers.toml").write_text("token = 12345\n")
    message, _ = refused(with_secret(), code=2, more=("--data-file", "answers.toml"))
    assert message == "--token: must be text"


def test_a_template_that_changes_a_secret_gives_nothing_away() -> None:
    """In another shape it is a secret all the same."""
    files = project(
        with_secret("{{ token | upper | replace('-', '') }}"), more=("--token", "a-b-c")
    )
    assert files["out.txt"].strip() == "ABC"
    assert "ABC" not in files[".kscaffold/base.json"]
    assert stat.S_IMODE(Path("demo/out.txt").stat().st_mode) == 0o600


def test_without_a_secret_nothing_is_hidden() -> None:
    """Where none is given, files are as usual."""
    files = project(with_secret())
    assert stat.S_IMODE(Path("demo/out.txt").stat().st_mode) & 0o444 == 0o444
    assert 'key = \\"\\"' in files[".kscaffold/base.json"]


def test_a_secret_is_typed_unseen() -> None:
    """Enter takes the default, which is none."""
    own = with_secret()
    assert typed(own, f"abc{ENTER}{ENTER}") == {"token": "abc", "word": "w"}
    assert typed(own, ENTER * 2) == {"token": "", "word": "w"}


def test_a_path_that_cannot_be_is_no_file() -> None:
    """The option is named."""
    own = asking('type = "path"\nmust_exist = true\ndefault = "x"')
    message, _ = refused(own, code=2, more=("--a", "a" * 5_000))
    assert message.startswith("--a: no such file: ")


def test_help_without_questions() -> None:
    """There is no heading for them."""
    result = new("--help", "--template", str(whole("own")))
    assert result.exit_code == 0
    assert "Questions of the template" not in result.stdout


@pytest.mark.parametrize(
    ("kind", "default", "answer"),
    [
        ("choice", "{{ target_name }}", "x"),
        ("choice", "{{ 'y' }}", "y"),
        ("multi-choice", "{{ 'z,y' }}", ("y", "z")),
        ("multi-choice", "{{ target_name }}", ()),
    ],
)
def test_prompts_with_a_default_of_a_template(kind: str, default: str, answer: object) -> None:
    """What names no choice is none; a question that needs one begins at its first."""
    choices = 'choices = ["x", "y", "z"]'
    own = asking(f'type = "{kind}"\n{choices}\ndefault = "{default}"')
    assert typed(own, ENTER) == {"a": answer}
