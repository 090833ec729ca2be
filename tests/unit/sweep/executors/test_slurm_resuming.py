"""What a driver finds of those before it, and what it does with that."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from ladderscope.cli import run
from ladderscope.errors import UsageError
from ladderscope.ledger import Ledger, read_ledger
from ladderscope.sweep.executors.slurm_folder import job_name, write_record
from ladderscope.sweep.run import collect


def left_by_a_dead_driver(site: Any, count: int, **options: Any) -> list[Any]:
    """Jobs in Slurm, of a driver that lives no more."""
    jobs: list[Any] = site.jobs(count)
    site.submit(site.driver(**options), *jobs)
    site.wait_for_arrays(1)
    site.close()
    return jobs


def test_what_had_finished_is_collected_and_its_files_removed_once_the_ledger_has_it(
    site: Any, tmp_path: Path
) -> None:
    jobs = left_by_a_dead_driver(site, 3)
    finished = [site.finish(job) for job in jobs[:2]]
    with Ledger(tmp_path / "runs.jsonl") as ledger:
        assert collect(site.driver(), ledger) == 2
    assert {record.key for record in read_ledger(tmp_path / "runs.jsonl")} == {record.key for record in finished}
    assert site.records() == []


def test_a_record_that_the_ledger_has_already_is_not_appended_twice(site: Any, tmp_path: Path) -> None:
    (job,) = left_by_a_dead_driver(site, 1)
    record = site.finish(job, "timeout")
    with Ledger(tmp_path / "runs.jsonl") as ledger:
        ledger.append(record)  # and there its driver died
    with Ledger(tmp_path / "runs.jsonl") as ledger:
        assert collect(site.driver(), ledger) == 0
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 1
    assert site.records() == []


def test_a_job_that_still_waits_is_waited_for_and_not_submitted_again(site: Any) -> None:
    (job,) = left_by_a_dead_driver(site, 1)
    (future,) = site.submit(site.driver(), job)
    record = site.finish(job)
    assert future.result(timeout=60) == record
    assert len(site.arrays()) == 1


@pytest.mark.parametrize("state", ["NODE_FAIL", "CANCELLED/COMPLETING", "FAILED"])
def test_a_job_that_has_ended_without_a_record_meanwhile_is_submitted_again(site: Any, state: str) -> None:
    (job,) = left_by_a_dead_driver(site, 1)
    site.state("1").write_text(state)
    (future,) = site.submit(site.driver(), job)
    site.wait_for_arrays(2)
    record = site.finish(job)
    assert future.result(timeout=60) == record


def test_what_a_job_leaves_that_was_given_up_does_not_count(site: Any, tmp_path: Path) -> None:
    (job,) = left_by_a_dead_driver(site, 1)
    stale = site.finish(job)
    (path,) = site.records()
    path.unlink()
    site.submit(site.driver(), job)
    site.wait_for_arrays(2)
    write_record(path, stale)  # it lived on for half a minute
    site.close()
    with Ledger(tmp_path / "runs.jsonl") as ledger:
        assert collect(site.driver(), ledger) == 0
    assert site.records() == []


def test_a_record_that_comes_late_follows_the_error_that_was_recorded_for_it(site: Any, tmp_path: Path) -> None:
    (job,) = site.jobs(1)
    executor = site.driver()
    (future,) = site.submit(executor, job)
    site.wait_for_arrays(1)
    site.state("1").write_text("COMPLETED")
    with Ledger(tmp_path / "runs.jsonl") as ledger:
        ledger.append(future.result(timeout=60))
        record = site.finish(job)
        assert collect(executor, ledger) == 1
        assert ledger.records[-1] == record


def test_the_parallelism_counts_what_an_earlier_driver_has_left(site: Any) -> None:
    jobs = site.jobs(6)
    left_by_a_dead_driver(site, 3, array_parallelism=3)
    futures = site.submit(site.driver(array_parallelism=4), *jobs)
    site.wait_for_arrays(2)
    assert "--array=0-2%1" in site.arrays()[1].read_text()
    assert not any(future.done() for future in futures)


def test_without_resume_only_the_jobs_of_the_cells_that_are_run_are_ended(site: Any) -> None:
    jobs = left_by_a_dead_driver(site, 3)
    (future,) = site.submit(site.driver(resume=False), jobs[1])
    site.wait_for_arrays(2)
    states = [site.state(f"1_{index}").read_text() for index in range(3)]
    assert states == ["PENDING", "CANCELLED by 0", "PENDING"]
    record = site.finish(jobs[1])
    assert future.result(timeout=60) == record
    for index in (0, 2):
        assert job_name(jobs[index]) in site.notes()[0].slurm_ids


def test_a_job_that_outlives_its_end_is_not_taken_for_the_new_one(site: Any) -> None:
    (job,) = left_by_a_dead_driver(site, 1)
    old = site.notes()[0]
    site.state("1").write_text("RUNNING")
    (site.cluster / "slow-end").touch()
    (future,) = site.submit(site.driver(resume=False), job)
    site.wait_for_arrays(2)
    record = site.finish(job)
    stale = dataclasses.replace(record, status="error", error="Terminated")
    write_record(site.folder / "records" / f"{job_name(job)}.{old.key}.json", stale)
    assert future.result(timeout=60) == record


def test_where_scancel_fails_nothing_is_forgotten_and_nothing_begun(site: Any) -> None:
    (job,) = left_by_a_dead_driver(site, 1)
    before = site.notes()
    (site.cluster / "scancel-fails").touch()
    with pytest.raises(UsageError, match="Nothing was begun"):
        site.submit(site.driver(resume=False), job)
    (site.cluster / "scancel-fails").unlink()
    assert site.notes() == before
    assert len(site.arrays()) == 1


def test_where_squeue_fails_nothing_is_begun(site: Any) -> None:
    (job,) = left_by_a_dead_driver(site, 1)
    (site.cluster / "squeue-fails").touch()
    with pytest.raises(UsageError, match=r"controller does not answer: .*connect failure.* Nothing was begun"):
        site.submit(site.driver(), job)
    assert len(site.arrays()) == 1


def test_what_was_being_submitted_when_its_driver_died_is_ended_and_submitted_again(site: Any) -> None:
    (job,) = left_by_a_dead_driver(site, 1)
    (note,) = site.notes()
    path = site.folder / "arrays" / f"{note.key}.json"
    path.write_text(path.read_text().replace('"slurm_id": "1"', '"slurm_id": null'))  # as before sbatch has told it
    (future,) = site.submit(site.driver(), job)
    site.wait_for_arrays(2)
    assert site.state("1").read_text().startswith("CANCELLED")
    record = site.finish(job)
    assert future.result(timeout=60) == record


SWEEP = ["profile", "--model", "random:tiny-llama", "--method", "full", "--seq-len", "32", "--meter", "cuda"]


def test_a_second_driver_touches_nothing_while_the_first_holds_the_ledger(
    site: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.folder = tmp_path / "runs.jsonl.slurm"
    jobs = left_by_a_dead_driver(site, 2)
    site.finish(jobs[0])
    notes, records = site.notes(), site.records()
    with Ledger(tmp_path / "runs.jsonl"):
        assert run([*SWEEP, "--executor", "slurm", "--force", "--out", str(tmp_path / "runs.jsonl")]) == 2
    assert "another run is writing" in capsys.readouterr().err
    assert (site.notes(), site.records()) == (notes, records)
    assert site.state("1_1").read_text() == "PENDING"


def test_force_collects_what_had_finished_before_it_ends_anything(site: Any, tmp_path: Path) -> None:
    site.folder = tmp_path / "runs.jsonl.slurm"
    jobs = left_by_a_dead_driver(site, 3)
    finished = [site.finish(job) for job in jobs[:2]]
    (site.cluster / "refusal").write_text("not now")  # so that the sweep ends once it would begin
    command = [*SWEEP, "--executor", "slurm", "--force", "--out", str(tmp_path / "runs.jsonl")]
    assert run(command) == 2
    assert {record.key for record in read_ledger(tmp_path / "runs.jsonl")} == {record.key for record in finished}
    assert site.state("1_2").read_text() == "PENDING"  # of a cell that this sweep has not
