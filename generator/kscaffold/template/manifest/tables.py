"""The tables of kscaffold.toml: the one description of what a manifest may say.

From these types and their docstrings come the reading of a manifest, its errors, its JSON schema
and the reference in docs/templates.md. In the docstrings, an *expression* is one of Jinja's, and a
*template* is text with `{{ expressions }}` in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta

from kscaffold.toml import Table

# The types of values; titles describe them in errors.
Value = str | bool | int | float | tuple[str, ...] | None
Kind = Literal["str", "int", "float", "bool", "choice", "multi-choice", "list", "path"]
Inspector = Literal[
    "csv_last_column",
    "csv_names",
    "csv_header_in_doubt",
    "csv_task",
    "csv_checked_task",
    "csv_columns",
    "csv_batch_size",
]
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
# No pattern: msgspec 0.22 crashes where a tuple or a text with a pattern is expected.
ChoiceFolder = Annotated[str, Meta(min_length=1, title='a folder, such as "data/*"')]
Words = Annotated[
    tuple[str, ...], Meta(min_length=1, title='the words of a command, such as ["git", "add", "."]')
]


class TemplateTable(Table, frozen=True):
    """The table [template].

    Attributes:
        name: what other templates and records call it
        description: what it is for, in one line
        minimum_version: the oldest kscaffold that it works with, such as "0.1.0"
    """

    name: TemplateName | None = None
    description: str | None = None
    minimum_version: str | None = None


class MessagesTable(Table, frozen=True):
    """The table [messages].

    Attributes:
        before: printed before the first question; sees `target_name` only
        after: printed when the project is written
    """

    before: str = ""
    after: str = ""


class TestingTable(Table, frozen=True):
    """The table [test].

    Attributes:
        train: the arguments to Python that train a project for a moment, each a template, in which
            `scratch` is a folder that is removed again
        needs: the modules that this needs
    """

    train: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


class InspectTable(Table, frozen=True):
    """What is found by looking at a table.

    Attributes:
        function: `csv_last_column`, `csv_names` or `csv_header_in_doubt`, by path and header;
            `csv_task`, by path, column and header; `csv_checked_task`, `csv_columns` or
            `csv_batch_size`, by path, header, target and all that is said of columns
        arguments: the questions whose answers are its arguments
    """

    function: Inspector
    arguments: tuple[str, ...] = ()


class QuestionTable(Table, frozen=True):
    """A table [questions.NAME].

    Attributes:
        type: `str`, `int`, `float`, `bool`, `choice`, `multi-choice`, `list` or `path`
        help: the question in one line: the prompt, and the help of its option
        default: the answer if none is given; text may be a template of earlier answers; a `choice`
            defaults to the first of its choices
        choices: the choices of a `choice` or a `multi-choice`; for a `choice` also `"data/*"`: each
            folder in `data/` is one, with a manifest, files and blocks that count if it is chosen
        when: an expression of earlier answers; if it is false, the question is not asked
        otherwise: the value if `when` is false; text may be a template
        after: the earlier question that it follows; by default it comes last
        pattern: a regular expression that the whole text of a `str` must match
        message: the error message if `pattern` does not match
        required: whether an empty text is refused
        max_length: the maximum length in characters
        validate: `module` requires the name of a Python module
        reserved: with `validate`, names to refuse, since the project needs them itself
        secret: whether a `str` is hidden while it is typed, and kept only in the files that use it
        must_exist: whether a `path` must be an existing file
        carried: for a `path`, answers that stand for a file that the template carries, each with
            the path of that file in the template
        inspect: computes the default from a file: its `function` is one of those of `[found]`, its
            `arguments` are questions
        prompt: whether it is asked on a terminal; or, as `inspect`, a look at a file that decides
        suggest: as `inspect`, finds words that complete an answer, a line each
    """

    type: Kind | None = None
    help: str | None = None
    default: Value = None
    choices: Choices | ChoiceFolder = ()
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
    prompt: bool | InspectTable = True
    suggest: InspectTable | None = None


class RuleTable(Table, frozen=True):
    """An entry of [[rules]].

    Attributes:
        when: an expression of the answers
        message: the reason, for the user
        requires: answers to set if `when` is true; any other answer is an error
        conflicts: answers that are an error if `when` is true
    """

    when: str
    message: str
    requires: Mapping[str, Value] = {}
    conflicts: Mapping[str, Value] = {}


class FileTable(Table, frozen=True):
    """An entry of [[files]].

    Attributes:
        template: its path in the template; a file that ends in `.jinja` is rendered, any other is
            copied
        target: its path in the project, a template
        answer: a question of the type `path`: the file that is named by its answer is copied, in
            place of the template's
        when: an expression; the file is written if it is true
        mode: `755` makes the file executable
        format: whether black formats it, if it is Python
    """

    template: str
    target: str
    answer: str | None = None
    when: str | None = None
    mode: Literal["644", "755"] = "644"
    format: bool = True


class AfterTable(Table, frozen=True):
    """An entry of [[after]].

    Attributes:
        run: the words of the command, each a template; no shell reads them
        when: an expression; the command is run if it is true
    """

    run: Words
    when: str | None = None


class ManifestTable(Table, frozen=True):
    """The manifest of a kscaffold template: what it asks, derives and writes.

    Attributes:
        extends: what this overlay is put on: `builtin`, an installed template, or a folder; without
            it the template is whole; of a folder that is a choice, another choice of that question,
            whose files and values are put below its own
        remove: files of the templates below that are not written, by their path in the template or
            by their target
        template: what the template is; a whole one must have a `name` and a `description`
        questions: the questions, in this order; an overlay may name just the keys that it changes
        found: values found by looking at a table: a name, and as `inspect` a `function` and its
            `arguments`
        derived: values computed from the answers: a name and an expression each, which sees all
            answers and the values before it
        rules: what answers require of each other
        files: the files to write
        folders: where the files of a folder go that no `[[files]]` names: a folder of the template,
            and one of the project, which may be a template
        placeholders: identifiers that stand for a question or a derived value in `*.py.jinja`, so
            that these are valid Python
        messages: what is printed; each is a template
        after: commands to run in the finished project; only for a trusted template
        test: how a project is tested
        answers: of a folder that is a choice, the answers to other questions that follow from it;
            these are not asked
    """

    extends: str | None = None
    remove: tuple[str, ...] = ()
    template: TemplateTable = TemplateTable()
    questions: Mapping[QuestionName, QuestionTable] = {}
    found: Mapping[str, InspectTable] = {}
    derived: Mapping[str, str] = {}
    rules: tuple[RuleTable, ...] = ()
    files: tuple[FileTable, ...] = ()
    folders: Mapping[str, str] = {}
    placeholders: Mapping[str, str] = {}
    messages: MessagesTable = MessagesTable()
    after: tuple[AfterTable, ...] = ()
    test: TestingTable = TestingTable()
    answers: Mapping[str, Value] = {}
