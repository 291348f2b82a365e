"""Hold every trainer that can be generated against all cases, and write docs/fit-contract.md.

python -m tests.fit_contract
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from kscaffold.verify import report
from kscaffold.verify.cases import all_cases
from kscaffold.verify.outcome import Outcome
from kscaffold.verify.pool import run_cases
from kscaffold.verify.subjects import Subject
from tests.contract import STEPS_FUSED, cases_of, project_subject, trainers
from tests.projects import ROOT, Answers, label

PAGE = ROOT / "docs" / "fit-contract.md"
JOBS = 2


def in_words(answers: Answers) -> str:
    """Return the answers as a list of what was chosen."""
    return ", ".join(label({key: value}) for key, value in answers.items()).replace("_", " ")


def page(outcomes: dict[Subject, list[Outcome]]) -> str:
    """Return the page: a table of families, and what stock Keras itself cannot do."""
    tried = ", ".join(f"{name} {version(name)}" for name in ("keras", "jax"))
    trained = "\n".join(
        f"| `{subject.place.partition('.')[0]}` | {in_words(answers)} |"
        for subject, answers in zip(outcomes, trainers().values(), strict=True)
    )
    impossible = sorted(
        {
            f"- {outcome.case.id}: `{outcome.detail}`"
            for each in outcomes.values()
            for outcome in each
            if outcome.detail.startswith("keras.Model itself")
        }
    )
    return f"""# The fit() contract

Written by `make verify`, with {tried} on the CPU. Each trainer that kscaffold can generate is
trained beside `keras.Model`, in {len(all_cases())} cases; those that can fuse steps with
`steps_per_execution={STEPS_FUSED}`, as is `keras.Model` beside them. The table shows how many hold,
of those that apply. A case holds if weights, optimizer state, history and results are equal to the
last bit, or if the trainer was generated without sample weights and refuses them. A trainer with
metrics by hand is held against the cases about its own loss and metrics.

| package | answers |
| --- | --- |
{trained}

{report.markdown_comparison(outcomes)}

What `keras.Model` itself cannot do, so that nothing can be compared:

{chr(10).join(impossible) or "nothing"}
"""


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
                print(f"{subject.place}: {outcome.case.id}: {outcome.verdict}: {outcome.detail}")
    order = [case.id for case in all_cases()]
    for each in outcomes.values():
        each.sort(key=lambda outcome: order.index(outcome.case.id))
    PAGE.write_text(page(outcomes), encoding="utf-8")
    sys.exit(any(not outcome.holds for each in outcomes.values() for outcome in each))


if __name__ == "__main__":
    main()
