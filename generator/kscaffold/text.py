"""Words for messages."""

from __future__ import annotations

from collections.abc import Iterable


def near(name: str, known: Iterable[str]) -> str:
    """Return a hint such as "; did you mean 'style'?" if a known name is near, else ""."""
    # Here, since difflib is only needed when something is wrong.
    from difflib import get_close_matches

    matches = get_close_matches(name, list(known), n=1)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def enumerated(words: Iterable[str]) -> str:
    """Return "a", "a or b", "a, b or c"."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
