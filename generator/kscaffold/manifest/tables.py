"""The tables of kscaffold.toml: the one description of what a manifest may say.

From these types and their docstrings come the reading of a manifest, its errors, its JSON schema
and the reference in docs/templates.md. In the docstrings, an *expression* is one of Jinja's, and a
*template* is text with `{{ expressions }}` in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from kscaffold.toml import Table

Value = str | bool | int | float | tuple[str, ...] | None
Kind = Literal["str", "int", "float", "bool", "choice", "multi-choice", "path"]
Inspector = Literal["csv_last_column", "csv_task", "csv_numbers_task"]
# A regular expression's $ also matches before a line feed at the end.
TemplateName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$(?!\n)",
        title="letters, digits, dots, hyphens and underscores",
    ),
]
QuestionName = Annotated[
    str,
    Meta(pattern=r"^[a-z][a-z0-9_]*$(?!\n)", title="lower-case letters, digits and underscores"),
]
Choices = Annotated[tuple[str, ...], Meta(min_length=1, title="a list of at least one string")]
Words = Annotated[
    tuple[str, ...],
    Meta(min_length=1, title='the words of a command, such as ["git", "add", "."]'),
]


class TemplateTable(Table, frozen=True):
    """What the template is; a whole one must have a name and a description.

    Attributes:
        name: what other templates and records call it
        description: what it is for, in one line
        minimum_version: the oldest kscaffold that it works with, such as "0.1.0"
    """

    name: TemplateName | None = None
    description: str | None = None
    minimum_version: str | None = None


class MessagesTable(Table, frozen=True):
    """What is printed; templates.

    Attributes:
        before: before the first question; sees `target_name` only
        after: when the project is written
    """

    before: str = ""
    after: str = ""


class TestingTable(Table, frozen=True):
    """How a project is tried.

    Attributes:
        train: the arguments to Python that train a project for a moment, each a template, in which
            `scratch` is a folder that is removed again
        needs: the modules that this takes
    """

    train: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


class InspectTable(Table, frozen=True):
    """A default that is found by looking at a file.

    Attributes:
        function: what looks at the file; `csv_numbers_task` is `csv_task` that refuses a table with
            other features than numbers
        arguments: the questions whose answers it is given
    """

    function: Inspector
    arguments: tuple[str, ...] = ()


class QuestionTable(Table, frozen=True):
    """A question; an overlay may name just the keys that it changes.

    Attributes:
        type: `str`, `int`, `float`, `bool`, `choice`, `multi-choice` or `path`
        help: the question, in one line: the prompt, and the help of its option
        default: what is taken if nothing is given; text may be a template of earlier answers; of a
            choice by default the first
        choices: what a `choice` or a `multi-choice` chooses from
        when: an expression of earlier answers; where it does not hold, nothing is asked
        otherwise: the value where `when` does not hold; text may be a template
        after: the earlier question that it follows; by default it comes last
        pattern: a regular expression that the whole text of a `str` must match
        message: what is said of an answer that `pattern` refuses
        required: whether an empty text is refused
        max_length: the most characters that are taken
        validate: `module`: the answer must be the name of a Python module
        reserved: with `validate`, names that the project needs itself
        secret: whether the answer of a `str` is hidden while it is typed, and kept nowhere but in
            the files that use it
        must_exist: whether the file of a `path` has to be there
        carried: of a `path`: answers that stand for a file that the project carries, and that
            file's path in the template
        inspect: a default that is found by looking at a file: the `function`, `csv_last_column`,
            `csv_task` or `csv_numbers_task`, and its `arguments`, which are questions
    """

    type: Kind | None = None
    help: str | None = None
    default: Value = None
    choices: Choices = ()
    when: str | None = None
    otherwise: Value = None
    after: str | None = None
    pattern: str | None = None
    message: str | None = None
    required: bool = False
    max_length: Annotated[int, Meta(ge=1, title="a positive integer")] = 10_000
    validate: Literal["module"] | None = None
    reserved: tuple[str, ...] = ()
    secret: bool = False
    must_exist: bool = False
    carried: Mapping[str, str] = {}
    inspect: InspectTable | None = None


class RuleTable(Table, frozen=True):
    """What one answer asks of others.

    Attributes:
        when: an expression of the answers
        message: why, for the user
        requires: answers that are given where `when` holds and nothing else was, and refused where
            something else was
        conflicts: answers that are refused where `when` holds
    """

    when: str
    message: str
    requires: Mapping[str, Value] = {}
    conflicts: Mapping[str, Value] = {}


class FileTable(Table, frozen=True):
    """A file to write.

    Attributes:
        template: its path in the template; it is rendered if that ends in `.jinja`, else copied
        target: where it goes in the project, a template
        when: an expression; the file is written where it holds
        mode: `755` makes it executable
        format: whether black formats it, if it is Python
    """

    template: str
    target: str
    when: str | None = None
    mode: Literal["644", "755"] = "644"
    format: bool = True


class AfterTable(Table, frozen=True):
    """A command to run in the finished project; only for a trusted template.

    Attributes:
        run: the words of the command, each a template; no shell reads them
        when: an expression; the command is run where it holds
    """

    run: Words
    when: str | None = None


class ManifestTable(Table, frozen=True):
    """The manifest of a kscaffold template: what it asks, derives and writes.

    Attributes:
        extends: what this overlay is put on: `builtin`, an installed template, or a folder; without
            it the template is whole
        remove: files of the templates below that are not written, by their path in the template or
            by their target
        template: what the template is
        questions: what is asked, in this order
        derived: values that follow from the answers: names and expressions, each of all answers and
            of the values before it
        rules: what answers ask of each other
        files: files to write
        folders: where the files of a folder go that no `[[files]]` names: a folder of the template,
            and one of the project, which may be a template
        placeholders: identifiers that stand for a value in `*.py.jinja`, so that these stay valid
            Python, and the question or derived value
        messages: what is printed
        after: commands to run in the finished project; only for a trusted template
        test: how a project is tried
    """

    extends: str | None = None
    remove: tuple[str, ...] = ()
    template: TemplateTable = TemplateTable()
    questions: Mapping[QuestionName, QuestionTable] = {}
    derived: Mapping[str, str] = {}
    rules: tuple[RuleTable, ...] = ()
    files: tuple[FileTable, ...] = ()
    folders: Mapping[str, str] = {}
    placeholders: Mapping[str, str] = {}
    messages: MessagesTable = MessagesTable()
    after: tuple[AfterTable, ...] = ()
    test: TestingTable = TestingTable()


class AnyTemplateTable(TemplateTable, frozen=True, forbid_unknown_fields=False):
    """The table [template], whatever else it holds."""


class Head(Struct, frozen=True):
    """What must be known of a manifest before it is put on top of others."""

    extends: str | None = None
    template: AnyTemplateTable = AnyTemplateTable()
