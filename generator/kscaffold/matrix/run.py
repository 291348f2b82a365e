"""The trial itself: many projects rendered and checked, and the least that makes one fail."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kscaffold.errors import AnswerError
from kscaffold.matrix import running
from kscaffold.matrix.checks import CHECKS, Failure, Project, render, ruff, run_ruff
from kscaffold.matrix.combinations import Given
from kscaffold.project.answers import resolve
from kscaffold.project.pipeline import Scaffold
from kscaffold.project.training import missing_modules

# Below so many projects, a process more takes longer than it saves.
FEWEST = 16
# So many different failures are looked into.
MOST_FAULTS = 5

# Begins to show a phase of so many steps; what it gives counts one.
Progress = Callable[[str, int], AbstractContextManager[Callable[[], None]]]


@dataclass(frozen=True)
class Request:
    """What is asked of a trial.

    Attributes:
        imports: whether the projects' modules are imported.
        trains: whether the projects are trained.
        jobs: how many things are done at once.
        seconds: how long importing or training one project may take.
        why_not: why the projects' modules are not imported, if they are not.
    """

    imports: bool = True
    trains: bool = False
    jobs: int = 1
    seconds: float = 300.0
    why_not: str = "not asked for"


@dataclass(frozen=True)
class Fault:
    """A failure, in how many projects it is, and the least that makes it."""

    failure: Failure
    count: int
    smallest: Given


class Trial:
    """Tries projects of one template."""

    def __init__(self, scaffold: Scaffold, request: Request, progress: Progress) -> None:
        self.scaffold = scaffold
        self.request = request
        self.progress = progress
        self.ruff = ruff()
        self.skipped = self._skipped()

    def _skipped(self) -> dict[str, str]:
        """Return the checks that are not made, each with the reason."""
        skipped = {}
        manifest = self.scaffold.template.manifest
        missing = missing_modules(manifest)
        needs = f"not installed: {', '.join(missing)}"
        if self.ruff is None:
            skipped["ruff"] = "not installed: ruff"
        if missing or not self.request.imports:
            skipped["imports"] = needs if missing else self.request.why_not
        if missing or not self.request.trains or not manifest.train:
            skipped["trains"] = needs if missing else "not asked for"
            if self.request.trains and not manifest.train:
                skipped["trains"] = "the template does not say how, under [test] train"
        return skipped

    def run(self, chosen: Sequence[Given]) -> list[Project]:
        """Make a project of each combination and check it; raises `KeyboardInterrupt` as it is."""
        with tempfile.TemporaryDirectory(prefix="kscaffold-") as folder:
            return self._run(chosen, Path(folder).resolve(), CHECKS)

    def _run(self, chosen: Sequence[Given], folder: Path, checks: Iterable[str]) -> list[Project]:
        """Make projects, and check them in all ways or in some."""
        wanted = {check for check in checks if check not in self.skipped}
        projects = self._rendered(chosen, folder)
        good = [project for project in projects if project.is_rendered]
        if "ruff" in wanted and self.ruff is not None and good:
            run_ruff(self.ruff, good)
        groups = [*running.distinct(p for p in good if not p.failed("parses")).values()]
        processes = running.Processes()
        if "imports" in wanted:
            parts = [groups[n :: self.request.jobs] for n in range(self.request.jobs)]
            tasks = [[group[0] for group in part] for part in parts if part]
            self._all("importing", tasks, self._import, processes)
        if "trains" in wanted:
            firsts = [group[0] for group in groups if not group[0].failed("imports")]
            self._all("training", firsts, self._train, processes)
        for first, *others in groups:
            for check in {"imports", "trains"} & first.checked:
                for other in others:
                    other.report(check, first.failed(check))
        return projects

    def _rendered(self, chosen: Sequence[Given], folder: Path) -> list[Project]:
        global _scaffold
        _scaffold = self.scaffold
        tasks = [
            (given, folder / f"{number:04}" / "project") for number, given in enumerate(chosen)
        ]
        can_fork = "fork" in multiprocessing.get_all_start_methods()
        with self.progress("rendering", len(tasks)) as step:
            if self.request.jobs == 1 or len(tasks) < FEWEST or not can_fork:
                return [*_counted(map(_render, tasks), step)]
            context = multiprocessing.get_context("fork")
            with ProcessPoolExecutor(self.request.jobs, mp_context=context) as pool:
                return [*_counted(pool.map(_render, tasks), step)]

    def _import(self, projects: Sequence[Project], processes: running.Processes) -> None:
        running.import_all(projects, processes, self.request.seconds)

    def _train(self, project: Project, processes: running.Processes) -> None:
        running.train(self.scaffold, project, processes, self.request.seconds)

    def _all(
        self,
        phase: str,
        tasks: Sequence[Any],
        work: Callable[[Any, running.Processes], None],
        processes: running.Processes,
    ) -> None:
        """Do some work for each task, as many at once as there are jobs."""
        with (
            self.progress(phase, len(tasks)) as step,
            ThreadPoolExecutor(self.request.jobs) as pool,
        ):
            try:
                for future in as_completed([pool.submit(work, task, processes) for task in tasks]):
                    future.result()
                    step()
            except BaseException:
                # The pool waits for its threads, and they for their processes.
                processes.end()
                raise

    def faults(self, projects: Sequence[Project]) -> list[Fault]:
        """Return the different failures, each with the smallest answers that still make it."""
        kinds: list[list[tuple[Project, Failure]]] = []
        for project in projects:
            for failure in project.failures:
                same = [kind for kind in kinds if kind[0][1].is_like(failure)]
                same[0].append((project, failure)) if same else kinds.append([(project, failure)])
        faults = []
        with tempfile.TemporaryDirectory(prefix="kscaffold-") as folder:
            for number, found in enumerate(kinds):
                project, failure = min(found, key=lambda each: len(self._chosen(each[0].given)))
                count = len({id(each) for each, _ in found})
                smallest = self._chosen(project.given)
                if number < MOST_FAULTS:
                    place = Path(folder).resolve() / str(number)
                    smallest = self._smallest(smallest, failure, place)
                faults.append(Fault(failure, count, smallest))
        return faults

    def _chosen(self, given: Given) -> Given:
        """Return the answers that are not the defaults."""
        try:
            answers = resolve(self.scaffold.template.manifest, given, self.scaffold.tools)
        except AnswerError:
            return given
        return {name: given[name] for name in answers.chosen}

    def _smallest(self, given: Given, failure: Failure, folder: Path) -> Given:
        """Leave out answers, one after the other, as long as the check fails in the same way."""
        number = 0

        def fails(answers: Given) -> bool:
            nonlocal number
            number += 1
            checks = {"imports", "trains"} if failure.check == "trains" else {failure.check}
            [project] = self._run([answers], folder / str(number), checks)
            return any(failure.is_like(each) for each in project.failures)

        if not given or fails({}):
            return {}
        for name in [*given]:
            without = {key: value for key, value in given.items() if key != name}
            if without and fails(without):
                given = without
        return given


_scaffold: Scaffold


def _render(task: tuple[Given, Path]) -> Project:
    # The worker was forked when the scaffold was set.
    return render(_scaffold, *task)


def _counted(projects: Iterator[Project], step: Callable[[], None]) -> Iterator[Project]:
    for project in projects:
        step()
        yield project
