"""What came out, for people and for machines; and the code that shows a case by itself."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kscaffold.verify.cases import Case
from kscaffold.verify.subjects import Subject

if TYPE_CHECKING:
    from kscaffold.verify.outcome import Outcome

COLUMNS = ("exact", "within tolerance", "refuses", "differs", "crashes", "not applicable")
HEADINGS = ("exact", "close", "refuses", "differs", "crashes", "n/a")


def counts(outcomes: Iterable[Outcome]) -> dict[str, Counter[str]]:
    """Return how many cases ended how, family by family."""
    table: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        table.setdefault(outcome.case.family, Counter())[outcome.verdict] += 1
    return table


def _rows(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, ...]]:
    table = counts(outcomes)
    whole: Counter[str] = Counter(outcome.verdict for outcome in outcomes)
    for name, counter in [*table.items(), (f"all {len(outcomes)} cases", whole)]:
        yield (name, *(str(counter[verdict] or "") for verdict in COLUMNS))


def text_table(outcomes: Sequence[Outcome]) -> str:
    """Return the table of families, for a terminal."""
    rows: list[tuple[str, ...]] = [("", *HEADINGS), *_rows(outcomes)]
    first = max(len(row[0]) for row in rows)
    lines = [f"{row[0]:<{first}}{''.join(f'{c:>9}' for c in row[1:])}".rstrip() for row in rows]
    lines.insert(-1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def markdown_table(outcomes: Sequence[Outcome]) -> str:
    """Return the same as a table in Markdown."""
    rows = [("family", *HEADINGS), ("---", *["--:"] * len(HEADINGS)), *_rows(outcomes)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def markdown_comparison(outcomes: Mapping[Subject, Sequence[Outcome]]) -> str:
    """Return a table of several classes side by side: how many cases hold, of how many."""
    rows = [("family", *(f"`{subject.place}`" for subject in outcomes))]
    rows.append(("---", *["--:"] * len(outcomes)))
    families = dict.fromkeys(o.case.family for each in outcomes.values() for o in each)
    for family in families:
        rows.append((family, *(_held(each, family) for each in outcomes.values())))
    rows.append(("**all**", *(f"**{_held(each)}**" for each in outcomes.values())))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _held(outcomes: Iterable[Outcome], family: str | None = None) -> str:
    applicable = [
        outcome
        for outcome in outcomes
        if outcome.verdict != "not applicable" and family in (None, outcome.case.family)
    ]
    return f"{sum(outcome.holds for outcome in applicable)}/{len(applicable)}"


def text_failure(outcome: Outcome, subject: Subject) -> str:
    """Return what is known of a case that does not hold: what, why, and how to see it."""
    return (
        f"{outcome.case.id}: {outcome.verdict}\n"
        f"  {outcome.detail}\n"
        f"  usual cause: {outcome.case.cause}\n"
        "  to see it:\n" + textwrap.indent(snippet(outcome.case, subject), " " * 4)
    )


def markdown_failure(outcome: Outcome, subject: Subject) -> str:
    """Return the same in Markdown."""
    return (
        f"**{outcome.case.id}**: {outcome.verdict}. `{outcome.detail.replace('`', chr(39))}`\n\n"
        f"Usual cause: {outcome.case.cause}\n\n"
        f"```python\n{snippet(outcome.case, subject)}\n```"
    )


def as_json(outcome: Outcome, subject: Subject) -> dict[str, Any]:
    """Return an outcome as an object for JSON."""
    case = outcome.case
    more = {"cause": case.cause, "snippet": snippet(case, subject)} if not outcome.holds else {}
    return {
        "family": case.family,
        "case": case.name,
        "verdict": outcome.verdict,
        "holds": outcome.holds,
        "detail": outcome.detail,
        **more,
    }


def snippet(case: Case, subject: Subject) -> str:
    """Return code that runs a case with both classes, and needs nothing but Keras and JAX."""
    module, _, name = subject.place.partition(":")
    imported, own = (f"{name} as Own", "Own") if name == "Model" else (name, name)
    build, run = case.build_code(subject.declared), case.run_code()
    if "w" not in _words(build.partition("\nw =")[2].partition("\n")[2] + run):
        build = "\n".join(line for line in build.splitlines() if not line.startswith("w ="))
    shown = {"history.history": "history =", "result": "result ="}
    printed = ", ".join(value for value, where in shown.items() if where in run)
    body = [
        "keras.utils.set_random_seed(0)",
        build,
        *_compiling(case, subject, defines="compile_model" in run),
        run,
        f"print(Model.__name__, {printed})",
    ]
    lines = [
        "import os, sys",
        'os.environ["KERAS_BACKEND"] = "jax"',
        *([f"sys.path.insert(0, {subject.folder!r})"] if subject.folder else []),
        f"import {'jax, ' if 'jax.' in build else ''}keras, numpy as np",
        f"from {module} import {imported}",
        *(['folder = "."'] if "folder" in run else []),
        *([f"keras.config.set_dtype_policy({case.policy!r})"] if case.policy else []),
        f"for Model in (keras.Model, {own}):",
        textwrap.indent("\n".join(body), "    "),
    ]
    return "\n".join(lines)


def _compiling(case: Case, subject: Subject, *, defines: bool) -> list[str]:
    """Return the lines that compile `model`; where that is done again, by a function."""
    stock = case.compile_code(subject.declared, manual=False)
    own = case.compile_code(subject.declared, manual=subject.declared.manual)
    if not defines and own == stock:
        return [f"model.compile({stock})"]
    choice = [f"arguments = dict({stock})"]
    if own != stock:
        choice.append(f"if Model is not keras.Model: arguments = dict({own})")
    if not defines:
        return [*choice, "model.compile(**arguments)"]
    return [
        "def compile_model(model, **new):",
        *(f"    {line}" for line in choice),
        "    model.compile(**{**arguments, **new})",
        "compile_model(model)",
    ]


def _words(code: str) -> set[str]:
    return set(re.findall(r"\w+", code))
