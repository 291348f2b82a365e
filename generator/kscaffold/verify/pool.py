"""Run cases in several processes."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from kscaffold.errors import KscaffoldError
from kscaffold.verify.cases import Case, Outcome
from kscaffold.verify.subjects import Subject

if TYPE_CHECKING:
    from kscaffold.verify.runner import Runner, StockResults

Task = tuple[Subject, Case]
Outcomes = Generator[tuple[Subject, Outcome], None, None]

_runners: dict[Subject, Runner] = {}
_stock: StockResults = {}


@contextmanager
def compiled_shared() -> Iterator[None]:
    """Share what XLA compiles between all processes, in a temporary compilation cache."""
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
    """Select the JAX backend; raises `KscaffoldError` if the environment selects another."""
    if os.environ.setdefault("KERAS_BACKEND", "jax") != "jax":
        reason = f"KERAS_BACKEND is {os.environ['KERAS_BACKEND']!r}, not 'jax'"
        raise KscaffoldError(reason, hint="unset it")


def run_cases(tasks: Sequence[Task], jobs: int, *, stop_at_failure: bool) -> Outcomes:
    """Run tasks in this process, or in several; yield subjects and outcomes as they end."""
    use_jax()
    with compiled_shared():
        here = ((task[0], _run(*task)) for task in tasks)
        with closing(here if jobs == 1 else _in_processes(tasks, jobs)) as ended:
            for subject, outcome in ended:
                yield subject, outcome
                if stop_at_failure and not outcome.holds:
                    return


def _in_processes(tasks: Sequence[Task], jobs: int) -> Outcomes:
    # Not forked, which JAX does not support.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context) as pool:
        futures = {pool.submit(_run, *task): task[0] for task in tasks}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _run(subject: Subject, case: Case) -> Outcome:
    if subject not in _runners:
        from kscaffold.verify.runner import Runner  # imports Keras

        _runners[subject] = Runner(subject, _stock)
    return _runners[subject].run(case)
