"""Report outcomes as text, Markdown and JSON."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kscaffold.verify.cases import Outcome
from kscaffold.verify.subjects import Subject

COLUMNS = {
    "exact": "exact",
    "within tolerance": "close",
    "refuses": "refuses",
    "differs": "differs",
    "crashes": "crashes",
    "not applicable": "n/a",
}


def _rows(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, ...]]:
    """Yield the number of cases for each verdict, by family and in all."""
    table: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        table.setdefault(outcome.case.family, Counter())[outcome.verdict] += 1
    whole = Counter[str](outcome.verdict for outcome in outcomes)
    for name, counter in [*table.items(), (f"all {len(outcomes)} cases", whole)]:
        yield (name, *(str(counter[verdict] or "") for verdict in COLUMNS))


def text_table(outcomes: Sequence[Outcome]) -> str:
    """Return the table of families as plain text."""
    rows: list[tuple[str, ...]] = [("", *COLUMNS.values()), *_rows(outcomes)]
    first = max(len(row[0]) for row in rows)
    lines = [f"{row[0]:<{first}}{''.join(f'{c:>9}' for c in row[1:])}".rstrip() for row in rows]
    lines.insert(-1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def markdown_table(outcomes: Sequence[Outcome]) -> str:
    """Return the table of families in Markdown."""
    return _markdown([("family", *COLUMNS.values()), *_rows(outcomes)])


def markdown_comparison(outcomes: Mapping[Subject, Sequence[Outcome]]) -> str:
    """Return a table of several classes: how many of the applicable cases hold."""
    families = dict.fromkeys(o.case.family for each in outcomes.values() for o in each)
    return _markdown(
        [
            ("family", *(f"`{subject.target}`" for subject in outcomes)),
            *((name, *(_held(each, name) for each in outcomes.values())) for name in families),
            ("**all**", *(f"**{_held(each, *families)}**" for each in outcomes.values())),
        ]
    )


def _markdown(rows: Sequence[tuple[str, ...]]) -> str:
    head, *others = rows
    lines = (head, ("---", *["--:"] * (len(head) - 1)), *others)
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def _held(outcomes: Iterable[Outcome], *families: str) -> str:
    applicable = [
        outcome.holds
        for outcome in outcomes
        if outcome.verdict != "not applicable" and outcome.case.family in families
    ]
    return f"{sum(applicable)}/{len(applicable)}"


def text_failure(outcome: Outcome) -> str:
    """Return the description of a case that does not hold."""
    return (
        f"{outcome.case.id}: {outcome.verdict}\n"
        f"  {outcome.detail}\n"
        f"  usual cause: {outcome.case.cause}\n"
        "  to reproduce it:\n" + textwrap.indent(outcome.snippet, " " * 4)
    )


def markdown_failure(outcome: Outcome) -> str:
    """Return the same in Markdown."""
    return (
        f"**{outcome.case.id}**: {outcome.verdict}. `{outcome.detail.replace('`', chr(39))}`\n\n"
        f"Usual cause: {outcome.case.cause}\n\n"
        f"```python\n{outcome.snippet}\n```"
    )


def as_json(subject: Subject, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the outcomes of a class for JSON."""
    holds = sum(outcome.holds for outcome in outcomes)
    cases = [
        {
            "family": outcome.case.family,
            "case": outcome.case.name,
            "verdict": outcome.verdict,
            "holds": outcome.holds,
            "detail": outcome.detail,
            **({} if outcome.holds else {"cause": outcome.case.cause, "snippet": outcome.snippet}),
        }
        for outcome in outcomes
    ]
    return {"target": subject.target, "holds": holds, "fails": len(cases) - holds, "cases": cases}
