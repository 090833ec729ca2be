"""What is handed to Slurm, and what becomes of its jobs; stand-ins for its programs, on which no job ever runs."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladderscope.errors import UsageError
from ladderscope.records import Cell
from ladderscope.sweep.executors import slurm_submitter, watched
from ladderscope.sweep.executors.engine import Terms
from ladderscope.sweep.executors.slurm import SlurmExecutor
from ladderscope.sweep.executors.slurm_options import SlurmOptions
from ladderscope.sweep.interrupt import graceful_interrupt
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.run import Unseen, run_jobs

MakeCell = Callable[..., Cell]


def flags_of(script: Path) -> set[str]:
    lines = script.read_text().splitlines()
    return {line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH")}


def test_jobs_of_a_batch_are_one_array_with_the_options(site: Any) -> None:
    options = {"partition": "long", "account": "lab", "gpu_type": "a100", "time_minutes": 30, "array_parallelism": 2}
    site.submit(site.driver(cpus=4, memory_gib=8.0, **options), *site.jobs(3))
    site.wait_for_arrays(1)
    (script,) = site.arrays()
    assert flags_of(script) >= {
        "--array=0-2%2",
        "--partition=long",
        "--account=lab",
        "--gpus-per-node=a100:1",
        "--time=30",
        "--cpus-per-task=4",
        "--mem=8192M",
        f"--job-name={site.notes()[0].label}",
    }
    (step,) = [line for line in script.read_text().splitlines() if line.startswith("srun")]
    assert "--cpus-per-task=4" in step
    assert (site.cluster / "blocked").read_text() == "SIGINT"  # Ctrl-C on the terminal does not reach sbatch


def test_predictions_ask_for_no_gpu_even_behind_measurements(site: Any) -> None:
    executor = site.driver(gpu_type="a100", array_parallelism=8)
    (measured,), (predicted,) = site.jobs(1), site.jobs(1, "predict")
    site.submit(executor, measured)
    site.wait_for_arrays(1)
    site.submit_more(executor, predicted)
    site.wait_for_arrays(2)
    assert ["gpu" in script.read_text().split("# command")[0] for script in site.arrays()] == [True, False]


@pytest.mark.parametrize(("gpu_type", "asked"), [(None, "4"), ("a100", "a100:4")])
def test_cells_on_several_gpus_are_arrays_of_their_own_that_ask_for_all_of_them(
    site: Any, tiny_cell: MakeCell, gpu_type: str | None, asked: str
) -> None:
    executor = site.driver(gpu_type=gpu_type, array_parallelism=8)
    sharded = [tiny_cell(parallel="fsdp", num_gpus=4, seed=seed) for seed in range(2)]
    first, second = (Job(cell, "cuda", gpu=None, num_threads=1) for cell in sharded)
    site.submit(executor, first, *site.jobs(1), second)
    site.wait_for_arrays(2)
    of_four, of_one = map(flags_of, site.arrays())
    assert {f"--gpus-per-node={asked}", "--array=0-1%2", "--nodes=1", "--cpus-per-task=4"} <= of_four
    assert {f"--gpus-per-node={asked.replace('4', '1')}", "--cpus-per-task=1"} <= of_one


@pytest.mark.parametrize(
    ("meter", "state", "status"),
    [
        ("cuda", "OUT_OF_MEMORY", "oom"),
        ("predict", "OUT_OF_MEMORY", "error"),
        ("cuda", "TIMEOUT", "timeout"),
        ("cuda", "FAILED", "error"),
        ("cuda", "CANCELLED by 1000", "error"),
        ("cuda", "CANCELLED/COMPLETING", "error"),
    ],
)
def test_a_job_that_leaves_no_record_gives_one_that_says_how_it_ended(
    site: Any, meter: str, state: str, status: str
) -> None:
    (future,) = site.submit(site.driver(), *site.jobs(1, meter))
    site.wait_for_arrays(1)
    site.state("1").write_text(state)
    record = future.result(timeout=60)
    assert record.status == status
    assert state.partition("/")[0].split()[0] in record.error


def test_where_there_is_no_accounting_a_job_without_a_record_is_an_error(site: Any) -> None:
    (site.cluster / "sacct-fails").touch()
    (future,) = site.submit(site.driver(), *site.jobs(1))
    site.wait_for_arrays(1)
    site.state("1").write_text("TIMEOUT")
    record = future.result(timeout=60)
    assert (record.status, record.error) == ("error", "the job has left Slurm without a record")


def test_a_record_that_cannot_be_read_is_an_error_that_names_it(site: Any) -> None:
    (job,) = site.jobs(1)
    (future,) = site.submit(site.driver(), job)
    site.wait_for_arrays(1)
    site.finish(job, state="RUNNING")
    (path,) = site.records()
    path.write_text("{")
    site.state("1").write_text("COMPLETED")
    record = future.result(timeout=60)
    assert record.status == "error"
    assert str(path) in record.error


@pytest.mark.parametrize("state", ["NODE_FAIL/PENDING", "REQUEUED/PENDING", "PREEMPTED/REQUEUE_HOLD", "SUSPENDED"])
def test_a_job_that_slurm_still_has_is_waited_for_whatever_the_accounts_say(site: Any, state: str) -> None:
    (job,) = site.jobs(1)
    (future,) = site.submit(site.driver(), job)
    site.wait_for_arrays(1)
    site.state("1").write_text(state)
    with pytest.raises(TimeoutError):
        future.result(timeout=1.5)
    record = site.finish(job)
    assert future.result(timeout=60) == record
    assert len(site.arrays()) == 1


@pytest.mark.parametrize("state", ["PREEMPTED", "NODE_FAIL"])
def test_a_job_that_was_lost_is_submitted_again(site: Any, state: str) -> None:
    (job,) = site.jobs(1)
    (future,) = site.submit(site.driver(), job)
    site.wait_for_arrays(1)
    site.state("1").write_text(state)
    site.wait_for_arrays(2)
    record = site.finish(job)
    assert future.result(timeout=60) == record


def test_a_cell_that_loses_its_node_again_and_again_is_an_error(site: Any) -> None:
    (future,) = site.submit(site.driver(retries=1), *site.jobs(1))
    for count in (1, 2):
        site.wait_for_arrays(count)
        site.state(str(count)).write_text("NODE_FAIL")
    record = future.result(timeout=60)
    assert record.status == "error"
    assert "NODE_FAIL" in record.error
    assert len(site.arrays()) == 2


def test_while_squeue_does_not_tell_nothing_is_concluded(site: Any) -> None:
    (job,) = site.jobs(1)
    (future,) = site.submit(site.driver(), job)
    site.wait_for_arrays(1)
    (site.cluster / "squeue-fails").touch()
    site.state("1").write_text("FAILED")
    site.wait_until(lambda: site.said)
    with pytest.raises(TimeoutError):
        future.result(timeout=1)
    assert len(site.said) == 1
    assert "Unable to contact slurm controller" in site.said[0]
    (site.cluster / "squeue-fails").unlink()
    assert future.result(timeout=60).status == "error"


def test_a_job_that_runs_is_running_and_one_that_waits_can_be_taken_back(site: Any) -> None:
    first, second = site.jobs(2)
    running, waiting = site.submit(site.driver(), first, second)
    site.wait_for_arrays(1)
    site.state("1_0").write_text("RUNNING")
    site.wait_until(lambda: site.begun == [first])
    assert not running.cancel()
    assert waiting.cancel()
    site.wait_until(lambda: site.state("1_1").read_text().startswith("CANCELLED"))
    assert site.state("1_0").read_text() == "RUNNING"


def test_cancelling_ends_all_jobs_without_records(site: Any) -> None:
    executor = site.driver()
    (future,) = site.submit(executor, *site.jobs(1))
    site.wait_for_arrays(1)
    executor.cancel()
    assert future.result(timeout=60) is None
    assert site.state("1").read_text().startswith("CANCELLED")
    (late,) = site.submit_more(executor, *site.jobs(1))
    assert late.result(timeout=1) is None


def test_what_is_cancelled_while_sbatch_runs_is_ended_behind_it(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    executor = site.driver()
    submit = executor._queue.submit

    def submit_and_hear_ctrl_c(*arguments: Any, **settings: Any) -> Any:
        executor.cancel()
        return submit(*arguments, **settings)

    monkeypatch.setattr(executor._queue, "submit", submit_and_hear_ctrl_c)
    (future,) = site.submit(executor, *site.jobs(1))
    assert future.result(timeout=60) is None
    assert site.state("1").read_text().startswith("CANCELLED")


def test_where_scancel_fails_it_is_tried_again(site: Any) -> None:
    executor = site.driver()
    (future,) = site.submit(executor, *site.jobs(1))
    site.wait_for_arrays(1)
    (site.cluster / "scancel-fails").touch()
    executor.cancel()
    site.wait_until(lambda: site.said)
    assert "Slurm does not end the jobs" in site.said[0]
    assert not future.done()
    (site.cluster / "scancel-fails").unlink()
    assert future.result(timeout=60) is None


def test_the_third_ctrl_c_leaves_a_slurm_that_does_not_answer(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "_LEAVE_SECONDS", 0.1)
    (site.cluster / "scancel-hangs").touch()
    executor = site.driver()
    (job,) = site.jobs(1)
    executor.left()

    heard: list[str] = []

    def press() -> None:
        site.wait_for_arrays(1)
        site.state("1").write_text("RUNNING")
        site.wait_until(lambda: executor.held[0].future.running())
        for count in range(3):
            site.wait_until(lambda count=count: len(heard) == count)
            os.kill(os.getpid(), signal.SIGINT)

    with graceful_interrupt(heard.append) as stop:
        threading.Thread(target=press).start()
        jobs = executor.arrange([job], lambda asked: [])
        with pytest.raises(KeyboardInterrupt):
            run_jobs(jobs, executor, [], Unseen(), stop)
    executor.close()
    (site.cluster / "scancel-hangs").unlink()
    assert [note.slurm_id for note in site.notes()] == ["1"]  # the next driver finds the job


def test_an_error_of_the_sweep_leaves_the_jobs_to_slurm(site: Any) -> None:
    executor = site.driver()
    site.submit(executor, *site.jobs(1))
    site.wait_until(lambda: executor.held[0].slurm_id == "1")
    executor.abandon()
    executor.close()
    assert site.state("1").read_text() == "PENDING"
    assert "the same command collects" in site.said[0]


def test_what_sbatch_says_of_the_first_array_is_told_and_nothing_waits(site: Any) -> None:
    (site.cluster / "refusal").write_text("invalid partition specified: lnog")
    (future,) = site.submit(site.driver(), *site.jobs(1))
    with pytest.raises(UsageError, match="invalid partition specified: lnog"):
        future.result(timeout=60)
    assert site.notes() == []


def test_where_the_controller_goes_before_the_first_array_that_is_named(site: Any) -> None:
    (site.cluster / "refusal").write_text("Batch job submission failed: Unable to contact slurm controller")
    (future,) = site.submit(site.driver(), *site.jobs(1))
    with pytest.raises(UsageError, match=r"controller does not answer: .*Batch job submission failed"):
        future.result(timeout=60)


def test_a_later_refusal_ends_nothing_and_is_tried_again(site: Any) -> None:
    executor = site.driver()
    first, second = site.jobs(2)
    (one,) = site.submit(executor, first)
    site.wait_for_arrays(1)
    (site.cluster / "refusal").write_text("QOSMaxSubmitJobPerUserLimit")
    (other,) = site.submit_more(executor, second)
    site.wait_until(lambda: site.said)
    assert "QOSMaxSubmitJobPerUserLimit" in site.said[0]
    record = site.finish(first)
    assert one.result(timeout=60) == record
    assert not other.done()
    (site.cluster / "refusal").unlink()
    site.wait_for_arrays(2)
    record = site.finish(second)
    assert other.result(timeout=60) == record
    assert len(site.said) == 1


def test_a_refusal_that_lasts_while_slurm_has_nothing_of_ours_ends_the_sweep(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm_submitter, "_GIVE_UP_SECONDS", 0.3)
    executor = site.driver()
    first, second = site.jobs(2)
    (one,) = site.submit(executor, first)
    site.wait_for_arrays(1)
    site.finish(first)
    assert one.result(timeout=60) is not None
    (site.cluster / "refusal").write_text("Invalid account")
    (other,) = site.submit_more(executor, second)
    with pytest.raises(UsageError, match="Invalid account"):
        other.result(timeout=60)


def test_jobs_whose_answer_was_lost_are_ended_before_they_are_submitted_again(site: Any) -> None:
    executor = site.driver()
    first, second = site.jobs(2)
    site.submit(executor, first)
    site.wait_for_arrays(1)
    (site.cluster / "lost-answer").touch()
    (future,) = site.submit_more(executor, second)
    site.wait_until(lambda: site.said)
    site.wait_until(lambda: site.state("2").read_text().startswith("CANCELLED"))
    (site.cluster / "lost-answer").unlink()
    site.wait_until(lambda: len(site.notes()) == 2 and all(array.slurm_id for array in site.notes()))
    record = site.finish(second)
    assert future.result(timeout=60) == record
    alive = [script for script in site.arrays() if "PENDING" in state_texts(script.parent)]
    assert len(alive) == 1  # of the first job


def state_texts(job: Path) -> list[str]:
    return [state.read_text() for state in job.glob("*.state")]


def test_arrays_together_keep_to_the_parallelism(site: Any) -> None:
    executor = site.driver(array_parallelism=4, array_size=6)
    jobs = site.jobs(8)
    futures = site.submit(executor, *jobs[:6])
    site.wait_for_arrays(1)
    for job, future in zip(jobs[:2], futures, strict=False):
        site.finish(job)
        future.result(timeout=60)
    site.submit_more(executor, *jobs[6:])
    time.sleep(1)
    assert len(site.arrays()) == 1  # four of the first array are left, and may all run
    site.finish(jobs[2])
    site.wait_for_arrays(2)
    assert ["--array=0-5%4" in flags_of(site.arrays()[0]), "--array=0-1%1" in flags_of(site.arrays()[1])] == [True] * 2


def test_where_there_is_no_slurm_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    terms = Terms(jobs=None, timeout_seconds=None, folder=tmp_path / "run", resume=True, say=print)
    with pytest.raises(UsageError, match="where jobs are submitted"):
        SlurmExecutor(terms, SlurmOptions())
