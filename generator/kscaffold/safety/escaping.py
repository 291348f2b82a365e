"""Quote and escape text, so that it reads back as the same text whatever is in it."""

from __future__ import annotations

import re
import unicodedata

from kscaffold.errors import AnswerError

_SHORT = {'"': '\\"', "\\": "\\\\"}
_BIDI = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
_UNSAFE = {"Cc": "a control character", "Cs": "half of a surrogate pair"}
# What CommonMark could take for markup: anywhere, and only at the start of a line.
_MARKUP = re.compile(r"[\\`*_\[\]<>#&~|!$]")
_MARKUP_AT_START = re.compile(r"^(\d*)([-+=.)])")


def quote(value: object) -> str:
    r"""Return a literal that reads back as the value in Python, TOML, JSON and YAML alike.

    Text is put in double quotes. Unprintable characters of the Basic Multilingual Plane are written
    as \uXXXX, all others as themselves: the only forms that the four languages share. Numbers, and
    lists of texts and numbers, work too; a bool does not, since its spelling differs.

    Raises:
        TypeError: the value is of another type.
        ValueError: the text has half of a surrogate pair, which no file can hold.
    """
    if isinstance(value, str):
        return '"' + "".join(map(_quoted_character, value)) + '"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(quote, value)) + "]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(value)
    raise TypeError(f"cannot quote {type(value).__name__}: {value!r}")


def _quoted_character(character: str) -> str:
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        raise ValueError(f"half of a surrogate pair: \\u{code:04x}")
    if character in _SHORT:
        return _SHORT[character]
    # Controls, bidi marks, line separators and noncharacters may end a line, hide, or be refused.
    if code <= 0xFFFF and not character.isprintable():
        return f"\\u{code:04x}"
    return character


def markdown(value: str) -> str:
    """Return Markdown that shows one line of text literally."""
    return _MARKUP_AT_START.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", value))


def module_name(value: str) -> str:
    """Return a module name for a project name ("my_model" for "My model"); raises `AnswerError`."""
    plain = unicodedata.normalize("NFKD", value).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
    if not re.search("[a-z]", name):
        raise AnswerError(f"no module name can be made of {value!r}", hint="give one")
    return name if name[0].isalpha() else f"project_{name}"


def unsafe_character(text: str) -> str | None:
    r"""Return what is not plain text in a line, such as "a control character, \x07", or None."""
    for character in text:
        kind = _UNSAFE.get(unicodedata.category(character))
        if unicodedata.bidirectional(character) in _BIDI:
            kind = "a character that changes the writing direction"
        if character in "\u2028\u2029":
            kind = "a line separator"
        if ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF:
            kind = "a noncharacter"
        if kind:
            return f"{kind}, {ascii(character)[1:-1]}"
    return None
