"""What a job of Slurm does: run one cell and leave its record as a file."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ladderscope.sweep.executors.cell import run_cell
from ladderscope.sweep.executors.slurm_folder import write_record
from ladderscope.sweep.protocol import Job

BEGAN = "LADDERSCOPE_JOB_BEGAN"
"""The variable that has the time at which the job began, before the user's setup: seconds since 1970."""
_KEPT_SECONDS = 120.0
"""Kept free at the end of a job: submitit is told 90 seconds before it, and the record has to be written."""


def run_slurm_cell(line: str, path: str, *, limit_seconds: float, timeout_seconds: float | None) -> None:
    """Run the cell and leave its record at ``path``.

    Args:
        line: the job, as :meth:`Job.to_line` makes it.
        path: of the record.
        limit_seconds: that Slurm gives the job.
        timeout_seconds: that the user gives the cell; None for as long as the job may take.
    """
    began = float(os.environ.get(BEGAN) or time.time())
    seconds = seconds_of_cell(limit_seconds, timeout_seconds, time.time() - began)
    write_record(Path(path), run_cell(Job.from_line(line), lambda fraction: None, seconds, folder=None))


def seconds_of_cell(limit_seconds: float, timeout_seconds: float | None, spent_seconds: float) -> float:
    """How long a cell may take that ends by our hand, with a record that says so, before Slurm ends its job.

    Args:
        limit_seconds: that Slurm gives the job.
        timeout_seconds: that the user gives the cell, if any.
        spent_seconds: of the job, on the user's setup and on imports.
    """
    left = max(1.0, limit_seconds - spent_seconds - _KEPT_SECONDS)
    return left if timeout_seconds is None else min(left, timeout_seconds)
