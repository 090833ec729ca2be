"""Runs a cell where an engine has put it: in a fresh process there, as ``--executor local`` does here."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from ladderscope.errors import LadderscopeError
from ladderscope.records import Record
from ladderscope.sweep.executor import LocalExecutor, failed
from ladderscope.sweep.process import Tick
from ladderscope.sweep.protocol import Job


def run_cell(job: Job, tick: Tick, timeout_seconds: float | None, folder: Path | None) -> Record:
    """Measure or predict the job on this machine, and wait for it.

    Args:
        job: what to run.
        tick: told how far it is.
        timeout_seconds: after which it is ended; None for never.
        folder: to work in, as relative paths in cells mean; where this machine lacks it, and for None, it is the
            folder of this process.

    Raises:
        LadderscopeError: the cell was ended from another thread of this process.
    """
    if folder is not None and folder.is_dir():
        os.chdir(folder)
    executor = _executor(timeout_seconds)
    try:
        record = executor.run(job, tick)
    except OSError as error:
        return failed(job, "error", str(error))
    except BaseException:  # the engine ends this task: nothing of it may go on
        _end(executor)
        raise
    if record is None:
        _end(executor)
        raise LadderscopeError(f"{job.cell.label} was ended before it had a record.")
    return record


def _end(executor: LocalExecutor) -> None:
    """What was cancelled stays so, and other tasks may come to this process."""
    executor.cancel()
    _executor.cache_clear()


@functools.cache
def _executor(timeout_seconds: float | None) -> LocalExecutor:
    """One for all cells that come to this process, so that predictions find a process that has imported everything."""
    return LocalExecutor(1, timeout_seconds)
