"""Runs cases in several processes, each of which imports Keras once."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kscaffold.errors import KscaffoldError
from kscaffold.verify.cases import Case
from kscaffold.verify.subjects import Subject

if TYPE_CHECKING:
    from kscaffold.verify.outcome import Outcome
    from kscaffold.verify.runner import Runner

_runners: dict[Subject, Runner] = {}


@contextmanager
def _compiled_shared() -> Iterator[None]:
    """Have all processes share what XLA compiles: a step like that of Keras is compiled once."""
    with tempfile.TemporaryDirectory(prefix="kscaffold-") as folder:
        mine = {
            "JAX_COMPILATION_CACHE_DIR": folder,
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
        added = {name: value for name, value in mine.items() if name not in os.environ}
        os.environ.update(added)
        try:
            yield
        finally:
            for name in added:
                del os.environ[name]


def use_jax() -> None:
    """Select the backend before Keras is imported.

    Raises:
        KscaffoldError: the environment asks for another one.
    """
    if os.environ.setdefault("KERAS_BACKEND", "jax") != "jax":
        raise KscaffoldError(
            f"KERAS_BACKEND is {os.environ['KERAS_BACKEND']!r}, not 'jax': unset it"
        )


def run_cases(
    subject: Subject, cases: Sequence[Case], jobs: int, *, stop_at_failure: bool
) -> Iterator[Outcome]:
    """Yield the outcome of each case as it ends.

    Args:
        subject: the class under test.
        cases: what to run.
        jobs: the number of processes; with 1, all runs in this one.
        stop_at_failure: whether the first case that does not hold is the last one.
    """
    use_jax()
    with _compiled_shared():
        outcomes = _here(subject, cases) if jobs == 1 else _in_processes(subject, cases, jobs)
        for outcome in outcomes:
            yield outcome
            if stop_at_failure and not outcome.holds:
                outcomes.close()
                return


def _here(subject: Subject, cases: Sequence[Case]) -> Generator[Outcome, None, None]:
    for case in cases:
        yield _run(subject, case)


def _in_processes(
    subject: Subject, cases: Sequence[Case], jobs: int
) -> Generator[Outcome, None, None]:
    # Started anew, since JAX cannot go on in a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context) as pool:
        futures: list[Future[Outcome]] = [pool.submit(_run, subject, case) for case in cases]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _run(subject: Subject, case: Case) -> Outcome:
    if subject not in _runners:
        from kscaffold.verify.runner import Runner  # imports Keras

        _runners[subject] = Runner(subject, {})
    return _runners[subject].run(case)
