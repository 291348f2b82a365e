"""Names that a package cannot have, since something that its project needs has them."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from kscaffold.project.package_names import TAKEN, refusal
from kscaffold.template.sources import load_template
from tests.cli.runner import error_of, kscaffold
from tests.generated.golden_trees import TREES, tree
from tests.project.taken_names import closure, modules, required

FILE = json.loads(TAKEN.read_text(encoding="ascii"))


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *((name, "standard library") for name in ("test", "json", "idlelib", "compression")),
        *((name, "imports or uses (") for name in ("scipy", "h5py", "absl", "rich", "pandas")),
        *((name, "imports or uses (") for name in ("platformdirs", "packaging", "hatchling")),
        *((name, "where it is installed") for name in ("torch", "tensorflow", "tree", "bs4")),
        *((name, "that the project imports or uses") for name in ("behaviour", "conftest", "src")),
        *((name, "that the project imports or uses") for name in ("tests", "test_data")),
        *((name, "a device on Windows") for name in ("con", "aux", "nul", "com1", "lpt9")),
        ("sklearn", "(scikit-learn)"),
        *((name, "name of a distribution") for name in ("python_dateutil", "scikit__learn")),
        ("typing_extensions", "(typing-extensions)"),
        *((name, "a tool that installs projects") for name in ("pip", "wheel")),
        *((name, "when it starts") for name in ("sitecustomize", "usercustomize")),
        ("kscaffold", "the program that made the project"),
        ("my_", "not end with _"),
        ("match", "keyword"),
    ],
)
def test_a_name_that_is_taken_is_refused(name: str, reason: str) -> None:
    """With the reason, as an option; where it would be the default, it is not taken silently."""
    message = error_of(kscaffold("new", "demo", "--package", name), 2)
    if "__" not in name and not name.endswith("_"):
        assert error_of(kscaffold("new", name), 2) == message
    assert message.startswith(f"--package: {name!r} ")
    assert reason in message
    assert list(Path().iterdir()) == []


def test_a_project_is_none_of_its_own_dependencies() -> None:
    """A project of that name gets another package, and so another distribution."""
    message = error_of(kscaffold("new", "scikit-learn"), 2)
    assert "package: 'scikit_learn' is" in message
    assert kscaffold("new", "scikit-learn", "--package", "learning", "-n").exit_code == 0


@pytest.mark.parametrize("name", ["my_model", "tests2", "kerass", "test_project", "wine", "model"])
def test_other_names_are_taken_as_they_are(name: str) -> None:
    """What only looks like such a name is none."""
    assert refusal(name) is None
    assert kscaffold("new", name, "-n").exit_code == 0


def test_the_list_has_what_is_installed() -> None:
    """Nothing that a project needs is missing in it: else `make names` is due."""
    found = closure(required())
    assert set(found) <= set(FILE["distributions"])
    assert modules(found).keys() <= FILE["modules"].keys()
    assert required() <= set(FILE["distributions"])


def test_the_list_has_nothing_that_is_no_module() -> None:
    """Of what is installed, every module of the list can be found, and none is Python's own."""
    found = closure(required())
    for name, owner in FILE["modules"].items():
        if found.get(owner) and owner != "mypy":
            assert find_spec(name), name
    assert not sys.stdlib_module_names & {*FILE["modules"], *FILE["imports"]}
    assert not FILE["imports"].keys() & FILE["modules"].keys()


def test_the_modules_of_the_tests_are_reserved() -> None:
    """They are imported by their names alone."""
    stems = {
        Path(file.path).stem
        for answers in TREES.values()
        for file in tree(answers)
        if file.path.startswith("tests/") and file.path.endswith(".py")
    }
    reserved = set(load_template().manifest.questions["package"].reserved)
    assert reserved == {stem for stem in stems if not stem.startswith("__")} | {"src", "tests"}
