"""The error of a table that cannot be used."""

from __future__ import annotations

from kscaffold.errors import AnswerError


class TableError(AnswerError):
    """A table that cannot be used.

    Attributes:
        about: what is to blame: "path", or the option that names a column, such as "target".
    """

    def __init__(self, reason: str, *, about: str = "path", hint: str = "") -> None:
        super().__init__(reason, hint=hint)
        self.about = about
