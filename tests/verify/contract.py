"""Generated trainers as subjects to verify, for the tests of the fit() contract."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kscaffold.verify.cases import Case, Declared, Problem, all_cases
from kscaffold.verify.subjects import Subject, find_subject
from tests.generated.golden_trees import tree
from tests.projects import STEPS, Answers, generate, label

DATA_OF: dict[Problem, str] = {
    "regression": "diabetes",
    "binary": "breast-cancer",
    "multiclass": "digits",
}
# What stock Keras gives, for all tests of a process.
STOCK: dict[Any, Any] = {}
# An epoch of a case has four steps, the last of them a short one.
STEPS_FUSED = 3
CASES = {case.id: case for case in all_cases()}


def trainers() -> dict[str, Answers]:
    """Return answers for each trainer that differs; neither style nor compiled loss count."""
    found: dict[str, Answers] = {}
    for step, (problem, data) in itertools.product(STEPS, DATA_OF.items()):
        if step["manual_metrics"] or problem == "regression":
            answers: Answers = {"data": data, **step}
            found[label(answers)] = answers
    return found


def cases_of(answers: Answers, cases: Iterable[Case]) -> list[Case]:
    """Return the cases as they try a trainer: one that can fuse steps has to."""
    return [case.with_steps(STEPS_FUSED) if answers.get("fused", True) else case for case in cases]


def project_subject(folder: Path, answers: Answers, package: str) -> Subject:
    """Generate a project and return its trainer."""
    return find_subject(str(generate(folder, {**answers, "package": package})))


def trainer_text(answers: Answers) -> str:
    """Return the text of a generated trainer that needs no other module."""
    files = tree({**answers, "fused": False})
    return next(file.text for file in files if file.path.endswith("/trainer.py"))


def mutant_subject(folder: Path, name: str, text: str, declared: Declared) -> Subject:
    """Write a trainer as a module of its own and return its class."""
    (folder / f"{name}.py").write_text(text)
    return Subject(f"{name}:CustomModel", str(folder), declared)


def failing(subject: Subject, cases: list[Case]) -> dict[str, str]:
    """Run cases; return what does not hold, and how."""
    # Here, since it imports Keras, which the quick tests need not wait for.
    from kscaffold.verify.runner import Runner

    runner = Runner(subject, STOCK)
    outcomes = map(runner.run, cases)
    return {o.case.id: f"{o.verdict}: {o.detail}" for o in outcomes if not o.holds}
