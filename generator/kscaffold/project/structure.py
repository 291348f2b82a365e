"""Compare the structure of two texts in Python, TOML, JSON or YAML, as lists of leaves.

The code cells of a notebook are read as Python. The number of distinct keys is part of the
structure, since a repeated key replaces the first.

YAML is not parsed. Its lines are split into quoted texts, comments, words, and all other characters
one by one, since each of these might be structure. So are those of whatever cannot be parsed.
"""

from __future__ import annotations

import ast
import io
import json
import keyword
import re
import tokenize
import tomllib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

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


def kind_of(path: str, text: str) -> str:
    """Return the suffix by which a file is read; "" for files that are not compared."""
    file = PurePosixPath(path.lower())
    if file.suffix in READERS:
        return file.suffix
    if file.name in _NAMED:
        return _NAMED[file.name]
    return ".py" if re.match(r"#!.*\bpython", text) else ""


def leaves(text: str, suffix: str) -> tuple[Leaf, ...] | None:
    """Return the leaves of a file with this suffix, in order; None: it cannot be parsed."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return tuple(READERS[suffix](text))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
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
        # Neither can be parsed: compare the lines.
        read = _lines_of_code if READERS[suffix] is _python else lines_of_yaml
        one, two = tuple(read(text)), tuple(read(other))
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


def _lines_of_code(text: str) -> Iterator[Leaf]:
    """Yield the tokens of each line of what is nearly Python; keywords are no plain words."""
    for leaf in lines_of_yaml(text):
        yield leaf
        if leaf.kind == "words":
            yield from (Leaf(word) for word in leaf.text.split() if keyword.iskeyword(word))


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
    elif isinstance(value, Leaf):
        yield value
    elif isinstance(value, ast.AST):
        yield Leaf(type(value).__name__)
        if isinstance(value, ast.Dict):
            keys = [key.value for key in value.keys if isinstance(key, ast.Constant)]
            yield Leaf(f"{len({*keys})} keys")
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


def _object(pairs: list[tuple[str, Any]]) -> tuple[Any, ...]:
    """Return a JSON object as its pairs, since keys may be repeated."""
    return (Leaf(f"{len(dict(pairs))} keys"), *pairs)


def _object_of_notebook(pairs: list[tuple[str, Any]]) -> tuple[Any, ...]:
    """Return an object of a notebook; the source of a code cell is parsed."""
    if dict(pairs).get("cell_type") != "code":
        return _object(pairs)
    return _object([(key, _cell(value) if key == "source" else value) for key, value in pairs])


def _cell(source: str | list[str]) -> list[object]:
    """Return the commands of a cell, which begin with % or !, and its Python.

    What is no Python, such as `files = !ls`, is compared by its lines.
    """
    lines = "".join(source).split("\n")
    commands = [line for line in lines if line.lstrip().startswith(("%", "!"))]
    code = [line for line in lines if line not in commands]
    parsed: list[object] = [*lines_of_yaml("\n".join(commands))]
    try:
        return [*parsed, ast.parse("\n".join(code))]
    except SyntaxError:
        return [*parsed, *_lines_of_code("\n".join(code))]


# Files that are known by their names.
_NAMED = {
    **dict.fromkeys(("pipfile", "uv.lock", "poetry.lock", "pdm.lock", "cargo.lock"), ".toml"),
    **dict.fromkeys(("pixi.lock", ".condarc", ".clang-format", ".prettierrc", ".yamllint"), ".yml"),
    "pipfile.lock": ".json",
}
READERS: dict[str, Callable[[str], Iterable[Leaf]]] = {
    **dict.fromkeys((".py", ".pyi", ".pyw"), _python),
    ".toml": lambda text: _parts(tomllib.loads(text)),
    ".json": lambda text: _parts(json.loads(text, object_pairs_hook=_object)),
    ".ipynb": lambda text: _parts(json.loads(text, object_pairs_hook=_object_of_notebook)),
    **dict.fromkeys((".yml", ".yaml", ".cff"), lines_of_yaml),
}
