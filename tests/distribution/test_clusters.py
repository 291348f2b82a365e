"""The files for clusters: they parse, and they train, resume and give up when they should."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.runner import error_of, kscaffold
from tests.projects import generate, some

# Stands for `srun` and for Python: notes its arguments, may write a checkpoint, ends with a code.
COMMAND = """#!/bin/sh
echo "$@" >> {notes}
if [ -n "$WRITES" ]; then
    mkdir -p "$WRITES/checkpoints" && touch "$WRITES/config.json" "$WRITES/checkpoints/after-$$.npz"
fi
exit $CODE
"""
NOTE = '#!/bin/sh\necho "$@" >> {notes}\n'


def project(folder: Path, cluster: str, **answers: str) -> Path:
    """Generate a project with files for a cluster; returns its folder."""
    given = {"package": "my_model", "distribution": "data-parallel", "cluster": cluster}
    return generate(folder / "my-model", {**given, **answers})


def stand_in(folder: Path, name: str, text: str) -> Path:
    """Put a command before those of the machine; returns the file that it writes to."""
    notes = folder / f"{name}.txt"
    command = folder / "bin" / name
    command.parent.mkdir(exist_ok=True)
    command.write_text(text.format(notes=notes), encoding="utf-8")
    command.chmod(0o755)
    return notes


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return the environment of a script whose commands are those of `stand_in`."""
    return {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", **more}


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project for Slurm."""
    return project(tmp_path_factory.mktemp("slurm"), "slurm")


@pytest.fixture(scope="module")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project for Kubernetes."""
    return project(tmp_path_factory.mktemp("kubernetes"), "kubernetes")


def test_a_cluster_needs_a_distribution() -> None:
    """Several processes train one model only if it is distributed."""
    result = kscaffold("new", "demo", "--defaults", "--no-git", "--cluster", "slurm")
    assert error_of(result, 2) == "--cluster: is only asked when distribution != 'none'"


@pytest.mark.parametrize("distribution", ["none", "data-parallel"])
def test_without_a_cluster_there_are_no_files_for_one(tmp_path: Path, distribution: str) -> None:
    """By default a project has neither, whether or not it is distributed."""
    folder = generate(tmp_path / "demo", {"distribution": distribution})
    names = {path.name for path in folder.iterdir()}
    assert "cluster" not in names
    assert "sbatch" not in (folder / "README.md").read_text(encoding="utf-8")


# ------------------------------------------------------------------------------------- Slurm


def submit(folder: Path, code: int, writes: str = "") -> tuple[list[str], list[str], int]:
    """Run the batch script in a project as Slurm does.

    Args:
        folder: The project.
        code: The exit code of `srun`.
        writes: The run directory to which `srun` adds a checkpoint.

    Returns:
        The calls of `srun` and of `scontrol`, and the exit code.
    """
    calls = stand_in(folder, "srun", COMMAND), stand_in(folder, "scontrol", NOTE)
    for notes in calls:
        notes.unlink(missing_ok=True)
    job = {"SLURM_JOB_ID": "7", "CODE": str(code), "WRITES": writes}
    command = ["bash", "cluster/train.sbatch", "--epochs", "9"]
    done = subprocess.run(command, cwd=folder, env=environment(folder, **job), check=False)
    srun, scontrol = (
        notes.read_text(encoding="utf-8").splitlines() if notes.exists() else [] for notes in calls
    )
    return srun, scontrol, done.returncode


@pytest.fixture
def batch(slurm: Path, tmp_path: Path) -> Path:
    """Return a folder with the batch script of a project."""
    shutil.copytree(slurm / "cluster", tmp_path / "cluster")
    return tmp_path


def test_bash_reads_the_batch_script(slurm: Path) -> None:
    """`bash -n` finds nothing wrong."""
    subprocess.run(["bash", "-n", slurm / "cluster/train.sbatch"], check=True)


def test_the_batch_script_asks_for_what_a_run_needs(slurm: Path) -> None:
    """Slurm reads its options up to the first command; it signals the processes, not the script."""
    text = (slurm / "cluster/train.sbatch").read_text(encoding="utf-8")
    head = re.split(r"^[^#\n]", text, maxsplit=1, flags=re.MULTILINE)[0]
    options = re.findall(r"^#SBATCH (--[a-z-]+)(?:=(.*))?$", head, re.MULTILINE)
    assert dict(options) | {"--requeue": "", "--signal": "TERM@120"} == dict(options)
    assert text.count("\n#SBATCH") == len(options)


def test_a_job_trains_and_a_requeued_one_resumes(batch: Path) -> None:
    """The run directory is that of the job's id; options are those of the first time."""
    run_dir = "runs/slurm-7"
    trained, requeued, code = submit(batch, 75, run_dir)
    command = "--kill-on-bad-exit=1 --cpus-per-task=1 python -m my_model"
    assert trained == [f"{command} train --run-dir {run_dir} --epochs 9"]
    assert requeued == ["requeue 7"]
    assert code == 75
    resumed, requeued, code = submit(batch, 0)
    assert resumed == [f"{command} resume --run-dir {run_dir}"]
    assert requeued == []
    assert code == 0


@pytest.mark.parametrize(
    ("code", "writes", "requeued"),
    [(75, True, True), (137, True, True), (1, True, False), (75, False, False), (0, True, False)],
)
def test_a_job_is_requeued_if_that_helps(
    batch: Path, code: int, writes: bool, requeued: bool
) -> None:
    """After SIGTERM or the death of a process, if a checkpoint was written since it started."""
    _, calls, seen = submit(batch, code, "runs/slurm-7" if writes else "")
    assert bool(calls) == requeued
    assert seen == code


# -------------------------------------------------------------------------------- Kubernetes


def load_manifests(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the volume claim and the JobSet of a project."""
    claim, jobset = (
        yaml.safe_load((folder / f"cluster/{name}.yaml").read_text(encoding="utf-8"))
        for name in ("volume", "jobset")
    )
    return claim, jobset


def container_of(jobset: dict[str, Any]) -> dict[str, Any]:
    """Return the container of its pods."""
    pod = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    container: dict[str, Any] = pod["containers"][0]
    return container


def test_the_jobset_is_one_of_its_published_schema(kubernetes: Path) -> None:
    """Every key is known, and every value of its type."""
    # Imported here: it takes a second.
    from kubeflow_trainer_api.models.jobset_v1alpha2_job_set import JobsetV1alpha2JobSet

    _, jobset = load_manifests(kubernetes)
    read = JobsetV1alpha2JobSet.from_dict(jobset)
    assert read is not None
    # Keys that are not in the schema are dropped.
    assert read.to_dict() == jobset
    job = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]
    job["parallelism"] = "many"
    with pytest.raises(ValueError, match="parallelism"):
        JobsetV1alpha2JobSet.from_dict(jobset)


def test_the_parts_of_the_jobset_fit_each_other(kubernetes: Path) -> None:
    """Its pods are as many as processes, find process 0 by its name and share a volume."""
    claim, jobset = load_manifests(kubernetes)
    assert jobset["apiVersion"] == "jobset.x-k8s.io/v1alpha2"
    assert jobset["spec"]["network"]["enableDNSHostnames"] is True
    jobs = jobset["spec"]["replicatedJobs"]
    job = jobs[0]["template"]["spec"]
    container = container_of(jobset)
    variables = {each["name"]: each.get("value", "") for each in container["env"]}
    count = str(job["completions"])
    assert (str(job["parallelism"]), variables["NUM_PROCESSES"]) == (count, count)
    host = f"$(JOBSET_NAME)-{jobs[0]['name']}-0-0.$(JOBSET_NAME):"
    assert variables["COORDINATOR"].startswith(host)
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    pod = job["template"]["spec"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert variables["RUN_DIR"].startswith(container["volumeMounts"][0]["mountPath"] + "/")


@pytest.mark.parametrize(
    "package", some(["a" * 70, "a" * 29 + "_net", "my_model"], 3, pytest.mark.slow)
)
def test_a_package_gives_a_name_that_kubernetes_takes(tmp_path: Path, package: str) -> None:
    """Short enough for those of pods, which begin with it."""
    claim, jobset = load_manifests(project(tmp_path, "kubernetes", package=package))
    name = jobset["metadata"]["name"]
    assert re.fullmatch(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?", name)
    assert claim["metadata"]["name"] == f"{name}-runs"
    assert container_of(jobset)["image"] == f"registry.example.org/{name}:latest"


@pytest.mark.parametrize("command", ["train", "resume"])
def test_a_pod_trains_and_a_restarted_one_resumes(
    kubernetes: Path, tmp_path: Path, command: str
) -> None:
    """Its command gives all that the processes need to connect."""
    container = container_of(load_manifests(kubernetes)[1])
    notes = stand_in(tmp_path, "python", COMMAND)
    if command == "resume":
        (tmp_path / "config.json").touch()
    given = {"RUN_DIR": str(tmp_path), "COORDINATOR": "host:1", "NUM_PROCESSES": "4"}
    pod = {**given, "JOB_COMPLETION_INDEX": "3", "CODE": "75", "WRITES": ""}
    words = [*container["command"], *container["args"]]
    done = subprocess.run(words, env=environment(tmp_path, **pod), check=False)
    options = "--coordinator host:1 --num-processes 4 --process-id 3"
    expected = f"-m my_model {command} --run-dir {tmp_path} {options}\n"
    assert notes.read_text(encoding="utf-8") == expected
    assert done.returncode == 75  # of Python itself, which gets the signals


def test_the_image_has_no_runs(kubernetes: Path) -> None:
    """Docker reads what to leave out beside the Dockerfile."""
    ignored = (kubernetes / "cluster/Dockerfile.dockerignore").read_text(encoding="utf-8")
    assert {".git", ".venv", "runs"} <= set(ignored.splitlines())
    assert "COPY . ." in (kubernetes / "cluster/Dockerfile").read_text(encoding="utf-8")
