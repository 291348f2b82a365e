"""Text becomes data, whatever is in it."""

from __future__ import annotations

import ast
import json
import tomllib
from collections.abc import Callable
from contextlib import suppress

import hypothesis.strategies as st
import pytest
import yaml
from hypothesis import example, given, settings
from markdown_it import MarkdownIt

from kscaffold.errors import AnswerError
from kscaffold.safety.escaping import markdown, module_name, quote, unsafe_character

READERS: dict[str, Callable[[str], object]] = {
    "Python": ast.literal_eval,
    "TOML": lambda literal: tomllib.loads(f"value = {literal}")["value"],
    "JSON": json.loads,
    "YAML": lambda literal: yaml.safe_load(f"value: {literal}")["value"],
}
texts = st.text(st.characters(exclude_categories=["Cs"]))
lines = texts.map(lambda text: " ".join(text.split())).filter(
    lambda text: not unsafe_character(text)
)
every_language = pytest.mark.parametrize("language", READERS)


@every_language
@settings(max_examples=2000, deadline=None)
@given(text=texts)
@example(text="\"'\\{}$`%")
@example(text="a\nb\r\n\t\0\x1b\x7f\x85\u2028\u2029")
@example(text="\u202e\u2066\ufeff\ufffe\U0001f600\U0001ffff")
def test_text_reads_back_in_every_language(language: str, text: str) -> None:
    """A quoted text is a literal of that very text."""
    assert READERS[language](quote(text)) == text


@every_language
@given(values=st.lists(st.one_of(texts, st.integers(-(2**53), 2**53)), max_size=4))
def test_lists_and_numbers_read_back(language: str, values: list[object]) -> None:
    """Lists of texts and numbers keep their items."""
    assert READERS[language](quote(values)) == values


@given(text=texts)
def test_quoted_text_stays_on_its_line(text: str) -> None:
    """No character of a quoted text ends a line or hides what follows, in any editor."""
    assert len(quote(text).splitlines()) == 1
    assert all(c.isprintable() or ord(c) > 0xFFFF for c in quote(text))


@pytest.mark.parametrize("value", [True, None, {"a": 1}, [False]])
def test_other_values_are_refused(value: object) -> None:
    """What the languages spell differently is no value to quote."""
    with pytest.raises(TypeError, match="cannot quote"):
        quote(value)


def test_half_a_surrogate_pair_is_refused() -> None:
    """No file can hold half of a surrogate pair."""
    with pytest.raises(ValueError, match="surrogate"):
        quote("\ud800")


@settings(max_examples=2000, deadline=None)
@given(text=lines.filter(bool))
@example(text="# no heading")
@example(text="1. no list")
@example(text="- no list <b>bold</b> ![i](u) [l](u) `c` *e* _e_ ~~s~~ | $m$ &amp; http://x.y")
@example(text="---")
@example(text="===")
def test_markdown_reads_as_the_very_text(text: str) -> None:
    """As a paragraph, the text shows as it is, and nothing in it is markup."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = parser.parse(markdown(text))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = tokens[1].children or []
    assert {child.type for child in children} <= {"text", "text_special"}
    assert "".join(child.content for child in children) == text


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("My model", "my_model"),
        ("my-model", "my_model"),
        ("Übung 2", "ubung_2"),
        ("3 layers", "project_3_layers"),
        ("__x__", "x"),
    ],
)
def test_module_name_follows_the_name(name: str, module: str) -> None:
    """A project's name becomes a module's: plain lower-case letters, digits and underscores."""
    assert module_name(name) == module


@given(name=texts)
def test_module_name_is_an_identifier_or_an_error(name: str) -> None:
    """Whatever the name, what comes out is an identifier, or the error says what to give."""
    with suppress(AnswerError):
        assert module_name(name).isidentifier()


def test_name_without_letters_is_refused() -> None:
    """Where no module name can be made, the error says what to give instead."""
    with pytest.raises(AnswerError, match="no module name can be made"):
        module_name("模型 2")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a\x07", r"a control character, \x07"),
        ("a\n", r"a control character, \n"),
        ("\u202eb", "changes the writing direction"),
        ("\u2028", "a line separator"),
        ("\ufffe", "a noncharacter"),
        ("\ud800", "surrogate"),
    ],
)
def test_unsafe_characters_are_named(text: str, what: str) -> None:
    """What makes a text no plain line is named with its code."""
    assert what in (unsafe_character(text) or "")


@pytest.mark.parametrize("text", ["", 'Zoë\'s "model" 模型 🙂', "a\u00a0b"])
def test_plain_lines_are_safe(text: str) -> None:
    """Letters of any language, quotes and emoji are plain."""
    assert unsafe_character(text) is None
