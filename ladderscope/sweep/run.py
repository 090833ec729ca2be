"""Runs what a ledger does not hold yet."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol

from ladderscope.records import Record
from ladderscope.sweep.executor import Executor
from ladderscope.sweep.protocol import Job


class Sink(Protocol):
    """Takes records, one by one: a ledger, or a list."""

    def append(self, record: Record, /) -> None:
        """Keep the record."""
        ...


class Progress(Protocol):
    """Told what happens during a sweep; called from several threads."""

    def tick(self, job: Job, fraction: float) -> None:
        """A running cell has got this far."""
        ...

    def finish(self, record: Record) -> None:
        """A cell has ended, and its record is kept."""
        ...


def missing_jobs(jobs: Sequence[Job], records: Sequence[Record], again: Callable[[Record], bool]) -> list[Job]:
    """The jobs without a record, and those whose record is to be made ``again``."""
    latest = {record.key: record for record in records}
    return [job for job in jobs if job.key not in latest or again(latest[job.key])]


def run_jobs(
    jobs: Sequence[Job], executor: Executor, ledger: Sink, progress: Progress, stop: threading.Event
) -> list[Record]:
    """Run the jobs and append each record as it comes.

    Args:
        jobs: what to run.
        executor: runs one job in a fresh process.
        ledger: takes the records; only this thread writes to it.
        progress: is told.
        stop: once set, no further job begins; running ones are waited for.

    Returns:
        The new records.
    """

    def run(job: Job) -> Record | None:
        if stop.is_set():
            return None
        try:
            return executor.run(job, lambda fraction: progress.tick(job, fraction))
        except OSError as error:  # the process could not be started
            return Record(cell=job.cell, meter=job.meter, gpu=job.gpu, status="error", error=str(error))

    new: list[Record] = []
    with ThreadPoolExecutor(max_workers=executor.slots) as pool:
        pending: set[Future[Record | None]] = {pool.submit(run, job) for job in jobs}
        try:
            while pending:
                # A finite wait, so that the main thread gets to see signals.
                done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in done:
                    record = future.result()
                    if record is not None:
                        ledger.append(record)
                        progress.finish(record)
                        new.append(record)
        except BaseException:
            # Without this the pool would run all that is left before it lets the error through.
            executor.cancel()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return new
