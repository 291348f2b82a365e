"""Choices that are folders: each brings questions, values, files and blocks of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.runner import kscaffold
from tests.projects import ROOT
from tests.template.own_templates import new, project, refused, template

BASE = """\
[template]
name = "lab"
description = "A lab."

[folders]
project = ""

[questions.data]
type = "choice"
help = "What to train on."
choices = "data/*"
default = "two"

[questions.style]
type = "choice"
help = "How to build the network."
choices = "styles/*"

[questions.last]
type = "str"
help = "The end."
default = "end"

[derived]
shout = "word ~ '!'"
"""
OUT = """\
{{ shout }} {{ last }}
#: block data
any data
#: endblock
#: block style
any style
#: endblock
"""
TWO = """\
[template]
description = "The second."

[derived]
word = "'two'"

"""
FILES = {
    "project/out.txt.jinja": OUT,
    "data/one/kscaffold.toml": """\
[template]
description = "The first."

[questions.route]
type = "str"
help = "Where to go."
default = "far"

[questions.column]
type = "str"
help = "What to learn."
default = "y"
when = "route != 'none'"

[derived]
word = "'one ' ~ route"

[[rules]]
when = "column == 'x'"
conflicts = { last = "end" }
message = "x does not end"
""",
    "data/one/project/more.txt": "more\n",
    "data/one/project/out.txt.jinja": """\
#: extends "project/out.txt.jinja"
#: block data
data of {{ column }}
#: endblock
""",
    "data/two/kscaffold.toml": TWO,
    "styles/big/kscaffold.toml": '[template]\ndescription = "A big one."\n',
    "styles/big/project/out.txt.jinja": """\
#: extends "project/out.txt.jinja"
#: block style
big style
#: endblock
""",
}


@pytest.fixture(autouse=True)
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder with the template "lab"."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    template("lab", BASE, FILES)


def made(*more: str, sources: tuple[str, ...] = ("./lab",)) -> dict[str, str]:
    """Return the files of a project of the lab, without its record."""
    files = project(*sources, more=more)
    Path("demo").rename(f"demo-{len(list(Path().iterdir()))}")
    return {name: text for name, text in files.items() if not name.startswith(".kscaffold/")}


def test_a_choice_brings_files_blocks_and_values() -> None:
    """Those of the chosen folders count, and no others; the base sees their values."""
    assert made() == {"out.txt": "two! end\nany data\nbig style\n"}
    files = {"out.txt": "one far! end\ndata of y\nbig style\n", "more.txt": "more\n"}
    assert made("--data", "one") == files


def test_questions_of_a_choice_are_asked_with_it() -> None:
    """They are options; with another choice they are refused, with the reason."""
    assert made("--data", "one", "--column", "z")["out.txt"].splitlines()[1] == "data of z"
    message, _ = refused("./lab", code=2, more=("--column", "z"))
    assert "--column" in message
    assert "data == 'one'" in message
    # What a question says of itself holds too.
    given = ("--data", "one", "--route", "none", "--column", "z")
    message, _ = refused("./lab", code=2, more=given)
    assert "route != 'none'" in message


def test_a_choice_answers_other_questions() -> None:
    """They are not asked then, and another answer is refused, with the reason."""
    text = TWO + '\n[answers]\nlast = "settled"\n'
    template("lab", BASE, {**FILES, "data/two/kscaffold.toml": text})
    assert made()["out.txt"].startswith("two! settled\n")
    assert made("--last", "settled")["out.txt"].startswith("two! settled\n")
    assert made("--data", "one")["out.txt"].startswith("one far! end\n")
    message, _ = refused("./lab", code=2, more=("--last", "other"))
    assert message == "--last: is settled with --data two"


def test_rules_of_a_choice_hold_with_it() -> None:
    """A rule of a folder that is not chosen says nothing."""
    message, _ = refused("./lab", code=2, more=("--data", "one", "--column", "x"))
    assert "x does not end" in message
    assert made("--data", "one", "--column", "x", "--last", "none")


def test_questions_of_a_choice_come_after_its_own() -> None:
    """The record has the answers in the order in which they are asked."""
    project("./lab", more=("--data", "one"))
    record = Path("demo/.kscaffold/answers.toml").read_text()
    names = [line.partition(" =")[0] for line in record.partition("[answers]\n")[2].splitlines()]
    assert names == ["data", "route", "column", "style", "last"]
    again = kscaffold("new", "again", "--data-file", "demo/.kscaffold/answers.toml", "--no-git")
    assert again.exit_code == 0, again.output
    assert Path("again/out.txt").read_text() == Path("demo/out.txt").read_text()


def test_help_groups_the_questions_of_a_choice() -> None:
    """Each group says with which answer it is asked."""
    shown = kscaffold("new", "--template", "./lab", "--help").stdout
    head, _, group = shown.partition("With --data one:\n")
    assert "--style" in head
    assert "--route" not in head
    assert "--route" in group
    assert "--column" in group


def test_an_overlay_adds_a_choice() -> None:
    """A folder is enough: it is a value of the option, shown, linted and tested."""
    template(
        "mine",
        'extends = "../lab"\n',
        {
            "data/three/kscaffold.toml": '[template]\ndescription = "Mine."\n\n'
            "[derived]\nword = \"'three'\"\n",
            "data/three/project/out.txt.jinja": '#: extends "project/out.txt.jinja"\n'
            "#: block data\nmy data\n#: endblock\n",
        },
    )
    files = made("--data", "three", sources=("./mine",))
    assert files == {"out.txt": "three! end\nmy data\nbig style\n"}
    assert "[one|three|two]" in kscaffold("new", "--template", "./mine", "--help").stdout
    shown = kscaffold("template", "show", "./mine").stdout
    assert "./mine/data/three/project/out.txt.jinja" in shown
    linted = kscaffold("template", "lint", "./mine")
    assert linted.exit_code == 0, linted.output
    tested = kscaffold("template", "test", "./mine", "--cover", "each")
    assert tested.exit_code == 0, tested.output


def test_an_overlay_changes_a_choice() -> None:
    """A folder of the same name lies on top of the one below."""
    files = {
        "data/two/kscaffold.toml": '[template]\ndescription = "Two, and more."\n',
        "data/two/project/extra.txt": "extra\n",
    }
    template("mine", 'extends = "../lab"\n', files)
    assert made(sources=("./mine",))["extra.txt"] == "extra\n"
    assert "extra.txt" not in made("--data", "one", sources=("./mine",))


MORE = """\
extends = "one"

[template]
description = "More than one."

[derived]
word = "'more ' ~ route"
"""


def test_a_choice_extends_another_one() -> None:
    """It has the files, questions and rules of that one, and changes what it says itself."""
    block = '#: extends "project/out.txt.jinja"\n#: block data\n{{ super() }}more\n#: endblock\n'
    more = {"data/more/kscaffold.toml": MORE, "data/more/project/out.txt.jinja": block}
    template("lab", BASE, {**FILES, **more})
    files = made("--data", "more", "--route", "near")
    assert files == {
        "out.txt": "more near! end\ndata of y\nmore\nbig style\n",
        "more.txt": "more\n",
    }
    assert made("--data", "one")["out.txt"] == "one far! end\ndata of y\nbig style\n"
    message, _ = refused("./lab", code=2, more=("--data", "more", "--column", "x"))
    assert message.startswith("--last end does not go with column == 'x': x does not end")
    assert kscaffold("template", "lint", "./lab").exit_code == 0


def test_a_choice_of_an_overlay_extends_one_below() -> None:
    """An overlay's choice may be a variant of one that the template below has."""
    template("mine", 'extends = "../lab"\n', {"data/more/kscaffold.toml": MORE})
    files = made("--data", "more", sources=("./mine",))
    assert files["out.txt"].startswith("more far! end\ndata of y")


def test_the_last_word_on_a_settled_question_is_that_of_what_extends() -> None:
    """A choice that extends another one may settle the same question in another way."""
    ones = FILES["data/one/kscaffold.toml"] + '\n[answers]\nlast = "one"\n'
    more = MORE + '\n[answers]\nlast = "more"\n'
    files = {"data/one/kscaffold.toml": ones, "data/more/kscaffold.toml": more}
    template("lab", BASE, {**FILES, **files})
    assert made("--data", "one")["out.txt"].startswith("one far! one\n")
    assert made("--data", "more")["out.txt"].startswith("more far! more\n")


def test_a_folder_may_be_there_for_others_to_extend() -> None:
    """One whose name begins with an underscore is offered nowhere, but what it brings counts."""
    Path("lab").rename("old")
    one = FILES["data/one/kscaffold.toml"] + '\n[answers]\nlast = "settled"\n'
    files = {name.replace("/one/", "/_one/"): text for name, text in FILES.items()}
    files["data/_one/kscaffold.toml"] = one
    files["data/more/kscaffold.toml"] = MORE.replace('"one"', '"_one"')
    template("lab", BASE, files)
    assert "[more|two]" in kscaffold("new", "--template", "./lab", "--help").stdout
    assert made("--data", "more")["out.txt"].startswith("more far! settled\ndata of y\n")
    message, _ = refused("./lab", code=2, more=("--data", "_one"))
    assert "more or two" in message
    message, _ = refused("./lab", code=2, more=("--data", "more", "--last", "other"))
    assert message == "--last: is settled with --data more"
    message, _ = refused("./lab", code=2, more=("--route", "x"))
    assert message == "--route: is only asked when data == 'more'"
    assert kscaffold("template", "lint", "./lab").exit_code == 0
    assert "data/_one/project/out.txt.jinja" in kscaffold("template", "show", "./lab").stdout


def test_choices_do_not_extend_each_other_in_a_circle() -> None:
    """The error names the folder and what it extends."""
    one = f'extends = "two"\n{FILES["data/one/kscaffold.toml"]}'
    template(
        "lab",
        BASE,
        {
            **FILES,
            "data/one/kscaffold.toml": one,
            "data/two/kscaffold.toml": f'extends = "one"\n{TWO}',
        },
    )
    message, _ = refused("./lab")
    assert "kscaffold.toml: extends " in message
    assert "which is no other choice of 'data'" in message


def test_two_choices_do_not_override_one_block() -> None:
    """The error names both files."""
    block = '#: extends "project/out.txt.jinja"\n#: block data\nother\n#: endblock\n'
    template("lab", BASE, {**FILES, "styles/big/project/out.txt.jinja": block})
    message, _ = refused("./lab", more=("--data", "one"))
    assert "lab/data/one/project/out.txt.jinja" in message
    assert "lab/styles/big/project/out.txt.jinja" in message
    assert "the block 'data'" in message


def test_a_question_is_asked_in_one_place() -> None:
    """A choice does not ask what the base or another choice asks; the error names both."""
    asks = TWO + '[questions.route]\ntype = "str"\nhelp = "Where?"\n'
    template("lab", BASE, {**FILES, "data/two/kscaffold.toml": asks})
    message, _ = refused("./lab")
    assert "lab/data/two/kscaffold.toml: [questions.route]" in message
    assert "lab/data/one/kscaffold.toml" in message


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("lab/data/one/kscaffold.toml", "[derived]\n", "needs a description"),
        ("lab/data/one/kscaffold.toml", f'extends = "twe"\n{TWO}', "did you mean 'two'?"),
        ("lab/data/one/kscaffold.toml", f'extends = "one"\n{TWO}', "which is no other choice"),
        ("lab/data/one/kscaffold.toml", "[nonsense]\n", "unknown key"),
        ("lab/data/two/kscaffold.toml", f"{TWO}[answers]\nlat = 'end'\n", "no question 'lat'"),
        ("lab/kscaffold.toml", f"{BASE}[answers]\nlast = 'end'\n", "belongs to a folder"),
        (
            "lab/data/two/kscaffold.toml",
            f"{TWO}[test]\nneeds = ['os']\n",
            "belongs to the template",
        ),
        ("lab/data/two/kscaffold.toml", f"{TWO}[messages]\nbefore = 'x'\n", "belongs to the templ"),
        (
            "lab/data/two/kscaffold.toml",
            f"{TWO}[answers]\nlast = 3\n",
            "must be a string for the type 'str'",
        ),
        ("lab/data/two/kscaffold.toml", f"{TWO}[answers]\nstyle = 'bg'\n", "did you mean 'big'?"),
        (
            "lab/styles/big/kscaffold.toml",
            f"{TWO}[answers]\ndata = 'three'\n",
            "[answers] data: is asked before --style",
        ),
        ("lab/kscaffold.toml", BASE.replace("styles/*", "sty/*"), "has no folder"),
        ("lab/kscaffold.toml", BASE.replace("styles/*", "../*"), "has no folder"),
    ],
)
def test_broken_choices_are_named(name: str, text: str, reason: str) -> None:
    """The error names the file and what is wrong."""
    Path(name).write_text(text)
    message, _ = refused("./lab")
    assert name in message
    assert reason in message


def test_an_overlay_keeps_some_of_the_choices() -> None:
    """It names them in a list; a name that is no folder is a mistake."""
    text = 'extends = "../lab"\n[questions.data]\nchoices = ["one"{}]\n'
    template("over", text.format(', "twoo"'))
    message, _ = refused("./over")
    reason = "[questions.data] choices: no choice 'twoo'; did you mean 'two'?"
    assert message == f"./over/kscaffold.toml: {reason}"
    template("over", text.format(""))
    assert "one far!" in made(sources=("./over",))["out.txt"]


@pytest.mark.parametrize("text", ["questions = 3\n", "[questions]\ndata = 3\n"])
def test_questions_that_are_no_tables_are_named(text: str) -> None:
    """Folders are looked for before a manifest is checked, which is no reason to crash."""
    Path("lab/kscaffold.toml").write_text(f"{text}[template]\nname = 'lab'\ndescription = 'A.'\n")
    message, _ = refused("./lab")
    assert message.startswith("./lab/kscaffold.toml: ")
    assert "must be a table" in message


def test_a_choice_has_a_plain_name() -> None:
    """The name of its folder is an answer, which expressions compare with."""
    Path("lab/data/two").rename("lab/data/o'two")
    message, _ = refused("./lab")
    assert 'the folder "o\'two" cannot be a choice' in message


def test_a_choice_lies_in_its_template() -> None:
    """A link that leads out of the template is refused, so that nothing else is read."""
    Path("lab/data/two").rename("elsewhere")
    Path("lab/data/two").symlink_to(Path("elsewhere").absolute())
    message, _ = refused("./lab")
    assert message == "./lab/data/two/kscaffold.toml: is outside the template's folder"


def test_the_option_of_a_choice_is_spelled_as_it_is_typed() -> None:
    """With hyphens, in the help and where a settled question is refused."""
    text = BASE.replace("[questions.style]", "[questions.net_style]")
    settles = FILES["styles/big/kscaffold.toml"] + '[answers]\nlast = "big"\n'
    template("lab", text, {**FILES, "styles/big/kscaffold.toml": settles})
    message, _ = refused("./lab", code=2, more=("--last", "other"))
    assert message == "--last: is big with --net-style big"


def test_lint_looks_into_each_choice() -> None:
    """A mistake in a folder that is not the default is found, and nothing is idle by mistake."""
    assert kscaffold("template", "lint", "./lab").exit_code == 0
    more = FILES["data/one/project/out.txt.jinja"].replace("column", "colum")
    template("lab", BASE, {**FILES, "data/one/project/out.txt.jinja": more})
    found = kscaffold("template", "lint", "./lab")
    assert found.exit_code == 4
    assert "lab/data/one/project/out.txt.jinja:3: undefined-name" in found.output


def test_all_of_a_template_is_ejected() -> None:
    """With the folders that are choices, so that it works like the first."""
    done = kscaffold("template", "eject", "--template", "./lab", "--into", "copy")
    assert done.exit_code == 0, done.output
    assert made("--data", "one", sources=("./copy",)) == made("--data", "one")


def test_new_is_exact_about_the_choice() -> None:
    """What is no folder is refused, with those that there are."""
    result = new("--template", "./lab", "--data", "three")
    assert result.exit_code == 2
    assert "one or two" in result.stderr


def test_an_overlay_restricts_the_choices() -> None:
    """A list above folders says which of them there are; a file of another one may be removed."""
    files = (
        'extends = "../lab"\nremove = ["project/more.txt"]\n[questions.data]\nchoices = ["two"]\n'
    )
    template("mine", files)
    assert made(sources=("./mine",)) == made()
    message, _ = refused("./mine", code=2, more=("--data", "one"))
    assert "must be two" in message
    template("mine", files.replace("two", "one") + 'default = "one"\n')
    assert "more.txt" not in made(sources=("./mine",))


def test_a_data_set_is_added_to_the_built_in_template_by_a_folder() -> None:
    """One manifest in a folder: the project loads the data set, and is built for its task."""
    source = str(ROOT / "examples/templates/iris")
    new("-q", "--template", source, "--data", "iris")
    data = Path("demo/src/demo/data.py").read_text()
    assert "from sklearn.datasets import load_iris\n" in data
    assert "dataset = load_iris()" in data
    assert '"softmax"' in Path("demo/src/demo/model.py").read_text()
    assert "scikit-learn" in Path("demo/pyproject.toml").read_text()


LAB = {
    "data/wine/kscaffold.toml": """\
[template]
description = "178 wines of three growers, from scikit-learn."

[answers]
task = "classification"

[placeholders]
dataset_loader = "dataset_loader"

[derived]
packages = "['scikit-learn>=1.4']"
dataset_loader = "'load_wine'"
dataset = "'load_wine()'"
""",
    "algorithms/noisy/kscaffold.toml": """\
extends = "supervised"

[template]
description = "Learns from gradients with noise."

[questions.noise]
type = "float"
help = "Standard deviation of the noise."
default = 0.01

[answers]
fused = false
""",
    "algorithms/noisy/package/trainer.py.jinja": """\
#: extends "package/trainer.py.jinja"


class CustomModel({{ base_class }}):
    #: block loss
    def compute_loss(self, *args: Any, **kwargs: Any) -> jax.Array:
        \"\"\"Return the loss with noise, from a seed that Keras keeps.\"\"\"
        noise = keras.random.normal((), stddev={{ noise }}, seed=1)
        return super().compute_loss(*args, **kwargs) + noise

    #: endblock
""",
}


@pytest.fixture
def added() -> str:
    """Return an overlay that adds a data set and an algorithm by a folder each."""
    template("added", 'extends = "builtin"\n', LAB)
    return "./added"


@pytest.mark.slow
def test_a_data_set_and_an_algorithm_are_added_by_two_folders(added: str) -> None:
    """They are choices wherever choices are shown; a question of theirs is an option."""
    text = kscaffold("new", "--template", added, "--help").stdout
    assert "|noisy|" in "".join(text.split())
    assert "csv|diabetes|digits|wine]" in "".join(text.split())
    assert "--noise" in text.partition("With --algorithm noisy:\n")[2]
    assert (
        "algorithms/noisy/package/trainer.py.jinja" in kscaffold("template", "show", added).stdout
    )
    assert kscaffold("template", "lint", added).exit_code == 0
    new("-q", "--template", added, "--data", "wine", "--algorithm", "noisy", "--noise", "0.5")
    assert "stddev=0.5" in Path("demo/src/demo/trainer.py").read_text()
    assert "load_wine" in Path("demo/src/demo/data.py").read_text()
    assert not Path("demo/src/demo/fused").exists()


@pytest.mark.slow
def test_what_two_folders_add_is_trained(added: str) -> None:
    """`template test` tries both together, and trains."""
    given = ("data=wine", "algorithm=noisy", "style=functional", "license=MIT", "sample_weight=yes")
    answers = [word for answer in given for word in ("-d", answer)]
    command = ("template", "test", added, *answers, "--cover", "each", "--trust", "--train")
    tested = kscaffold(*command)
    assert tested.exit_code == 0, tested.output
