"""`kscaffold template list | show | eject`: what there is, and how to begin with one's own."""

from __future__ import annotations

import ast
import functools
import json
import shutil
from pathlib import Path

import pytest

from kscaffold.cli.template import SUBCOMMANDS
from kscaffold.template.blocks import blocks_of
from kscaffold.template.sources import load_template
from tests.cli.runner import contents, error_of, kscaffold
from tests.projects import ROOT, some

BUILT_IN = load_template()
BLOCKS = [
    f"{part.folder}/{path}:{block.name}".removeprefix("/")
    for part in BUILT_IN.parts
    for path in (part.layer.files() if part.question else BUILT_IN.layers[0].files())
    if path.endswith(".jinja")
    for block in blocks_of(part.layer, path)
]
CHOICES = {part.folder.partition("/")[0] for part in BUILT_IN.parts if part.question}
EXAMPLES = ROOT / "examples" / "templates"


def folder_of(block: str) -> str:
    """Return the folder of the choice that has a block, or the first in its path."""
    folders = block.split("/")[:-1]
    return "/".join(folders[:2] if folders[0] in CHOICES else folders[:1])


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def project(*arguments: str) -> dict[str, bytes]:
    """The files of a new project, without the record of where they come from."""
    shutil.rmtree("demo", ignore_errors=True)
    result = kscaffold("new", "demo", "--defaults", "--no-git", "-q", *arguments)
    assert result.exit_code == 0, result.output
    files = contents(Path("demo"))
    return {path: text for path, text in files.items() if not path.startswith(".kscaffold/")}


@functools.cache
def unchanged(*arguments: str) -> dict[str, bytes]:
    """The files of a new project from the built-in template."""
    return project(*arguments, "--template", "builtin")


def test_help_names_each_command() -> None:
    """`kscaffold template --help` lists the commands; each has a help of its own."""
    listed = kscaffold("template", "--help").stdout
    for name, (_, text) in SUBCOMMANDS.items():
        assert name in listed
        assert text[:40] in listed
        assert kscaffold("template", name, "--help").exit_code == 0


def test_an_unknown_command_is_refused() -> None:
    """The nearest one is named."""
    message = error_of(kscaffold("template", "schem"), 2)
    assert message.startswith("no command 'schem'; did you mean 'schema'?")


def test_list_has_the_built_in_and_the_configured_ones() -> None:
    """Each with where it is set and what it is; a broken one says why."""
    kscaffold("config", "templates", str(EXAMPLES / "slurm"))
    Path("broken").mkdir()
    Path("broken/kscaffold.toml").write_text("[")
    Path(".kscaffold.toml").write_text('[kscaffold]\ntemplates = ["./broken"]\n')
    try:
        rows = json.loads(kscaffold("template", "list", "--format", "json").stdout)
        lines = kscaffold("template", "list").stdout.splitlines()
    finally:
        kscaffold("config", "templates", "--unset")
    assert [(row["source"], row["place"]) for row in rows] == [
        ("builtin", "built in"),
        (str(EXAMPLES / "slurm"), "configured"),
        (str(Path("broken").resolve()), "this folder"),
    ]
    assert rows[0]["is"] == BUILT_IN.manifest.template.description
    assert rows[1]["is"].startswith("overlay on builtin: ")
    assert "kscaffold.toml: " in rows[2]["is"]
    assert len(lines) == 3


def test_show_has_questions_files_and_blocks_with_their_places() -> None:
    """Each place is a file, and a line where one can be told, that holds what is named."""
    source = str(EXAMPLES / "focal-loss")
    shown = json.loads(kscaffold("template", "show", source, "--format", "json").stdout)
    assert [layer["name"] for layer in shown["layers"]] == ["builtin", "focal-loss"]
    questions = {question["name"]: question for question in shown["questions"]}
    assert list(questions) == list(load_template(EXAMPLES / "focal-loss").manifest.questions)
    assert questions["gamma"]["place"].startswith(f"{source}/algorithms/focal/kscaffold.toml:")
    assert questions["style"]["place"].startswith("builtin/kscaffold.toml:")
    assert {"focal", "supervised"} <= {*questions["algorithm"]["values"].split("|")}
    for row in (*shown["questions"], *shown["blocks"]):
        path, _, line = row["place"].rpartition(":")
        path = path.replace("builtin", str(ROOT / "templates"), 1)
        found = Path(path).read_text(encoding="utf-8").splitlines()[int(line) - 1]
        assert str(row.get("block", row.get("name"))) in found
    places = [row["place"] for row in shown["files"]]
    assert f"{source}/algorithms/focal/package/trainer.py.jinja" in places
    assert "builtin/package/data.py.jinja" in places
    places = [row["place"] for row in shown["blocks"] if row["block"] == "loss"]
    assert f"{source}/algorithms/focal/package/trainer.py.jinja:5" in places
    text = kscaffold("template", "show", source).stdout
    assert "with classifiers that learn by the focal loss.\n" in text
    assert all(question["help"] in text for question in shown["questions"])
    assert all(row["place"] in text for part in ("questions", "blocks") for row in shown[part])


def ejected(block: str, into: str) -> Path:
    """Eject a block; return its file.

    A block inside one that was ejected before goes into an overlay of its own.
    """
    result = kscaffold("template", "eject", block, "--into", into)
    if result.exit_code == 3 and "already" in result.output:
        return ejected(block, f"{into}-again")
    assert result.exit_code == 0, result.output
    path = Path(result.stdout.split()[-1])
    # A block that the algorithm or the task overrides is ejected from there.
    assert path.as_posix().endswith(block.partition(":")[0])
    return path


def check_text(path: Path, name: str) -> None:
    """Check a file with one block, which is Python if the template's file is."""
    text = path.read_text(encoding="utf-8")
    # An entry of a dict is Python, but not a file of it.
    if path.name.endswith(".py.jinja") and name not in ("commands", "launch"):
        ast.parse(text)
    assert text.startswith('#: extends "')
    assert f"#: block {name}\n" in text


def answers_for(path: Path) -> tuple[str, ...]:
    """Return the answers with which a file of an overlay counts."""
    given = {
        "csv": ["--data", "csv"],
        "classification": ["--data", "breast-cancer"],
        "_manual": ["--manual-metrics"],
        "_both": ["--manual-metrics", "--data", "breast-cancer"],
        "images": ["--data", "digits"],
        "digits": ["--data", "digits"],
        "sequential": ["--style", "sequential"],
        "subclass": ["--style", "subclass"],
        "model-parallel": ["--distribution", "model-parallel"],
        "slurm": ["--distribution", "data-parallel", "--cluster", "slurm"],
        "kubernetes": ["--distribution", "data-parallel", "--cluster", "kubernetes"],
    }
    return tuple(word for part, words in given.items() if part in str(path) for word in words)


@pytest.mark.parametrize("block", some(BLOCKS[::24], 3, pytest.mark.slow))
def test_an_ejected_block_is_valid_python_and_changes_nothing(block: str) -> None:
    """The overlay works at once: the project is the same until the block is changed."""
    path = ejected(block, "mine")
    check_text(path, block.partition(":")[2])
    answers = answers_for(path)
    assert project(*answers, "--template", "./mine") == unchanged(*answers)


@pytest.mark.slow
@pytest.mark.parametrize("folder", some(dict.fromkeys(map(folder_of, BLOCKS)), 3))
def test_all_blocks_can_be_ejected(folder: str) -> None:
    """Each alone is valid, and together they change nothing."""
    found = set()
    for number, block in enumerate(BLOCKS):
        if folder_of(block) == folder:
            check_text(ejected(block, f"alone-{number}"), block.partition(":")[2])
            path = ejected(block, "mine")
            found.add((answers_for(path), path.parts[0]))
    for answers, overlay in found:
        assert project(*answers, "--template", f"./{overlay}") == unchanged(*answers)


def test_a_changed_block_shows() -> None:
    """What is written into an ejected block comes out in the project."""
    kscaffold("template", "eject", "package/trainer.py.jinja:loss", "--into", "mine")
    path = Path("mine/algorithms/supervised/package/trainer.py.jinja")
    block = "#: block loss\n    LOSS = {{ name | quote }}\n"
    path.write_text(path.read_text().replace("#: block loss\n", block))
    trainer = project("--template", "./mine")["src/demo/trainer.py"].decode()
    assert '    LOSS = "demo"\n' in trainer
    assert "def train_step" in trainer


def test_blocks_are_ejected_one_after_the_other() -> None:
    """A second block goes into the file of the first; the same one again is refused."""
    for block in ("update", "metrics", "package/trainer.py.jinja:imports"):
        eject = kscaffold("template", "eject", block, "--into", "mine")
        if block == "metrics":
            named = "algorithms/supervised/package/trainer.py.jinja:metrics"
            assert f"give one of {named}, " in error_of(eject, 2)
            block = named
            eject = kscaffold("template", "eject", block, "--into", "mine")
        assert eject.exit_code == 0
    path = Path("mine/algorithms/supervised/package/trainer.py.jinja")
    text = path.read_text()
    ast.parse(text)
    assert text.count("class CustomModel") == 1
    assert project("--template", "./mine") == project("--template", "builtin")
    again = kscaffold("template", "eject", "update", "--into", "mine")
    assert "has the block 'update' already" in error_of(again, 3)
    assert path.read_text() == text


@pytest.mark.parametrize("what", ["package/data.py.jinja:data", "package/data.py.jinja"])
def test_what_an_overlay_hides_is_told(what: str) -> None:
    """It lies above the choices of the built-in template, some of which override the same."""
    result = kscaffold("template", "eject", what, "--into", "mine")
    assert result.exit_code == 0
    kind = "block" if ":" in what else "file"
    note = f"note: data/csv/package/data.py.jinja overrides the same {kind} for another choice; "
    assert f"{note}your overlay takes precedence over it" in result.stderr
    other = kscaffold("template", "eject", "package/data.py.jinja:split", "--into", "other")
    assert "tasks/" not in other.stderr


@pytest.mark.parametrize(
    "choice",
    some(
        ["algorithm:vae", "algorithm:sam", "data:digits", "data:csv", "style:subclass"],
        3,
        pytest.mark.slow,
    ),
)
def test_a_choice_is_ejected_as_one_of_ones_own(choice: str) -> None:
    """It is offered beside the other, and its project is the same until it is changed."""
    question, _, answer = choice.partition(":")
    result = kscaffold("template", "eject", choice, "--into", "mine")
    option = (f"--{question}", f"my-{answer}")
    assert result.stderr.endswith(f"--template ./mine {' '.join(option)}\n")
    assert f"my-{answer}" in kscaffold("new", "--help", "--template", "./mine").stdout
    assert project(*option, "--template", "./mine") == unchanged(f"--{question}", answer)
    again = kscaffold("template", "eject", choice, "--into", "mine")
    assert f"my-{answer}: is there already" in error_of(again, 3)


def test_an_ejected_choice_keeps_its_rules() -> None:
    """They name the copy."""
    kscaffold("template", "eject", "algorithm:distillation", "--into", "mine")
    options = ("--template", "./mine", "--algorithm", "my-distillation", "--data", "diabetes")
    refused = kscaffold("new", "demo", "--defaults", "--no-git", *options)
    message = error_of(refused, 2)
    assert "--algorithm my-distillation does not go with task == 'regression'" in message


def test_an_ejected_choice_asks_no_question_twice() -> None:
    """One with questions, or with files in several layers, is extended."""
    kscaffold("template", "eject", "data:csv", "--into", "mine")
    manifest = Path("mine/data/my-csv/kscaffold.toml").read_text()
    assert manifest.startswith('extends = "csv"\n\n[template]\ndescription = "')
    assert len([*Path("mine/data/my-csv").rglob("*")]) == 1
    kscaffold("template", "eject", "package/trainer.py.jinja:loss", "--into", "other")
    source = ("--template", "./other")
    kscaffold("template", "eject", "algorithm:supervised", "--into", "mine", *source)
    manifest = Path("mine/algorithms/my-supervised/kscaffold.toml").read_text()
    assert manifest.startswith('extends = "supervised"\n')


def test_a_file_is_ejected_whole() -> None:
    """The overlay has the file as it is; a second time it is refused."""
    result = kscaffold("template", "eject", "package/callbacks.py.jinja", "--into", "mine")
    assert result.stdout.split() == ["mine/kscaffold.toml", "mine/package/callbacks.py.jinja"]
    assert contents(Path("mine")) == {
        "kscaffold.toml": b'extends = "builtin"\n',
        "package/callbacks.py.jinja": (ROOT / "templates/package/callbacks.py.jinja").read_bytes(),
    }
    assert project("--template", "./mine") == project("--template", "builtin")
    again = kscaffold("template", "eject", "package/callbacks.py.jinja", "--into", "mine")
    assert "is there already" in error_of(again, 3)


def test_everything_is_ejected_as_a_whole_template() -> None:
    """Without FILE or BLOCK: a template of one's own, which extends nothing."""
    assert kscaffold("template", "eject", "--into", "mine").exit_code == 0
    assert "extends" not in Path("mine/kscaffold.toml").read_text().partition("[questions")[0]
    assert load_template(Path("mine")).manifest.template.name == "mine"
    assert project("--template", "./mine") == project("--template", "builtin")
    assert "is not empty" in error_of(kscaffold("template", "eject", "--into", "mine"), 3)


def test_an_overlay_is_ejected_from() -> None:
    """What is ejected may be a part of another overlay, which it then extends."""
    source = str(EXAMPLES / "focal-loss")
    block = "package/trainer.py.jinja:loss"
    kscaffold("template", "eject", block, "--into", "mine", "--template", source)
    assert "focal loss" in Path("mine/algorithms/focal/package/trainer.py.jinja").read_text()
    assert project("--template", "./mine") == project("--template", source)
    everything = kscaffold("template", "eject", "--into", "all", "--template", source)
    assert "is an overlay" in error_of(everything, 2)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("los", "no file or block 'los'; did you mean 'loss'?"),
        ("package/trainr.py.jinja", "did you mean 'package/trainer.py.jinja'?"),
        ("package/trainer.py.jinja:los", "did you mean 'package/trainer.py.jinja:loss'?"),
        ("algorithm:vea", "did you mean 'algorithm:vae'?"),
        ("algorithm:_parts", "no file or block 'algorithm:_parts'"),
        ("nothing-like-it", "`kscaffold template show` lists them"),
    ],
)
def test_what_is_not_there_is_refused(what: str, message: str) -> None:
    """The nearest name is told, and nothing is written."""
    assert message in error_of(kscaffold("template", "eject", what, "--into", "mine"), 2)
    assert not Path("mine").exists()


def test_a_place_that_cannot_be_written_is_told() -> None:
    """A file where the overlay's folder should be: exit 3."""
    Path("mine").write_text("")
    message = error_of(kscaffold("template", "eject", "update", "--into", "mine"), 3)
    assert message.startswith("mine")
