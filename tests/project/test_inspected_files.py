"""`inspect` reads the files that the user names and those that the template carries, no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.runner import contents
from tests.template.own_templates import OVERLAY, project, refused, template, whole

SECRET = "machine example.org login me password s3cret"
INSPECTED = (
    '[questions.last]\ntype = "str"\nhelp = "h"\n'
    'inspect = { function = "csv_last_column", arguments = ["file"] }\n'
)
OUT = "{{ last }}\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run each test in a folder of its own, beside a home with a secret in it."""
    home = tmp_path / "home"
    (tmp_path / "work").mkdir()
    home.mkdir()
    (home / ".netrc").write_text(SECRET)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path / "work")
    return home


def asking(default: str, more: str = "", kind: str = "path", last: str = INSPECTED) -> Path:
    """A template that finds an answer in a file that it asks for."""
    question = f'[questions.file]\ntype = "{kind}"\nhelp = "h"\ndefault = "{default}"\n{more}'
    return whole("own", f"{question}\n{last}", OUT)


@pytest.mark.parametrize(
    "default", ["~/.netrc", "{home}/.netrc", "{{{{ target_name }}}}/../../home/.netrc"]
)
def test_the_default_of_a_template_is_not_read(default: str, home: Path) -> None:
    """Whether it is a path or a template of one; nothing is written."""
    message, _ = refused(asking(default.format(home=home)), code=2)
    assert message.startswith("--file: a template reads no file that you do not name; give --file")
    assert "s3cret" not in message


def test_what_does_not_apply_is_not_read() -> None:
    """What a question is answered with where it is not asked is the template's own, too."""
    refused(asking("x", 'when = "false"\notherwise = "~/.netrc"\n'), code=2)


def test_what_a_rule_requires_is_not_read(home: Path) -> None:
    """A rule of the template gives no path that the user gave."""
    rule = f'[[rules]]\nwhen = "true"\nmessage = "m"\nrequires = {{ file = "{home}/.netrc" }}\n'
    own = asking("carried.csv", 'carried = { "carried.csv" = "table.csv" }\n', last=INSPECTED)
    (own / "table.csv").write_text("a,b\n1,2\n")
    assert project(own)["out.txt"] == "b\n"
    with (own / "kscaffold.toml").open("a") as manifest:
        manifest.write(rule)
    refused(own, code=2, path="other")


def test_a_text_is_no_path(home: Path) -> None:
    """The first argument is a question of the type `path`, which a prompt always shows."""
    message, _ = refused(asking(f"{home}/.netrc", "secret = true\n", kind="str"))
    assert message.endswith("its first argument must be a question of the type 'path'")


def test_a_carried_file_lies_in_the_template(home: Path) -> None:
    """Neither a path that leads out of it, nor a link, is followed."""
    (home / "table.csv").write_text(SECRET)
    for path in ("../../home/.netrc", "link.csv"):
        own = asking("x", f'carried = {{ x = "{path}" }}\n')
        if path == "link.csv":
            (own / path).symlink_to(home / "table.csv")
        message, _ = refused(own)
        assert message.startswith(f"own/{path}: is outside the template's folder")


def test_what_the_user_names_is_read() -> None:
    """By an option, by -d and by a data file of the user's."""
    own = asking("~/.netrc")
    Path("mine.csv").write_text("a,b\n1,2\n")
    Path("answers.toml").write_text('file = "mine.csv"\n')
    for number, more in enumerate(
        [("--file", "mine.csv"), ("-d", "file=mine.csv"), ("--data-file", "answers.toml")]
    ):
        assert project(own, more=more, path=f"demo{number}")["out.txt"] == "b\n"


def test_with_the_answer_given_nothing_has_to_be_found() -> None:
    """The template can still be used, and the file is not looked at."""
    assert project(asking("~/.netrc"), more=("--last", "c"))["out.txt"] == "c\n"


def test_an_overlay_cannot_change_the_table_that_the_built_in_template_reads() -> None:
    """A default of another path is refused before the file is opened."""
    own = template("own", OVERLAY + '[questions.data_path]\ndefault = "~/.netrc"\n')
    message, _ = refused(own, code=2, more=("--data", "csv"))
    assert message.startswith("--data-path: a template reads no file")
    assert "data/wine.csv" not in contents(Path())


@pytest.mark.parametrize(
    ("inspection", "message"),
    [
        ('function = "csv_lst_column", arguments = ["file"]', "must be csv_last_column"),
        ('function = "csv_task", arguments = ["file"]', "csv_task takes 2 arguments"),
        ('function = "csv_last_column", arguments = ["later"]', "no question 'later'"),
        ('function = "csv_last_column", arguments = ["target_name"]', "no question 'target_name'"),
        ('function = "csv_last_column"', "must be a question of the type 'path'"),
    ],
)
def test_an_inspection_that_cannot_be_is_the_templates_fault(inspection: str, message: str) -> None:
    """One line with the place, and exit code 4."""
    last = f'[questions.last]\ntype = "str"\nhelp = "h"\ninspect = {{ {inspection} }}\n'
    error, _ = refused(asking("x", last=last), more=("--file", "x"))
    assert error.startswith("own/kscaffold.toml: [questions.last")
    assert message in error
