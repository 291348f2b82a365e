"""Runs of several processes: equal to those of one, and not lost with a process."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.distribution.test_meshes import ALGORITHMS
from tests.projects import DISTRIBUTIONS, generate, some

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("KILLS", "1"))
FIELDS = ["--epochs", "40", "--batch-size", "50", "--patience", "0", "--verbose", "2"]


@pytest.fixture(scope="module", params=some(DISTRIBUTIONS, 2))
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a generated project with a run of one process in `runs/one`."""
    folder = generate(
        tmp_path_factory.mktemp("projects") / "project",
        {"package": "clustered", "distribution": request.param},
    )
    result = run(folder, "train", "--run-dir", "runs/one", *FIELDS)
    assert result.returncode == 0, result.stderr
    return folder


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the project's command line, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "clustered", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": "src"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the project's command line to its end."""
    process = start(folder, *arguments)
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def children(process: subprocess.Popen[str]) -> list[int]:
    """Return the processes that a launched command has started, in their order."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(number) for number in listed.split()]


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for something that a running process does; fail if it ends before."""
    for _ in range(2400):
        if condition():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    pytest.fail("it did not happen within two minutes")


def weights(folder: Path, name: str) -> list[Any]:
    """Return the weights of the model that a run saved."""
    code = (
        "import clustered, numpy as np, sys; from pathlib import Path;"
        "from clustered.evaluate import load_model; from clustered.runs.files import RunDir;"
        "np.savez('weights.npz', *load_model(RunDir(Path(sys.argv[1]))).get_weights())"
    )
    subprocess.run(
        [sys.executable, "-c", code, f"runs/{name}"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": "src"},
        check=True,
    )
    with np.load(folder / "weights.npz") as arrays:
        return [arrays[key] for key in arrays.files]


def assert_equal_to_one(folder: Path, name: str) -> None:
    """A run gave the history and the weights of one process; sums are rounded otherwise."""
    table, expected = (
        np.genfromtxt(folder / f"runs/{each}/history.csv", delimiter=",", skip_header=1)
        for each in (name, "one")
    )
    np.testing.assert_allclose(table, expected, rtol=1e-6)
    for value, other in zip(weights(folder, name), weights(folder, "one"), strict=True):
        assert np.abs(value - other).max() <= 1e-6 * np.abs(other).max()


@pytest.mark.parametrize("count", some([2, 4], 2))
def test_processes_give_what_one_gives(project: Path, count: int) -> None:
    """Weights and history; process 0 alone writes and speaks."""
    name = f"of-{count}"
    result = run(
        project, "launch", "-n", str(count), "--", "train", "--run-dir", f"runs/{name}", *FIELDS
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("run directory:") == 1
    assert_equal_to_one(project, name)
    assert {path.name for path in (project / "runs" / name).iterdir()} == {
        path.name for path in (project / "runs/one").iterdir()
    }


@pytest.mark.parametrize("number", some(range(KILLS), KILLS))
def test_killed_process_ends_the_others(project: Path, number: int) -> None:
    """They end within seconds, and fewer processes go on to the same end."""
    random.seed(number)
    name, path = f"killed-{number}", project / "runs" / f"killed-{number}"
    given = ["--run-dir", f"runs/{name}", "--checkpoint-every-steps", "2", *FIELDS]
    process = start(project, "launch", "-n", "4", "--", "train", *given)
    wait_until(lambda: any((path / "checkpoints").glob("*.npz")), process)
    time.sleep(random.random())
    assert not (path / "metrics.json").exists(), "it has trained to the end"
    victim = random.randrange(4)
    os.kill(children(process)[victim], signal.SIGKILL)
    began = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - began < 20
    assert process.returncode == 128 + signal.SIGKILL, errors
    assert f"process {victim} ended by signal 9" in errors
    result = run(project, "launch", "-n", "2", "--", "resume", "--run-dir", f"runs/{name}")
    assert result.returncode == 0, result.stderr
    assert_equal_to_one(project, name)


def test_process_that_is_left_says_so(project: Path) -> None:
    """Also without a launcher it ends within seconds: with code 75, or JAX aborts it."""
    path = project / "runs/left"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        coordinator = f"127.0.0.1:{free.getsockname()[1]}"
    given = ["--run-dir", "runs/left", *FIELDS, "--epochs", "10000"]
    place = ["--coordinator", coordinator, "--num-processes", "2", "--process-id"]
    first, other = (start(project, "train", *given, *place, number) for number in "01")
    try:
        wait_until(lambda: any((path / "checkpoints").glob("*.npz")), first)
        other.kill()
        _, errors = first.communicate(timeout=60)
    finally:
        for process in (first, other):
            process.kill()
            process.communicate()
    assert first.returncode in (75, -signal.SIGABRT), errors
    assert first.returncode != 75 or "lost another process of the run" in errors


@pytest.mark.exhaustive
@pytest.mark.skipif(not shutil.which("mpirun"), reason="there is no Open MPI")
def test_open_mpi_starts_the_processes(project: Path) -> None:
    """They find each other, and give what one process gives."""
    mpirun = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2"]
    subprocess.run(
        [*mpirun, sys.executable, "-m", "clustered", "train", "--run-dir", "runs/mpi", *FIELDS],
        cwd=project,
        env={**os.environ, "PYTHONPATH": "src"},
        check=True,
        timeout=300,
    )
    assert_equal_to_one(project, "mpi")


@pytest.mark.exhaustive
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_algorithm_whose_weights_span_processes(algorithm: str, tmp_path: Path) -> None:
    """It trains, is saved, and resumed ends as one that never stopped."""
    answers = {"algorithm": algorithm, "data": ALGORITHMS[algorithm]}
    folder = generate(
        tmp_path / "project",
        {"package": "clustered", "distribution": "model-parallel", **answers},
    )
    fields = ["--verbose", "0", "--batch-size", "64"]
    fields += ["--teacher-epochs", "1"] if algorithm == "distillation" else []
    for name, epochs in (("whole", "2"), ("broken", "1")):
        given = ["--run-dir", f"runs/{name}", "--epochs", epochs, *fields]
        result = run(folder, "launch", "-n", "2", "--", "train", *given)
        assert result.returncode == 0, result.stderr
    given = ["--run-dir", "runs/broken", "--epochs", "2"]
    result = run(folder, "launch", "-n", "2", "--", "resume", *given)
    assert result.returncode == 0, result.stderr
    whole, broken = (folder / "runs" / name for name in ("whole", "broken"))
    assert (broken / "history.csv").read_text() == (whole / "history.csv").read_text()
    assert any(path.is_dir() for path in (broken / "checkpoints").iterdir()), "no sharded values"


def test_job_that_is_ended_goes_on(project: Path) -> None:
    """SIGTERM to one of the processes saves the run; another number of them ends it the same."""
    path = project / "runs/ended"
    given = ["--run-dir", "runs/ended", "--checkpoint-every-steps", "2", *FIELDS]
    process = start(project, "launch", "-n", "2", "--", "train", *given)
    wait_until(lambda: any((path / "checkpoints").glob("*.npz")), process)
    os.kill(children(process)[1], signal.SIGTERM)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 75, errors
    assert "Ended by SIGTERM" in out
    result = run(project, "resume", "--run-dir", "runs/ended")
    assert result.returncode == 0, result.stderr
    assert_equal_to_one(project, "ended")


@pytest.mark.parametrize(
    ("number", "code"),
    some([(signal.SIGINT, 130), (signal.SIGHUP, 75), (signal.SIGTERM, 75)], 2),
)
def test_signal_ends_all(project: Path, number: signal.Signals, code: int) -> None:
    """Ctrl-C, SIGTERM and a terminal that is closed end the launcher and leave no process."""
    path = project / "runs" / number.name
    given = ["--run-dir", f"runs/{number.name}", *FIELDS, "--epochs", "10000"]
    process = start(project, "launch", "-n", "2", "--", "train", *given)
    wait_until(lambda: any((path / "checkpoints").glob("*.npz")), process)
    started = children(process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == code, errors
    assert not any(Path(f"/proc/{number}").exists() for number in started)
