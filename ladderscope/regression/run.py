"""Runs the cells of a check, each in the process that ``profile`` would run it in, and makes entries of them."""

from __future__ import annotations

import dataclasses
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from ladderscope.records import PREDICT, Cell, Record
from ladderscope.regression.asked import asked_now
from ladderscope.regression.entry import Entry
from ladderscope.regression.take import canonical, entry_name, entry_of
from ladderscope.sweep.executor import Executor
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.run import Progress, run_jobs


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be measured or predicted: a cell, by which meter, for or on which GPU; and the name of its entry.

    ``asked`` is that of the entry: of a method that a file decides, its ``--method`` and the settings beside it.
    """

    name: str
    cell: Cell
    meter: str
    gpu: str | None
    asked: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def of_cell(cls, cell: Cell, meter: str, gpu: str | None, asked: Mapping[str, str] | None = None) -> Self:
        """A cell that comes from a grid; what a file holds is not in its name, so that it may change."""
        named = dataclasses.replace(cell, method=asked["method"], settings=asked["settings"]) if asked else cell
        return cls(entry_name(named, meter, gpu), canonical(cell, meter), meter, gpu, asked or {})

    @classmethod
    def of_entry(cls, entry: Entry) -> Self:
        """What an entry was made of; where a file decided that, what the file says now.

        Raises:
            UsageError: its settings hold what no cell has, or the file cannot be read.
        """
        cell = asked_now(entry.cell, entry.asked) if entry.asked else entry.cell
        return cls(entry.name, cell, entry.meter, entry.gpu, entry.asked)

    def job(self, num_threads: int) -> Job:
        """What a worker is told."""
        if self.meter != PREDICT:
            return Job(self.cell, self.meter, self.gpu, num_threads)
        # Not the environment's settings of the allocator: a baseline is the same on all machines.
        return Job(self.cell, self.meter, self.gpu, num_threads=1, detailed=True, alloc_conf="")


@dataclass(frozen=True, slots=True)
class Taken:
    """What came out, by name of the entry; an interrupted run lacks some names in both."""

    entries: dict[str, Entry] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def take(
    subjects: Sequence[Subject],
    executor: Executor,
    progress: Progress,
    stop: threading.Event,
    *,
    repeat: int = 1,
    num_threads: int = 1,
) -> Taken:
    """Measure or predict the subjects.

    Args:
        subjects: what to run.
        executor: runs each in a process.
        progress: is told.
        stop: once set, no further cell begins.
        repeat: how often each measurement is made, in rounds, so that what drifts drifts for all.
        num_threads: of the CPU, for each measurement.
    """
    jobs = {job.key: job for job in (subject.job(num_threads) for subject in subjects)}
    records: list[Record] = []
    run_jobs([job for _ in range(repeat) for job in jobs.values()], executor, records, progress, stop)
    by_key: defaultdict[tuple[str, str, str | None], list[Record]] = defaultdict(list)
    for record in records:
        by_key[record.key].append(record)
    taken = Taken()
    for subject in subjects:
        several = by_key[subject.job(num_threads).key]
        failed = [record for record in several if not _has_numbers(record)]
        if failed:
            taken.errors[subject.name] = f"{failed[0].status}: {failed[0].error}"
        elif len(several) == repeat:
            taken.entries[subject.name] = entry_of(several, subject.name, subject.asked)
    return taken


def _has_numbers(record: Record) -> bool:
    # A prediction goes on behind the end of memory, and says what a larger GPU would need.
    return record.status == "ok" or (record.meter == PREDICT and record.memory is not None)
