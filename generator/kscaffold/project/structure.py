"""Compare the structure of two texts in Python, TOML, JSON or YAML, as lists of leaves.

YAML is not parsed. Its lines are split into quoted texts, comments, words, and all other characters
one by one, since each of these might be structure.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
import tomllib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<double>"(?:[^"\\]|\\.)*")|(?P<single>'(?:[^']|'')*')|(?P<comment>(?:(?<=\s)|^)\#.*)"""
    r"""|(?P<words>[\w/](?:[\w./+@-]|'(?=\w))*(?:[ ][\w/](?:[\w./+@-]|'(?=\w))*)*)"""
    r"""|(?P<space>\s+)|(?P<other>.)"""
)
# Plain words that are not text in YAML.
_NO_TEXT = re.compile(r"null|true|false|yes|no|on|off|y|n|\d[\da-fox._+-]*", re.IGNORECASE)


class Leaf(NamedTuple):
    """A part of the structure: its kind, and its text if that may vary."""

    kind: str
    text: str = ""


def leaves(text: str, suffix: str) -> tuple[Leaf, ...] | None:
    """Return the leaves of a file with this suffix, in order; None: it cannot be parsed."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return tuple(READERS[suffix](text))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def mean_the_same(
    text: str, other: str, suffix: str, answers: Mapping[str, str], *, is_lenient: bool = True
) -> bool:
    """Return whether two versions of a file have the same structure and differ only in answers.

    `other` has stand-ins for the answers. If `is_lenient`, the template may have changed an answer,
    as `upper` does.
    """
    one, two = leaves(text, suffix), leaves(other, suffix)
    if one is None and two is None:
        # Neither can be parsed. Invalid Python is refused later; of other files, compare the lines.
        if suffix in (".py", ".pyi"):
            return True
        one, two = tuple(lines_of_yaml(text)), tuple(lines_of_yaml(other))
    if one is None or two is None or [each.kind for each in one] != [each.kind for each in two]:
        return False
    source = text if is_lenient else None
    pairs = zip(one, two, strict=True)
    return all(_says(first.text, second.text, source, answers) for first, second in pairs)


def _says(said: str, other: str, source: str | None, answers: Mapping[str, str]) -> bool:
    r"""Return whether a text has the answers where the other one has their stand-ins.

    An answer that is in the source as it was typed may be misread, such as "\n" in quotes. One that
    is not was changed by the template, which is allowed.
    """
    expected = other
    for each, answer in answers.items():
        expected = expected.replace(each, answer)
    typed = [answer for each, answer in answers.items() if each in other]
    changed = source is not None and not any(answer in source for answer in typed)
    return said == expected or changed


def lines_of_yaml(text: str) -> Iterator[Leaf]:
    """Yield the tokens of each line."""
    for line in text.split("\n"):
        yield Leaf(f"line {len(line) - len(line.lstrip())}")
        for token in _TOKEN.finditer(line.strip()):
            yield _yaml_leaf(str(token.lastgroup), token[0])


def _yaml_leaf(kind: str, text: str) -> Leaf:
    if kind == "double":
        try:
            return Leaf("text", json.loads(text))
        except ValueError:
            return Leaf("text", text)
    if kind == "single":
        return Leaf("text", text[1:-1].replace("''", "'"))
    if kind == "words":
        return Leaf("no text" if _NO_TEXT.fullmatch(text) else "words", text)
    return Leaf(text if kind == "other" else kind)


def _python(text: str) -> Iterator[Leaf]:
    # As bytes, so that an encoding comment has its effect.
    data = text.encode()
    yield Leaf(tokenize.detect_encoding(io.BytesIO(data).readline)[0])
    yield from _parts(ast.parse(data))


def _parts(value: object) -> Iterator[Leaf]:
    """Yield the leaves of what was parsed."""
    if isinstance(value, (str, bytes)):
        text = value if isinstance(value, str) else value.decode("latin-1")
        yield Leaf(type(value).__name__, text)
    elif isinstance(value, ast.Constant):
        yield from _parts(value.value)
    elif isinstance(value, ast.AST):
        yield Leaf(type(value).__name__)
        for _, each in ast.iter_fields(value):
            if isinstance(each, (str, int)):
                # The number of parts of a dotted name is structure, too.
                yield Leaf(re.sub(r"\w+", "name", f"{each}"), f"{each}")
            else:
                yield from _parts(each)
    elif isinstance(value, (list, tuple, dict)):
        yield Leaf(f"{type(value).__name__} of {len(value)}")
        for each in value.items() if isinstance(value, dict) else value:
            yield from _parts(each)
    else:
        yield Leaf(type(value).__name__)


READERS: dict[str, Callable[[str], Iterable[Leaf]]] = {
    **dict.fromkeys((".py", ".pyi"), _python),
    ".toml": lambda text: _parts(tomllib.loads(text)),
    # Objects as pairs, since keys may be repeated.
    **dict.fromkeys(
        (".json", ".ipynb"), lambda text: _parts(json.loads(text, object_pairs_hook=tuple))
    ),
    **dict.fromkeys((".yml", ".yaml", ".cff"), lines_of_yaml),
}
