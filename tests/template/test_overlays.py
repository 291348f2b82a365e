"""Overlays: what they change changes, all else follows what is below them."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest

from kscaffold import __version__
from kscaffold.template.blocks import _spans
from tests.cli.runner import contents, kscaffold
from tests.template.own_templates import OVERLAY, WHOLE, new, project, refused, template, whole

PLAIN = "src/demo/trainer.py"


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own, with a configuration of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))


def files_of(*sources: str | Path, path: str = "demo") -> dict[str, str]:
    """The files of a new project, without the record of where they come from."""
    files = project(*sources, path=path)
    Path(path).rename(f"{path}-was-{len(list(Path().iterdir()))}")
    return {name: text for name, text in files.items() if not name.startswith(".kscaffold/")}


def base(folder: str = "base", manifest: str = "", text: str = "base\n") -> Path:
    """Write a whole template called "base", of the file out.txt."""
    written = whole(folder, manifest, text)
    path = written / "kscaffold.toml"
    path.write_text(path.read_text().replace('"whole"', '"base"'))
    return written


def on_base(folder: str, manifest: str = "", files: dict[str, str] | None = None) -> Path:
    """Write an overlay on the template "base"."""
    return template(folder, f'extends = "../base"\n{manifest}', files)


# ---------------------------------------------------------------- files


def test_a_file_of_the_same_path_replaces_ours() -> None:
    """Nothing else changes."""
    own = template("lab", OVERLAY, {"project/gitignore.jinja": "# {{ package }}\n"})
    assert files_of(own) == {**files_of(), ".gitignore": "# demo\n"}


def test_a_new_file_is_added_by_the_manifest() -> None:
    """The manifest says from which template, and where to."""
    manifest = f'{OVERLAY}[[files]]\ntemplate = "a.jinja"\ntarget = "docs/{{{{ package }}}}.md"\n'
    own = template("lab", manifest, {"a.jinja": "# {{ name }}\n"})
    assert files_of(own) == {**files_of(), "docs/demo.md": "# demo\n"}


def test_a_new_file_in_a_folder_of_ours_is_added_without_a_word() -> None:
    """It goes where the files beside it go; a name that begins with "_" is for others only."""
    own = template(
        "lab",
        OVERLAY,
        {
            "project/NOTES.md": "{{ left as it is }}\n",
            "package/more.py.jinja": '{% import "package/_macros.jinja" as m %}{{ m.a() }}\n',
            "package/_macros.jinja": "{% macro a() %}A = 1{% endmacro %}",
            "elsewhere/a.txt": "goes nowhere",
        },
    )
    added = {"NOTES.md": "{{ left as it is }}\n", "src/demo/more.py": "A = 1\n"}
    assert files_of(own) == {**files_of(), **added}


def test_an_overlay_names_folders_of_its_own() -> None:
    """[folders] says where a folder's files go."""
    own = template(
        "lab",
        f'{OVERLAY}[folders]\nextra = "share/{{{{ package }}}}"\n',
        {"extra/deep/a.txt.jinja": "{{ name }}"},
    )
    assert files_of(own) == {**files_of(), "share/demo/deep/a.txt": "demo"}


def test_removed_files_are_not_written() -> None:
    """By the name of the template, or of the target."""
    manifest = 'remove = ["project/ci.yml.jinja", "tests/machinery/behaviour.py"]\n'
    own = template("lab", f"{manifest}{OVERLAY}")
    gone = {".github/workflows/ci.yml", "tests/machinery/behaviour.py"}
    assert files_of(own) == {path: t for path, t in files_of().items() if path not in gone}


def test_a_file_that_cannot_be_removed_is_named() -> None:
    """With the nearest one that there is."""
    own = template("lab", f'{OVERLAY}remove = ["project/ci.yaml.jinja"]\n')
    message, _ = refused(own)
    assert message == (
        "lab/kscaffold.toml: remove: no file 'project/ci.yaml.jinja'; did you mean"
        " 'project/ci.yml.jinja'?"
    ).replace("lab/", f"{own}/")


def test_python_is_formatted_unless_the_manifest_says_otherwise() -> None:
    """`format = false` keeps a Python file as it is rendered; one that is copied stays as it is."""
    listed = '[[files]]\ntemplate = "a.py.jinja"\ntarget = "{}.py"\n{}\n'
    manifest = OVERLAY + listed.format("one", "") + listed.format("two", "format = false")
    files = files_of(template("lab", manifest, {"a.py.jinja": "x  =  1\n"}))
    assert (files["one.py"], files["two.py"]) == ("x = 1\n", "x  =  1\n")


def test_a_file_may_be_executable() -> None:
    """`mode = "755"` sets the bits; any other file has none."""
    listed = '[[files]]\ntemplate = "a.sh"\ntarget = "{}"\n{}\n'
    manifest = WHOLE + listed.format("run", 'mode = "755"') + listed.format("not", "")
    project(template("own", manifest, {"a.sh": "#!/bin/sh\n"}))
    assert Path("demo/run").stat().st_mode & stat.S_IXUSR
    assert not Path("demo/not").stat().st_mode & stat.S_IXUSR


# ---------------------------------------------------------------- blocks


def test_one_block_changes_and_the_rest_follows() -> None:
    """The file is ours but for the block."""
    own = template(
        "lab",
        OVERLAY,
        {
            "package/callbacks.py.jinja": (
                '#: extends "builtin/package/callbacks.py.jinja"\n#: block imports\n'
                "{{ super() }}import this_one\n#: endblock\n"
            )
        },
    )
    ours, theirs = files_of(), files_of(own)
    path = "src/demo/callbacks.py"
    assert theirs.pop(path).replace("import this_one\n", "") == ours.pop(path)
    assert theirs == ours


def test_super_is_what_the_layer_below_has() -> None:
    """Through several layers, each of which has its say."""
    base(text="#: block a\nbase\n#: endblock\nend\n")
    words = '#: extends "out.txt.jinja"\n#: block a\n{{ super() }}WORD\n#: endblock\n'
    one = on_base("one", files={"out.txt.jinja": words.replace("WORD", "one")})
    two = on_base("two", files={"out.txt.jinja": words.replace("WORD", "two")})
    assert files_of(one, two) == {"out.txt": "base\none\ntwo\nend\n"}
    assert files_of(two, one) == {"out.txt": "base\ntwo\none\nend\n"}


def test_overlays_that_name_the_same_layer_go_together() -> None:
    """The name of a layer means the file below, so each overlay changes its block."""
    base(text="#: block a\na\n#: endblock\n#: block b\nb\n#: endblock\n")
    words = '#: extends "base/out.txt.jinja"\n#: block {0}\n{{{{ super() }}}}{0}!\n#: endblock\n'
    one = on_base("one", files={"out.txt.jinja": words.format("a")})
    two = on_base("two", files={"out.txt.jinja": words.format("b")})
    assert files_of(one, two) == {"out.txt": "a\na!\nb\nb!\n"}


def test_a_part_that_is_included_can_be_replaced() -> None:
    """What a file of ours includes is taken from the highest layer that has it."""
    folder = base(text="{% include '_part.jinja' %}!\n")
    Path(folder, "_part.jinja").write_text("base")
    one = on_base("one", files={"_part.jinja": "one"})
    assert files_of(folder) == {"out.txt": "base!\n"}
    assert files_of(one) == {"out.txt": "one!\n"}


# ---------------------------------------------------------------- questions, rules, values


def test_a_question_is_added_where_the_overlay_says() -> None:
    """`after` puts it behind another one; without it, it comes last."""
    manifest = (
        f'{OVERLAY}[questions.partition]\ntype = "str"\nhelp = "Which?"\nafter = "data"\n'
        '[questions.hours]\ntype = "int"\nhelp = "How long?"\ndefault = 4\n'
    )
    shown = new("--help", "--template", str(template("lab", manifest))).stdout
    options = [word for word in shown.split() if word.startswith("--")]
    assert options.index("--partition") == options.index("--task") - 1
    assert options.index("--hours") > options.index("--no-fused")


def test_after_must_name_an_earlier_question() -> None:
    """With a hint."""
    question = '[questions.a]\ntype = "str"\nhelp = "h"\nafter = "dta"\n'
    message, _ = refused(template("lab", OVERLAY + question))
    assert "[questions.a] after: no earlier question 'dta'; did you mean 'data'?" in message


def test_a_default_of_ours_is_changed() -> None:
    """The question stays as it is in everything else."""
    own = template("lab", f'{OVERLAY}[questions.author]\ndefault = "The lab"\n')
    assert "The lab" in files_of(own)["LICENSE"]
    assert "me" in project(own, more=("--author", "me"))["LICENSE"]


def test_choices_of_ours_are_narrowed() -> None:
    """What is left out is refused."""
    own = template("lab", f'{OVERLAY}[questions.style]\nchoices = ["subclass", "functional"]\n')
    assert "keras.Model" in files_of(own)["src/demo/model.py"]
    message, _ = refused(own, code=2, more=("--style", "sequential"))
    assert message.startswith("--style: must be subclass or functional, not 'sequential'")


def test_a_rule_requires() -> None:
    """An answer is given where nothing else was, and said; another answer is refused."""
    rule = '[[rules]]\nwhen = "fused"\nrequires = {test_step = true}\nmessage = "we test"\n'
    own = template("lab", OVERLAY + rule)
    result = new("--template", str(own))
    assert "note: --fused needs --test-step: we test" in result.stderr
    assert "def test_step" in Path("demo", PLAIN).read_text()
    message, _ = refused(own, code=2, more=("--no-test-step",), path="other")
    assert message == "--no-test-step does not go with --fused: we test"


def test_a_rule_conflicts() -> None:
    """The message says why."""
    rule = '[[rules]]\nwhen = "fused"\nconflicts = {data = "digits"}\nmessage = "not here"\n'
    message, _ = refused(template("lab", OVERLAY + rule), code=2, more=("--data", "digits"))
    assert message == "--data digits does not go with --fused: not here"


def test_rules_of_all_layers_hold_together() -> None:
    """One layer's rule leads to another's."""
    base(manifest='[questions.a]\ntype = "bool"\nhelp = "h"\ndefault = false\n')
    question = '[questions.{0}]\ntype = "bool"\nhelp = "h"\ndefault = false\n'
    rule = '[[rules]]\nwhen = "{}"\nrequires = {{{} = true}}\nmessage = "{}"\n'
    one = on_base("one", question.format("b") + rule.format("a", "b", "first"))
    two = on_base("two", question.format("c") + rule.format("b", "c", "second"))
    result = new("--template", str(one), "--template", str(two), "--a")
    assert "note: --a needs --b: first\nnote: --b needs --c: second\n" in result.stderr
    message, _ = refused(one, two, code=2, more=("--a", "--no-c"), path="other")
    assert message == "--no-c does not go with --b: second"


def test_derived_values_are_overridden() -> None:
    """What follows from the answers is worked out anew, in its old place."""
    own = template("lab", f"{OVERLAY}[derived]\nlicense_note = \"license ~ ' to all'\"\n")
    note = "MIT, see [LICENSE](LICENSE)."
    assert files_of(own)["README.md"] == files_of()["README.md"].replace(note, "MIT to all")


def test_placeholders_of_an_overlay_stand_in_python_files() -> None:
    """They are identifiers of their own, filled in from an answer."""
    manifest = (
        f'{OVERLAY}[placeholders]\nLabBase = "lab_base"\n[derived]\nlab_base = "package ~ \'_x\'"\n'
    )
    own = template("lab", manifest, {"package/a.py.jinja": "LabBase = LabBased = 1\n"})
    assert files_of(own)["src/demo/a.py"] == "demo_x = LabBased = 1\n"


def test_messages_are_said_before_the_questions_and_after_the_writing() -> None:
    """They may have answers in them; control characters come out as text."""
    messages = '[messages]\nafter = """Read\n{{ name }}\\u001b[31m."""\n'
    result = new("--template", str(whole("own", f"{messages}{NAME}")))
    assert result.stdout.endswith("\nRead\nx\\x1b[31m.\n")


NAME = '[questions.name]\ntype = "str"\nhelp = "h"\ndefault = "x"\n'

# ---------------------------------------------------------------- stacks


def configured(*sources: Path | str) -> None:
    """Make sources those that are always used."""
    assert kscaffold("config", "templates", *map(str, sources)).exit_code == 0


def chosen_here(*sources: Path | str) -> None:
    """Make sources those of the working folder."""
    Path(".kscaffold.toml").write_text(f"[kscaffold]\ntemplates = {[*map(str, sources)]}\n")


def test_the_command_line_lies_on_the_folder_and_that_on_the_configuration() -> None:
    """The order is: the user's configuration, the working folder, --template as given."""
    base(manifest="[derived]\nstack = \"'0'\"\n", text="base{{ stack }}\n")
    for number in "1234":
        on_base(number, f'[derived]\nstack = "{number}"\n')
        Path(number, "out.txt.jinja").write_text(f"{number}{{% include 'base/out.txt.jinja' %}}")
    configured("./1")
    assert files_of()["out.txt"] == "1base1\n"
    chosen_here("./2")
    assert files_of()["out.txt"] == "21base2\n"
    assert files_of("3", "4")["out.txt"] == "4321base4\n"
    assert files_of("4", "3")["out.txt"] == "3421base3\n"


def test_the_same_overlay_twice_counts_once() -> None:
    """So a source that is configured may be named again, however it is spelled."""
    own = template("lab", f'{OVERLAY}[[files]]\ntemplate = "a"\ntarget = "a"\n', {"a": "a"})
    configured("./lab")
    once = files_of()
    assert files_of(own.absolute()) == once
    assert files_of("./lab", "lab/../lab") == once


def test_an_overlay_on_an_overlay_brings_what_it_extends() -> None:
    """The top alone is named; paths start from its own folder."""
    base(text="#: block a\nbase\n#: endblock\n")
    words = '#: extends "out.txt.jinja"\n#: block a\n{{ super() }}WORD\n#: endblock\n'
    on_base("deep/one", files={"out.txt.jinja": words.replace("WORD", "one")})
    Path("base").rename("deep/base")
    two = template(
        "two", 'extends = "../deep/one"\n', {"out.txt.jinja": words.replace("WORD", "two")}
    )
    assert files_of(two) == {"out.txt": "base\none\ntwo\n"}


@pytest.mark.parametrize("around", [{"one": "one"}, {"one": "two", "two": "one"}])
def test_an_overlay_on_itself_is_refused(around: dict[str, str]) -> None:
    """Directly, or around others."""
    for name, below in around.items():
        template(name, f'extends = "../{below}"\n')
    message, _ = refused("one")
    assert "kscaffold.toml: extends itself in the end" in message


def test_a_whole_template_drops_what_is_below() -> None:
    """It extends nothing, so nothing of a configured overlay is in it."""
    configured(template("lab", OVERLAY, {"project/LAB": "lab"}))
    assert files_of(whole("own")) == {"out.txt": "fine\n"}


def test_an_overlay_of_something_else_drops_what_is_below() -> None:
    """What it extends takes the place."""
    configured(template("lab", OVERLAY, {"project/LAB": "lab"}))
    base()
    assert files_of(on_base("one")) == {"out.txt": "base\n"}


def test_a_version_that_is_too_old_is_said() -> None:
    """With the command that mends it."""
    own = template("lab", f'{OVERLAY}[template]\nminimum_version = "99.1"\n')
    message, _ = refused(own)
    assert message.startswith(f"{own}/kscaffold.toml: needs kscaffold 99.1, this is ")
    assert message.endswith("pip install 'kscaffold>=99.1'")


def test_a_version_that_will_do() -> None:
    """The oldest that there was is no obstacle."""
    assert files_of(template("lab", f'{OVERLAY}[template]\nminimum_version = "0.0.1"\n')) == (
        files_of()
    )


@pytest.mark.parametrize(
    ("needed", "is_met"),
    [("0.0.9", True), ("0.1.0rc1", True), ("0.1.0.post1", False), ("1", False)],
)
def test_versions_are_compared_as_packages_are(needed: str, is_met: bool) -> None:
    """A release candidate comes before its release, and a post release after it."""
    assert __version__ == "0.1.0"
    own = template("lab", f'{OVERLAY}[template]\nminimum_version = "{needed}"\n')
    assert new("-n", "--template", str(own)).exit_code == (0 if is_met else 4)


def test_a_version_that_is_none_is_refused() -> None:
    """With an example."""
    message, _ = refused(template("lab", f'{OVERLAY}[template]\nminimum_version = "one"\n'))
    assert message == (
        "lab/kscaffold.toml: [template] minimum_version: must be a version, such as '0.1.0', not"
        " 'one'"
    )


def test_an_overlay_that_changes_nothing_changes_nothing() -> None:
    """All files are those of the built-in template, byte for byte."""
    project(template("lab", OVERLAY))
    Path("demo").rename("one")
    project()
    one, plain = contents(Path("one")), contents(Path("demo"))
    del one[".kscaffold/answers.toml"], plain[".kscaffold/answers.toml"]
    assert one == plain


def test_python_is_written_as_the_project_says() -> None:
    """With the settings of black in the project's pyproject.toml, wherever that is listed."""
    line = f"numbers = [{', '.join(['1_000'] * 12)}]\n"
    pyproject = "[tool.black]\nline-length = {{ length }}\n"
    listed = "".join(
        f'[[files]]\ntemplate = "{name}.jinja"\ntarget = "{name}"\n'
        for name in ("a.py", "pyproject.toml")
    )
    asked = '[questions.length]\ntype = "int"\nhelp = "Length."\ndefault = 100\n'
    texts = {"a.py.jinja": line, "pyproject.toml.jinja": pyproject}
    source = template("styled", f"{WHOLE}{asked}{listed}", texts)
    assert project(source)["a.py"] == line
    assert project(source, more=("-d", "length=60"), path="short")["a.py"] != line
    tested = kscaffold("template", "test", str(source), "--no-import")
    assert tested.exit_code == 0, tested.output


@pytest.mark.parametrize(
    "text", ["{% block" + " " * 200_000, "{% block a" * 50_000, "{% " + " " * 200_000]
)
def test_blocks_are_looked_for_in_little_time(text: str) -> None:
    """Also where a tag has no end: the time grows no faster than the text."""
    start = time.process_time()
    assert not list(_spans(text))
    assert time.process_time() - start < 2


def test_a_block_begins_and_ends_where_its_tags_are() -> None:
    """Several on a line, with hyphens, and below an open tag that is none."""
    text = "{% block a %}{%- endblock a -%}\n{%block  b%}\n{% endblock\n%}\n{% block {% if x %}\n"
    assert list(_spans(text)) == [("a", 0, 0), ("b", 1, 2)]
