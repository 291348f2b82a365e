"""The types of values in a kscaffold.toml; titles describe them in errors."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

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
