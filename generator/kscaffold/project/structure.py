"""What Python, TOML, JSON and YAML mean, as a list of leaves: to tell whether two texts differ.

YAML has no parser here. Its lines are taken apart instead: into quoted texts, comments, words, and
all other characters one by one, each of which might be structure.
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
# Plain words that YAML takes for something else than text.
_NO_TEXT = re.compile(r"null|true|false|yes|no|on|off|y|n|\d[\da-fox._+-]*", re.IGNORECASE)


class Leaf(NamedTuple):
    """A part of what a text means: of which kind it is, and what it says if that is free."""

    kind: str
    text: str = ""


def leaves(text: str, suffix: str) -> tuple[Leaf, ...] | None:
    """Return the leaves of a file with such a suffix, in order; None: it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tuple(READERS[suffix](text))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def mean_the_same(
    text: str, other: str, suffix: str, answers: Mapping[str, str], *, is_lenient: bool = True
) -> bool:
    """Return whether two texts mean the same but for the answers.

    Args:
        text: what a file is with the answers.
        other: what it is with other texts in their place.
        suffix: that of the file.
        answers: the answer for each of those texts.
        is_lenient: whether the template may have changed an answer, as `upper` does.
    """
    one, two = leaves(text, suffix), leaves(other, suffix)
    if one is None and two is None:
        # Neither is what its name says. Python is refused later; of others, lines can be compared.
        if suffix in (".py", ".pyi"):
            return True
        one, two = tuple(lines_of_yaml(text)), tuple(lines_of_yaml(other))
    if one is None or two is None or [each.kind for each in one] != [each.kind for each in two]:
        return False
    source = text if is_lenient else None
    pairs = zip(one, two, strict=True)
    return all(_says(first.text, second.text, source, answers) for first, second in pairs)


def _says(said: str, other: str, source: str | None, answers: Mapping[str, str]) -> bool:
    r"""Return whether a text says the answers, where the other one says something in their place.

    What stands in the source as it was typed can be misread, as a "\n" in quotes. What does not was
    changed by the template, which may do so.
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
    # As bytes, so that a comment that names an encoding counts as it does for Python.
    data = text.encode()
    yield Leaf(tokenize.detect_encoding(io.BytesIO(data).readline)[0])
    yield from _parts(ast.parse(data))


def _toml(text: str) -> Iterator[Leaf]:
    return _parts(tomllib.loads(text))


def _json(text: str) -> Iterator[Leaf]:
    # An object as its pairs, since a key may come twice.
    return _parts(json.loads(text, object_pairs_hook=tuple))


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
                # Of a name, how many parts it has counts as well.
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
    ".toml": _toml,
    **dict.fromkeys((".json", ".ipynb"), _json),
    **dict.fromkeys((".yml", ".yaml", ".cff"), lines_of_yaml),
}
