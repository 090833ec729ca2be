"""What is handed to Slurm, and what becomes of its jobs; stand-ins for its programs, on which no job ever runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from ladderscope.errors import UsageError
from ladderscope.records import Cell, Record
from ladderscope.sweep.executors import slurm, slurm_queue
from ladderscope.sweep.executors.engine import Terms
from ladderscope.sweep.executors.slurm import SlurmExecutor
from ladderscope.sweep.executors.slurm_folder import SlurmFolder, write_record
from ladderscope.sweep.executors.slurm_options import SlurmOptions
from ladderscope.sweep.protocol import Job

MakeCell = Callable[..., Cell]
MakeExecutor = Callable[..., SlurmExecutor]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(slurm, "_RECORD_SECONDS", 0.1)
    monkeypatch.setattr(slurm_queue, "_ASK_SECONDS", 0.2)


@pytest.fixture
def start(slurm_cluster: Path, tmp_path: Path) -> Iterator[MakeExecutor]:
    """Starts an executor, as each run of the same command does."""
    made: list[SlurmExecutor] = []

    def start(resume: bool = True, jobs: int | None = None, **options: Any) -> SlurmExecutor:
        terms = Terms(jobs=jobs, timeout_seconds=None, folder=tmp_path / "run", resume=resume, say=print)
        made.append(SlurmExecutor(terms, SlurmOptions(**options)))
        return made[-1]

    yield start
    for executor in made:
        executor.close()


@pytest.fixture
def job(tiny_cell: MakeCell) -> Job:
    return Job(tiny_cell(), "cuda", gpu=None, num_threads=1)


def submit(executor: SlurmExecutor, *jobs: Job) -> list[Future[Record | None]]:
    with executor.batch():
        return [executor.submit(one, lambda _: None) for one in jobs]


def state_of(cluster: Path, name: str) -> Path:
    return cluster / f"job-{name.partition('_')[0]}" / f"{name}.state"


def test_jobs_of_a_batch_are_one_array_with_the_options(
    start: MakeExecutor, slurm_cluster: Path, tiny_cell: MakeCell
) -> None:
    options = {"partition": "long", "account": "lab", "gpu_type": "a100", "time_minutes": 30, "array_parallelism": 2}
    jobs = [Job(tiny_cell(seed=seed), "cuda", gpu=None, num_threads=4) for seed in range(3)]
    submit(start(cpus=4, memory_gib=8.0, **options), *jobs)
    (script,) = slurm_cluster.glob("job-*/script.sh")
    flags = {line.removeprefix("#SBATCH ") for line in script.read_text().splitlines() if line.startswith("#SBATCH")}
    assert flags >= {
        "--array=0-2%2",
        "--partition=long",
        "--account=lab",
        "--gpus-per-node=a100:1",
        "--time=30",
        "--cpus-per-task=4",
        "--mem=8192M",
    }


def test_predictions_ask_for_no_gpu(start: MakeExecutor, slurm_cluster: Path, tiny_cell: MakeCell) -> None:
    submit(start(gpu_type="a100"), Job(tiny_cell(), "predict", "rtx-3060-12gb", num_threads=1))
    (script,) = slurm_cluster.glob("job-*/script.sh")
    assert "gpu" not in script.read_text().split("# command")[0]


@pytest.mark.parametrize(
    ("meter", "state", "status"),
    [
        ("cuda", "OUT_OF_MEMORY", "oom"),
        ("predict", "OUT_OF_MEMORY", "error"),
        ("cuda", "TIMEOUT", "timeout"),
        ("cuda", "FAILED", "error"),
        ("cuda", "CANCELLED by 1000", "error"),
    ],
)
def test_a_job_that_leaves_no_record_gives_one_that_says_how_it_ended(
    start: MakeExecutor, slurm_cluster: Path, tiny_cell: MakeCell, meter: str, state: str, status: str
) -> None:
    gpu = "rtx-3060-12gb" if meter == "predict" else None
    (future,) = submit(start(), Job(tiny_cell(), meter, gpu, num_threads=1))
    state_of(slurm_cluster, "1").write_text(state)
    record = future.result(timeout=30)
    assert record is not None
    assert record.status == status
    assert state.split()[0] in (record.error or "")


def test_a_job_that_runs_is_running_and_one_that_waits_can_be_taken_back(
    start: MakeExecutor, slurm_cluster: Path, job: Job, tiny_cell: MakeCell
) -> None:
    begun: list[float] = []
    executor = start()
    with executor.batch():
        running = executor.submit(job, begun.append)
        waiting = executor.submit(Job(tiny_cell(seed=1), "cuda", None, 1), begun.append)
    (state_of(slurm_cluster, "1_0").with_suffix(".pid")).write_text("999999999")
    state_of(slurm_cluster, "1_0").write_text("RUNNING")
    _wait_until(lambda: bool(begun))
    assert not running.cancel()
    assert waiting.cancel()
    _wait_until(lambda: state_of(slurm_cluster, "1_1").read_text().startswith("CANCELLED"))
    assert state_of(slurm_cluster, "1_0").read_text() == "RUNNING"


def test_cancelling_ends_all_jobs_without_records(start: MakeExecutor, slurm_cluster: Path, job: Job) -> None:
    executor = start()
    (future,) = submit(executor, job)
    executor.cancel()
    assert future.result(timeout=30) is None
    assert state_of(slurm_cluster, "1").read_text().startswith("CANCELLED")
    (late,) = submit(executor, job)
    assert late.result(timeout=1) is None


def test_a_record_that_an_earlier_run_has_left_is_taken_and_removed_once_it_is_kept(
    start: MakeExecutor, slurm_cluster: Path, job: Job, tmp_path: Path
) -> None:
    submit(start(), job)
    path = SlurmFolder(tmp_path / "run").record_path(job)
    left = Record(cell=job.cell, meter="cuda", gpu="NVIDIA A100-SXM4-40GB", status="ok")
    write_record(path, left)
    executor = start()
    (future,) = submit(executor, job)
    assert future.result(timeout=1) == left
    assert path.exists()
    executor.kept(left)
    assert not path.exists()
    assert len(list(slurm_cluster.glob("job-*"))) == 1


def test_a_job_that_an_earlier_run_has_left_is_waited_for_and_not_submitted_again(
    start: MakeExecutor, slurm_cluster: Path, job: Job, tmp_path: Path
) -> None:
    submit(start(), job)
    (future,) = submit(start(), job)
    assert len(list(slurm_cluster.glob("job-*"))) == 1
    record = Record(cell=job.cell, meter="cuda", status="ok")
    write_record(SlurmFolder(tmp_path / "run").record_path(job), record)
    assert future.result(timeout=30) == record


def test_a_job_that_was_lost_meanwhile_is_submitted_again(start: MakeExecutor, slurm_cluster: Path, job: Job) -> None:
    submit(start(), job)
    state_of(slurm_cluster, "1").write_text("NODE_FAIL")
    submit(start(), job)
    assert len(list(slurm_cluster.glob("job-*"))) == 2


def test_without_resume_what_was_left_is_ended_and_forgotten(
    start: MakeExecutor, slurm_cluster: Path, job: Job, tmp_path: Path
) -> None:
    submit(start(), job)
    path = SlurmFolder(tmp_path / "run").record_path(job)
    write_record(path, Record(cell=job.cell, meter="cuda", status="ok"))
    (future,) = submit(start(resume=False), job)
    assert not path.exists()
    assert state_of(slurm_cluster, "1").read_text().startswith("CANCELLED")
    assert not future.done()
    assert len(list(slurm_cluster.glob("job-*"))) == 2


def test_what_sbatch_says_is_told(start: MakeExecutor, slurm_cluster: Path, job: Job) -> None:
    (slurm_cluster / "refusal").write_text("invalid partition specified: lnog")
    with pytest.raises(UsageError, match="invalid partition specified: lnog"):
        submit(start(), job)


def test_where_there_is_no_slurm_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    terms = Terms(jobs=None, timeout_seconds=None, folder=tmp_path / "run", resume=True, say=print)
    with pytest.raises(UsageError, match="where jobs are submitted"):
        SlurmExecutor(terms, SlurmOptions())


def _wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
