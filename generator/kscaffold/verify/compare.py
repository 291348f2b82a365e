"""Compare the results of `keras.Model` and of the class under test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from kscaffold.verify.cases import Verdict

RELATIVE, ABSOLUTE = 1e-5, 1e-6


def compare(stock: dict[str, Any], own: dict[str, Any]) -> tuple[Verdict, str]:
    """Return the verdict, and a description of the first difference."""
    worst: tuple[Verdict, str] = ("exact", "")
    for name in stock:
        for place, one, other in _pairs(name, stock[name], own[name]):
            found = _judged(place, one, other)
            if found[0] == "differs":
                return found
            if worst[0] == "exact":
                worst = found
    return worst


def _pairs(place: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the leaves of two structures in pairs; parts of different structure are leaves."""
    lists = isinstance(one, (list, tuple)) and isinstance(other, (list, tuple))
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        both = [(repr(key), one[key], other[key]) for key in one]
    elif lists and len(one) == len(other):
        both = [(str(n), *each) for n, each in enumerate(zip(one, other, strict=True))]
    else:
        yield place, one, other
        return
    for name, left, right in both:
        yield from _pairs(f"{place} {name}", left, right)


def _judged(place: str, one: Any, other: Any) -> tuple[Verdict, str]:
    left, right = _array(one), _array(other)
    if left is None or right is None:
        same = type(one) is type(other) and bool(one == other)
        return ("exact", "") if same else ("differs", _unlike(place, one, other))
    if left.shape != right.shape:
        return "differs", _unlike(place, one, other)
    equal_nan = left.dtype.kind == right.dtype.kind == "f"
    if np.array_equal(left, right, equal_nan=equal_nan):
        return "exact", ""
    is_close = np.allclose(right, left, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
    difference = np.abs(right.astype("float64") - left.astype("float64"))
    index = np.unravel_index(int(np.nanargmax(np.nan_to_num(difference, nan=np.inf))), left.shape)
    where = f" at {tuple(map(int, index))}" if left.ndim else ""
    return "within tolerance" if is_close else "differs", (
        f"{place}{where}: {float(right[index]):.8g}, keras.Model: {float(left[index]):.8g},"
        f" off by {float(difference[index]):.2g}"
    )


def _array(value: Any) -> np.ndarray[Any, Any] | None:
    try:
        array = np.asarray(value)
    except ValueError:
        return None
    if array.dtype.kind == "V":  # bfloat16
        array = array.astype("float32")
    return array if array.dtype.kind in "fiub" else None


def _unlike(place: str, one: Any, other: Any) -> str:
    if isinstance(one, dict) and isinstance(other, dict):
        stock, own = (", ".join(map(repr, each)) or "nothing" for each in (one, other))
        return f"{place} has {own}, keras.Model has {stock}"
    return f"{place}: {_short(other)}, keras.Model: {_short(one)}"


def _short(value: Any) -> str:
    text = f"shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)
    return text if len(text) < 80 else f"{text[:77]}..."
