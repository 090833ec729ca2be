"""A Slurm of stand-ins, on which no job ever runs by itself, and executors on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from ladderscope.records import Cell, Record, Status
from ladderscope.sweep.executors import slurm, slurm_queue, slurm_room, slurm_submitter
from ladderscope.sweep.executors.engine import Terms
from ladderscope.sweep.executors.slurm import SlurmExecutor
from ladderscope.sweep.executors.slurm_array import read_array
from ladderscope.sweep.executors.slurm_folder import job_name, write_record
from ladderscope.sweep.executors.slurm_options import SlurmOptions
from ladderscope.sweep.protocol import Job


class SlurmSite:
    """A cluster, the folder of one ledger's runs on it, and the drivers of these."""

    def __init__(self, cluster: Path, folder: Path, make_cell: Callable[..., Cell]) -> None:
        self.cluster, self.folder = cluster, folder
        self.said: list[str] = []
        self.begun: list[Job] = []
        self._make_cell = make_cell
        self._driver: SlurmExecutor | None = None

    def driver(self, resume: bool = True, jobs: int | None = None, **options: Any) -> SlurmExecutor:
        """A new driver; the one before is dead, and has told Slurm nothing."""
        self.close()
        terms = Terms(jobs=jobs, timeout_seconds=None, folder=self.folder, resume=resume, say=self.said.append)
        self._driver = SlurmExecutor(terms, SlurmOptions(**options))
        return self._driver

    def close(self) -> None:
        """End the driver."""
        if self._driver is not None:
            self._driver.close()

    def jobs(self, count: int, meter: str = "cuda") -> list[Job]:
        """Jobs on cells of their own."""
        gpu = "rtx-3060-12gb" if meter == "predict" else None
        return [Job(self._make_cell(seed=seed), meter, gpu, num_threads=1) for seed in range(count)]

    def submit(self, executor: SlurmExecutor, *jobs: Job) -> list[Future[Record | None]]:
        """What a sweep does with jobs."""
        executor.left()
        return self.submit_more(executor, *executor.arrange(jobs, lambda asked: []))

    def submit_more(self, executor: SlurmExecutor, *jobs: Job) -> list[Future[Record | None]]:
        """Another batch."""
        with executor.batch():
            return [executor.submit(job, lambda _, job=job: self.begun.append(job)) for job in jobs]  # type: ignore[misc]

    def arrays(self) -> list[Path]:
        """The scripts of what was submitted."""
        return sorted(self.cluster.glob("job-*/script.sh"))

    def wait_for_arrays(self, count: int) -> None:
        """Until so many were submitted, and their numbers are noted."""
        self.wait_until(lambda: len(self.arrays()) == count and all(array.slurm_id for array in self.notes()))

    @staticmethod
    def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
        """Wait, or fail."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def notes(self) -> list[Any]:
        """What is noted of arrays."""
        return [read_array(path) for path in sorted((self.folder / "arrays").glob("[0-9]*.json"))]

    def state(self, slurm_id: str) -> Path:
        """The file with the state of a job."""
        return self.cluster / f"job-{slurm_id.partition('_')[0]}" / f"{slurm_id}.state"

    def finish(self, job: Job, status: Status = "ok", state: str = "COMPLETED") -> Record:
        """The job leaves a record and ends, where it was noted last."""
        record = Record(cell=job.cell, meter=job.meter, gpu=job.gpu or "NVIDIA A100-SXM4-40GB", status=status)
        array = [array for array in self.notes() if job_name(job) in array.jobs][-1]
        write_record(self.folder / "records" / f"{job_name(job)}.{array.key}.json", record)
        self.state(array.slurm_ids[job_name(job)]).write_text(state)
        return record

    def records(self) -> Sequence[Path]:
        """The files of records."""
        return sorted(path for path in (self.folder / "records").iterdir() if not path.name.startswith("."))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing takes minutes."""
    monkeypatch.setattr(slurm, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(slurm, "_RECORD_SECONDS", 0.2)
    monkeypatch.setattr(slurm, "_END_AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(slurm_queue, "_ASK_SECONDS", 0.1)
    monkeypatch.setattr(slurm_submitter, "_AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(slurm_room, "_GATHER_SECONDS", 0.3)


@pytest.fixture
def site(slurm_cluster: Path, tmp_path: Path, tiny_cell: Callable[..., Cell], impatient: None) -> Iterator[SlurmSite]:
    """A cluster of stand-ins, and the folder of one ledger."""
    made = SlurmSite(slurm_cluster, tmp_path / "run", tiny_cell)
    yield made
    made.close()
