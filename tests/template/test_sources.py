"""Where templates come from, and how a project finds its own again."""

from __future__ import annotations

import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from kscaffold.template.sources import load_template
from tests.template.own_templates import OVERLAY, WHOLE, new, project, refused, template, whole


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own."""
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.chdir(room)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that offers the template "lab", and that must never be imported."""
    site = tmp_path / "site"
    folder = whole(site / "lab_package" / "files", text="from the package\n")
    for init in (folder / "__init__.py", folder.parent / "__init__.py"):
        init.write_text("raise SystemExit('imported')")
    about = site / "lab_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-package\nVersion: 1.0\n")
    points = "[kscaffold.templates]\nlab = lab_package.files\nempty = lab_package\nno = not_there\n"
    (about / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(site))
    return folder


def recorded(path: str = "demo") -> dict[str, str]:
    """What a project records of its template's one layer."""
    values = tomllib.loads(Path(path, ".kscaffold/answers.toml").read_text(encoding="utf-8"))
    [layer] = values["kscaffold"]["layers"]
    return {str(key): str(value) for key, value in layer.items()}


def again(path: str = "demo", into: str = "again") -> str:
    """Make the project anew from its record; returns its out.txt."""
    return project(more=("--data-file", f"{path}/.kscaffold/answers.toml"), path=into)["out.txt"]


# ---------------------------------------------------------------- folders


@pytest.mark.parametrize("source", ["own", "./own", "own/", "../room/own"])
def test_a_folder(source: str) -> None:
    """However it is spelled."""
    whole("own")
    assert project(source)["out.txt"] == "fine\n"


def test_a_folder_below_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tilde that no shell has replaced is the home folder."""
    monkeypatch.setenv("HOME", str(Path("home").absolute()))
    whole("home/own")
    assert project("~/own")["out.txt"] == "fine\n"


def test_a_source_that_is_not_there_is_named() -> None:
    """With what a source can be."""
    message, _ = refused("nowhere", code=2)
    assert message == (
        "there is no template 'nowhere'; give a folder, a zip, a git URL or an installed template"
    )


def test_a_folder_that_is_no_template_is_named() -> None:
    """It has no manifest."""
    Path("empty").mkdir()
    assert refused("empty")[0].startswith("empty: no readable kscaffold.toml")


# ---------------------------------------------------------------- installed packages


@pytest.mark.usefixtures("package")
def test_an_installed_template_is_used_and_not_imported() -> None:
    """A template is data: to use it runs no code of its package."""
    assert project("lab")["out.txt"] == "from the package\n"
    assert not {"lab_package", "lab_package.files"} & set(sys.modules)
    assert (recorded()["kind"], recorded()["source"]) == ("installed", "lab")


@pytest.mark.usefixtures("package")
def test_an_overlay_extends_an_installed_template() -> None:
    """By its name."""
    own = template("own", 'extends = "lab"\n', {"out.txt.jinja": "mine\n"})
    assert project(own)["out.txt"] == "mine\n"


@pytest.mark.usefixtures("package")
def test_a_misspelled_installed_template_gets_a_hint() -> None:
    """The nearest name is given."""
    assert refused("labb", code=2)[0] == "there is no template 'labb'; did you mean 'lab'?"


@pytest.mark.usefixtures("package")
def test_a_name_that_is_a_folder_too_must_be_told_apart() -> None:
    """A folder that happens to be here must not take an installed template's place."""
    whole("lab")
    message, _ = refused("lab", code=2)
    assert message == (
        "template 'lab' is both a folder and an installed template; for the folder, write ./lab"
    )
    assert project("./lab")["out.txt"] == "fine\n"


@pytest.mark.usefixtures("package")
def test_a_folder_without_manifest_does_no_harm() -> None:
    """A folder of an installed template's name that is no template is not meant."""
    Path("lab").mkdir()
    assert project("lab")["out.txt"] == "from the package\n"


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("name", ["empty", "no"])
def test_a_package_without_a_template_is_named(name: str) -> None:
    """The entry point promises what the package has not."""
    message, _ = refused(name)
    assert message.startswith(f"the installed template '{name}': no kscaffold.toml in the package")


# ---------------------------------------------------------------- the record


def test_a_project_records_where_its_template_is() -> None:
    """The folder, absolute and as seen from the project, and a digest of what was in it."""
    own = whole("own")
    project(own)
    found = recorded()
    assert found.pop("digest") == load_template(own).origins[0].digest
    assert found == {
        "name": "whole",
        "kind": "folder",
        "source": own.resolve().as_posix(),
        "relative": "../own",
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda: Path("own/out.txt.jinja").write_text("other\n"),
        lambda: Path("own/out.txt.jinja").rename("own/out2.txt.jinja"),
        lambda: Path("own/more").write_text(""),
        lambda: Path("own/kscaffold.toml").write_text(f"{WHOLE}\n"),
    ],
)
def test_the_digest_tells_of_each_change(change: object) -> None:
    """Of a text, a name, a file more, and the manifest."""
    own = whole("own")
    before = load_template(own).origins[0].digest
    assert callable(change)
    change()
    assert load_template(own).origins[0].digest != before


def test_the_digest_tells_of_templates_only() -> None:
    """What git, Python and file managers leave in the folder is none of it."""
    own = whole("own")
    before = load_template(own).origins[0].digest
    template(own, (own / "kscaffold.toml").read_text(), {".git/HEAD": "", "__pycache__/a.pyc": ""})
    assert load_template(own).origins[0].digest == before


def test_the_digest_is_the_same_elsewhere() -> None:
    """It does not depend on where the folder is."""
    own = whole("own")
    shutil.copytree(own, "copy")
    assert load_template(own).origins[0].digest == load_template(Path("copy")).origins[0].digest


def test_the_record_builds_the_project_again() -> None:
    """From the recorded layers and answers, in another folder."""
    question = '[questions.word]\ntype = "str"\nhelp = "h"\ndefault = "no"\n'
    own = whole("own", question, "{{ word }}\n")
    project(own, more=("--word", "yes"))
    assert again() == "yes\n"


def test_the_record_of_several_layers_builds_the_project_again() -> None:
    """In their order, whatever is configured now."""
    one = template("one", OVERLAY, {"project/A.jinja": "one\n"})
    two = template("two", OVERLAY, {"project/A.jinja": '{% include "project/A.jinja" %}two\n'})
    first = project(one, two)
    Path(".kscaffold.toml").write_text('[kscaffold]\ntemplates = ["./one"]\n')
    second = project(
        more=("--data-file", "demo/.kscaffold/answers.toml", "--name", "demo"), path="again"
    )
    assert second.pop("A") == "one\ntwo\n"
    del first["A"]
    assert set(first) == {path.replace("src/again/", "src/demo/") for path in second}


def test_a_template_on_the_command_line_goes_before_the_record() -> None:
    """The record then gives answers only."""
    project(whole("own"))
    other = whole("other", text="other\n")
    more = ("--data-file", "demo/.kscaffold/answers.toml")
    assert project(other, more=more, path="again")["out.txt"] == "other\n"


def test_project_and_template_may_move_together() -> None:
    """The template is found as seen from the project."""
    Path("a").mkdir()
    project(whole("a/own"), path="a/demo")
    Path("a").rename("b")
    whole("a/own", text="another one\n")  # where it was, there is something else now
    assert again("b/demo") == "fine\n"


def test_the_project_may_move_alone() -> None:
    """The template is found where it was."""
    project(whole("own"))
    Path("far/away").mkdir(parents=True)
    Path("demo").rename("far/away/demo")
    assert again("far/away/demo") == "fine\n"


def test_a_template_that_has_changed_since_then_is_noticed() -> None:
    """The project is made from what it is now."""
    own = whole("own").resolve()
    project("own")
    more = ("--data-file", "demo/.kscaffold/answers.toml")
    assert new(*more, path="same").stderr == ""
    whole("own", text="another one\n")
    result = new(*more, path="other")
    assert result.stderr == f"note: the template {own} has changed since then\n"
    assert Path("other/out.txt").read_text() == "another one\n"


def test_a_recorded_template_that_is_gone_is_named() -> None:
    """By the path where it was."""
    own = whole("own").resolve()
    project("own")
    shutil.rmtree("own")
    more = ("--data-file", "demo/.kscaffold/answers.toml")
    message, _ = refused(code=2, more=more, path="again")
    assert message.startswith(f"there is no template '{own}'")


def test_a_project_of_the_built_in_template_records_no_layers() -> None:
    """The version of kscaffold tells all."""
    assert "layers" not in project()[".kscaffold/answers.toml"]


def test_the_summary_names_the_templates() -> None:
    """The command that makes the same project again has them."""
    own = whole("own").resolve()
    assert f"--template {own}" in new("--template", "own").stdout


# ---------------------------------------------------------------- sources that nothing can be


@pytest.mark.parametrize("source", ["~nosuchuser/x", "a" * 5_000, f"./{'a/' * 2_500}b"])
def test_a_source_that_cannot_be_is_named(source: str) -> None:
    """As an option, as what a template extends, in a record and in a configuration."""
    assert "template" in refused(source, code=2)[0]
    template("over", f'extends = "{source}"\n')
    message, _ = refused("over")
    assert message.startswith("over/kscaffold.toml: extends: ")
    layer = f'source = "{source}"\nkind = "folder"\n'
    Path("record").mkdir()
    Path("record/answers.toml").write_text(f"[kscaffold]\n[[kscaffold.layers]]\n{layer}")
    assert source[:50] in refused(code=2, more=("--data-file", "record/answers.toml"))[0]
    Path(".kscaffold.toml").write_text(f'[kscaffold]\ntemplates = ["{source}"]\n')
    assert "template" in refused(code=2)[0]


def test_a_version_of_too_many_digits_is_none() -> None:
    """The key is named."""
    version = f'[template]\nminimum_version = "{"9" * 5_000}"\n'
    own = template("own", version + 'name = "own"\ndescription = "d"\n')
    assert refused(own)[0].startswith(
        "own/kscaffold.toml: [template] minimum_version: must be a version, such as '0.1.0', not "
    )


def test_a_record_in_the_topmost_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """No project is around it, which is no mistake."""
    monkeypatch.setattr("kscaffold.template.sources.recorded_layers", lambda _: [])
    message, _ = refused(code=2, more=("--data-file", "/no-such-file.toml"))
    assert message.startswith("--data-file: /no-such-file.toml: No such file")
