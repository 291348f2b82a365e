"""Words for messages."""

from __future__ import annotations

from collections.abc import Iterable

# Categories of characters that are invisible or control a terminal: controls, formats (bidi marks,
# zero width), surrogates, and line and paragraph separators.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def visible(text: str, keep: str = "") -> str:
    r"""Return a text with invisible characters escaped, as "\x1b", except those to keep."""
    if text.isprintable():
        return text
    from unicodedata import category

    hidden = {each for each in text if category(each) in UNSEEN} - {*keep}
    return "".join(ascii(each)[1:-1] if each in hidden else each for each in text)


def near(name: str, known: Iterable[str]) -> str:
    """Return a hint such as "did you mean 'style'?" if a known name is near, else ""."""
    from difflib import get_close_matches  # only needed for errors

    matches = get_close_matches(name, list(known), n=1)
    return f"did you mean {matches[0]!r}?" if matches else ""


def near_or_all(name: str, known: Iterable[str]) -> str:
    """Return a hint with the nearest of the known names, or with all of them."""
    known = list(known)
    verb = "is only" if len(known) == 1 else "are"
    return near(name, known) or f"there {verb} {', '.join(known) or 'none'}"


def enumerated(words: Iterable[str]) -> str:
    """Return "a", "a or b", "a, b or c"."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
