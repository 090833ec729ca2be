"""Runs what a ledger does not hold yet."""

from __future__ import annotations

import functools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Protocol

from ladderscope.ledger.columns import finished_at
from ladderscope.records import Record
from ladderscope.sweep.executor import Executor
from ladderscope.sweep.interrupt import Stop
from ladderscope.sweep.protocol import Job

_WAIT_SECONDS = 0.2


class Sink(Protocol):
    """Takes records, one by one: a ledger, or a list."""

    def append(self, record: Record, /) -> None:
        """Keep the record."""
        ...


class Collection(Sink, Protocol):
    """A sink that tells what it holds: a ledger."""

    @property
    def records(self) -> list[Record]:
        """All of them, the latest last."""
        ...


class Progress(Protocol):
    """Told what happens during a sweep; called from several threads."""

    def tick(self, job: Job, fraction: float) -> None:
        """A running cell has got this far."""
        ...

    def finish(self, record: Record) -> None:
        """A cell has ended, and its record is kept."""
        ...


class Unseen:
    """Progress that nobody watches."""

    def tick(self, job: Job, fraction: float) -> None:
        """Say nothing."""

    def finish(self, record: Record) -> None:
        """Say nothing."""


class Latest:
    """The last record of each job, among those of a ledger."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._by_key: dict[tuple[str, str, str | None], Record] = {}
        self._by_cell: dict[tuple[str, str], Record] = {}
        for record in records:
            self._by_key[record.key] = record
            known = self._by_cell.get(record.key[:2])
            if known is None or not _is_older(record, known):
                self._by_cell[record.key[:2]] = record

    def of(self, job: Job) -> Record | None:
        """The job's record; of one that names no GPU, since an engine chooses it, on whatever GPU."""
        return self._by_cell.get(job.key[:2]) if job.gpu is None else self._by_key.get(job.key)


def _is_older(record: Record, other: Record) -> bool:
    """Whether both say when they finished, and ``record`` did before: ledgers keep a key where it first stood."""
    mine, theirs = finished_at(record), finished_at(other)
    return mine is not None and theirs is not None and mine < theirs


def missing_jobs(jobs: Sequence[Job], records: Sequence[Record], again: Callable[[Record], bool]) -> list[Job]:
    """The jobs without a record, and those whose record is to be made ``again``."""
    latest = Latest(records)
    return [job for job in jobs if (record := latest.of(job)) is None or again(record)]


def collect(executor: Executor, ledger: Collection) -> int:
    """Append what earlier runs have left with the executor, and the ledger lacks; returns how many records that were.

    Whoever calls this holds the ledger: another run's records are none of ours.
    """
    latest = {record.key: record for record in ledger.records}
    count = 0
    for record in executor.left():
        if latest.get(record.key) != record:
            ledger.append(record)
            latest[record.key] = record
            count += 1
        executor.kept(record)
    return count


def run_jobs(
    jobs: Sequence[Job], executor: Executor, ledger: Sink, progress: Progress, stop: threading.Event
) -> list[Record]:
    """Run the jobs and append each record as it comes.

    Args:
        jobs: what to run.
        executor: runs them.
        ledger: takes the records; only this thread writes to it.
        progress: is told.
        stop: once set, no further job begins; running ones are waited for, or ended where it is a
            :class:`~ladderscope.sweep.interrupt.Stop` that says so.

    Returns:
        The new records.
    """
    waiting = deque(jobs)
    pending: list[Future[Record | None]] = []
    """In the order in which they were submitted, and so are the records of those that end together."""
    new: list[Record] = []
    is_cancelled = False
    try:
        while waiting or pending:
            if stop.is_set():
                waiting.clear()
                pending = [future for future in pending if not future.cancel()]
            if isinstance(stop, Stop) and stop.at_once and not is_cancelled:
                executor.cancel()
                is_cancelled = True
            pending += _submit(waiting, executor, progress, executor.capacity - len(pending))
            # A finite wait, so that the main thread gets to see signals.
            done, _ = wait(pending, timeout=_WAIT_SECONDS, return_when=FIRST_COMPLETED)
            ended, pending = [one for one in pending if one in done], [one for one in pending if one not in done]
            for record in _records_of(ended):
                ledger.append(record)
                executor.kept(record)
                progress.finish(record)
                new.append(record)
    except BaseException:
        executor.abandon()
        raise
    return new


def _records_of(ended: Iterable[Future[Record | None]]) -> Iterator[Record]:
    """The records of those that gave one; what went wrong with another is raised behind them, so that none is lost."""
    errors: list[Exception] = []
    for future in ended:
        try:
            record = future.result()
        except Exception as error:
            errors.append(error)
            continue
        if record is not None:
            yield record
    if errors:
        raise errors[0]


def _submit(waiting: deque[Job], executor: Executor, progress: Progress, room: int) -> list[Future[Record | None]]:
    """Submit as many as there is room for."""
    if not waiting or room <= 0:
        return []
    with executor.batch():
        jobs = [waiting.popleft() for _ in range(min(room, len(waiting)))]
        return [executor.submit(job, functools.partial(progress.tick, job)) for job in jobs]
