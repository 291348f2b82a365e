"""The files of a project, in memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rendered:
    """A file of a project: where it goes, and the file of the template."""

    path: str
    template: str
    text: str | None  # None: the bytes of the template's file are copied
    executable: bool
    pristine: str | None = None  # the text without secrets; None: there are none in it
    is_formatted: bool = False  # by black, which refuses invalid Python
    answer: str | None = None  # the question whose file is copied in place of the template's


@dataclass(frozen=True)
class TreeFile:
    r"""One file of a project: where it goes and what is in it."""

    path: str  # relative to the project's root, with forward slashes
    content: str | bytes  # text is written as UTF-8 with "\n" line ends, bytes as they are
    executable: bool = False
    secret: bool = False  # whether a secret is in it, so that it should not be committed

    @property
    def data(self) -> bytes:
        """The bytes to write; raises `UnicodeEncodeError` for what no file can hold."""
        return self.content.encode() if isinstance(self.content, str) else self.content

    @property
    def text(self) -> str:
        """The content as text; see `is_text`."""
        content = self.content
        return content if isinstance(content, str) else content.decode(errors="replace")


Tree = tuple[TreeFile, ...]


def is_text(data: bytes) -> bool:
    """Return whether bytes are text in UTF-8 that a person could read."""
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False
