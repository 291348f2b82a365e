"""Check every trainer against all cases, and write docs/fit-contract.md.

python -m tests.verify.fit_contract
"""

from __future__ import annotations

import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from kscaffold.verify.cases import Outcome, all_cases
from kscaffold.verify.pool import run_cases
from kscaffold.verify.subjects import Subject
from tests.projects import ROOT, Answers, label
from tests.verify.contract import STEPS_FUSED, cases_of, project_subject, trainers

PAGE = ROOT / "docs" / "fit-contract.md"
JOBS = 2


def in_words(answers: Answers) -> str:
    """Return the answers as a list of what was chosen."""
    return ", ".join(label({key: value}) for key, value in answers.items()).replace("_", " ")


def page(outcomes: dict[Subject, list[Outcome]]) -> str:
    """Return the page: a table of families, and what stock Keras itself cannot do."""
    tried = ", ".join(f"{name} {version(name)}" for name in ("keras", "jax"))
    names = dict(zip(outcomes, map(in_words, trainers().values()), strict=True))
    impossible = sorted(
        {
            f"- {outcome.case.id}: `{outcome.detail}`"
            for each in outcomes.values()
            for outcome in each
            if "keras.Model" in outcome.detail and outcome.verdict == "not applicable"
        }
    )
    return f"""# The fit() contract

Written by `make verify`, with {tried} on the CPU. Each of the {len(outcomes)} trainers that
kscaffold can generate is trained beside `keras.Model`; those that can fuse steps with
`steps_per_execution={STEPS_FUSED}`, as is `keras.Model` beside them. A case holds if weights,
optimizer state, history and results are equal to the last bit, or if the trainer was generated
without sample weights and refuses them. Other versions: `fit-contract-versions.md`.

{families(outcomes, names)}

{totals(outcomes, names)}

What `keras.Model` or any subclass of it cannot do, so that nothing can be compared:

{chr(10).join(impossible) or "nothing"}
"""


def families(outcomes: dict[Subject, list[Outcome]], names: dict[Subject, str]) -> str:
    """Return a line for each family: its cases, and the trainers in which some do not hold."""
    rows = ["| family | cases | trainers that differ |", "| --- | --: | --- |"]
    for family in dict.fromkeys(case.family for case in all_cases()):
        cases = sum(case.family == family for case in all_cases())
        differ = [
            f"{names[subject]}: {outcome.case.name} {outcome.verdict}"
            for subject, each in outcomes.items()
            for outcome in each
            if outcome.case.family == family and not outcome.holds
        ]
        rows.append(f"| {family} | {cases} | {'; '.join(differ) or 'none'} |")
    return "\n".join([*rows, f"| **all** | **{len(all_cases())}** | |"])


def totals(outcomes: dict[Subject, list[Outcome]], names: dict[Subject, str]) -> str:
    """Return how many cases hold, for the trainers that come out alike together."""
    alike: dict[tuple[int, ...], list[str]] = {}
    for subject, each in outcomes.items():
        verdicts = Counter(outcome.verdict for outcome in each)
        count = sum(outcome.holds for outcome in each) - verdicts["not applicable"]
        key = (count, len(each) - verdicts["not applicable"], verdicts["refuses"])
        alike.setdefault(key, []).append(names[subject])
    rows = ["| hold | apply | of these refuse weights | trainers |", "| --: | --: | --: | --- |"]
    for (hold, apply, refuse), trainers_alike in alike.items():
        rows.append(f"| {hold} | {apply} | {refuse} | {'; '.join(trainers_alike)} |")
    return "\n".join(rows)


def main() -> None:
    """Run all cases for all trainers; exit with 1 if one does not hold."""
    with TemporaryDirectory() as folder:
        subjects = [
            project_subject(Path(folder, f"trainer_{number}"), answers, f"trainer_{number}")
            for number, answers in enumerate(trainers().values())
        ]
        outcomes: dict[Subject, list[Outcome]] = {subject: [] for subject in subjects}
        tried = [cases_of(answers, all_cases()) for answers in trainers().values()]
        tasks = [
            (subject, case)
            for each in zip(*tried, strict=True)
            for subject, case in zip(subjects, each, strict=True)
        ]
        for subject, outcome in run_cases(tasks, JOBS, stop_at_failure=False):
            outcomes[subject].append(outcome)
            if not outcome.holds:
                print(f"{subject.target}: {outcome.case.id}: {outcome.verdict}: {outcome.detail}")
    order = [case.id for case in all_cases()]
    for each in outcomes.values():
        each.sort(key=lambda outcome: order.index(outcome.case.id))
    PAGE.write_text(page(outcomes), encoding="utf-8")
    sys.exit(any(not outcome.holds for each in outcomes.values() for outcome in each))


if __name__ == "__main__":
    main()
