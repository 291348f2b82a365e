"""Render and check many projects of one template, and minimize the answers of failures."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from kscaffold.errors import AnswerError
from kscaffold.matrix import running
from kscaffold.matrix.checks import CHECKS, Failure, Project, render, ruff, run_ruff
from kscaffold.matrix.combinations import Given
from kscaffold.project.answers import resolve
from kscaffold.project.pipeline import Scaffold, missing_modules
from kscaffold.template.manifest import Manifest

# With fewer projects, more processes take longer than they save.
FEWEST = 16
# The answers of this many different failures are minimized.
MOST_FAILURES = 5

# Shows how many of a phase's steps are done.
Progress = Callable[[str, Iterable[Any], int], AbstractContextManager[Iterable[Any]]]


@dataclass(frozen=True)
class MinimalFailure:
    """A failure, the number of projects that have it, and the smallest answers that give it."""

    failure: Failure
    count: int
    smallest: Given


def skipped_checks(manifest: Manifest, why_no_import: str, *, trains: bool) -> dict[str, str]:
    """Return the checks to skip with the reasons; an empty `why_no_import` allows imports."""
    missing = missing_modules(manifest)
    needs = f"not installed: {', '.join(missing)}" if missing else ""
    untold = "" if manifest.test.train else "the template does not say how, under [test] train"
    reasons = {
        "ruff": "" if ruff() else "not installed: ruff",
        "imports": needs or why_no_import,
        "trains": (untold or needs) if trains else needs or "not asked for",
    }
    return {check: reason for check, reason in reasons.items() if reason}


@dataclass(frozen=True)
class Matrix:
    """Renders and checks projects of one template, in so many processes.

    `skipped` are the checks to skip, with the reasons; `seconds` is the time limit for importing or
    training one project.
    """

    scaffold: Scaffold
    skipped: Mapping[str, str]
    jobs: int
    seconds: float
    progress: Progress

    def run(self, chosen: Sequence[Given]) -> list[Project]:
        """Render and check a project of each combination."""
        with tempfile.TemporaryDirectory(prefix="kscaffold-") as folder:
            return self._run(chosen, Path(folder).resolve(), CHECKS)

    def _run(self, chosen: Sequence[Given], folder: Path, checks: Iterable[str]) -> list[Project]:
        wanted = {*checks} - self.skipped.keys()
        projects = self._rendered(chosen, folder)
        good = [project for project in projects if not project.failed("renders")]
        if "ruff" in wanted and good and (command := ruff()):
            run_ruff(command, good)
        # Of projects with the same Python files, only the first is run.
        groups: dict[frozenset[tuple[str, str]], list[Project]] = {}
        for project in good:
            if not project.failed("parses"):
                groups.setdefault(frozenset(project.files.items()), []).append(project)
        self._run_code([group[0] for group in groups.values()], wanted)
        for first, *others in groups.values():
            for check in {"imports", "trains"} & first.checked:
                for other in others:
                    other.report(check, *first.failed(check))
        return projects

    def _rendered(self, chosen: Sequence[Given], folder: Path) -> list[Project]:
        global _render
        _render = partial(render, self.scaffold)
        tasks = [(given, folder / f"{n:04}" / "project") for n, given in enumerate(chosen)]
        can_fork = "fork" in multiprocessing.get_all_start_methods()
        if self.jobs == 1 or len(tasks) < FEWEST or not can_fork:
            with self.progress("rendering", map(_rendered, tasks), len(tasks)) as bar:
                return [*bar]
        context = multiprocessing.get_context("fork")
        with (
            ProcessPoolExecutor(self.jobs, mp_context=context) as pool,
            self.progress("rendering", pool.map(_rendered, tasks), len(tasks)) as bar,
        ):
            return [*bar]

    def _run_code(self, projects: Sequence[Project], wanted: set[str]) -> None:
        """Import and train projects, as many at once as there are jobs."""
        if "imports" in wanted:
            parts = [projects[n :: self.jobs] for n in range(min(self.jobs, len(projects)))]
            self._all("importing", parts, running.import_all)
        if "trains" in wanted:
            sound = [project for project in projects if not project.failed("imports")]
            self._all("training", sound, partial(running.train, self.scaffold))

    def _all(self, phase: str, tasks: Sequence[Any], work: Callable[..., None]) -> None:
        processes = running.Processes()
        with ThreadPoolExecutor(self.jobs) as pool:
            try:
                begun = [pool.submit(work, task, processes, self.seconds) for task in tasks]
                with self.progress(phase, as_completed(begun), len(tasks)) as bar:
                    for future in bar:
                        future.result()
            except BaseException:
                processes.end()  # for which the threads of the pool wait
                raise

    def failures(self, projects: Sequence[Project]) -> list[MinimalFailure]:
        """Return the different failures, with the smallest answers that give them."""
        kinds: dict[tuple[str, str], list[tuple[Project, Failure]]] = {}
        for project in projects:
            for failure in project.failures:
                kinds.setdefault(failure.key, []).append((project, failure))
        minimal = []
        with tempfile.TemporaryDirectory(prefix="kscaffold-") as folder:
            for number, found in enumerate(kinds.values()):
                answers = [self._chosen(project.given) for project, _ in found]
                smallest, (_, failure) = min(
                    zip(answers, found, strict=True), key=lambda each: len(each[0])
                )
                if number < MOST_FAILURES:
                    scratch = Path(folder).resolve() / str(number)
                    smallest = self._smallest(smallest, failure, scratch)
                count = len({id(project) for project, _ in found})
                minimal.append(MinimalFailure(failure, count, smallest))
        return minimal

    def _chosen(self, given: Given) -> Given:
        """Return the answers that are not the defaults."""
        try:
            answers = resolve(self.scaffold.template.manifest, given, self.scaffold.tools)
        except AnswerError:
            return given
        return {name: given[name] for name in answers.chosen}

    def _smallest(self, given: Given, failure: Failure, folder: Path) -> Given:
        """Leave out answers one by one, as long as the check fails in the same way."""
        checks = {"imports", "trains"} if failure.check == "trains" else {failure.check}

        def fails(answers: Given, number: int) -> bool:
            [project] = self._run([answers], folder / str(number), checks)
            return failure.key in [each.key for each in project.failures]

        if not given or fails({}, 0):
            return {}
        for number, name in enumerate([*given], start=1):
            without = {key: value for key, value in given.items() if key != name}
            if without and fails(without, number):
                given = without
        return given


# Set before the workers are forked, so that they inherit it.
_render: Callable[[Given, Path], Project]


def _rendered(task: tuple[Given, Path]) -> Project:
    return _render(*task)
