"""Measures a cell on several GPUs: the ranks are processes that torchrun's launcher starts and watches.

They belong to the process group of the worker that launches them: what ends the worker ends them too. Where one of
them fails, the launcher ends the others, which would wait for it.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure, record

from ladderscope.parallel.ranks import fullest
from ladderscope.records import Record
from ladderscope.sweep.protocol import Job

if TYPE_CHECKING:
    from torch.distributed.launcher.api import LaunchConfig


class RankFailedError(RuntimeError):
    """A rank ended before it had measured; the message says how."""


def measure_on_ranks(job: Job) -> Record:
    """Measure the job's cell on as many processes of this machine as it has GPUs, with torchrun's launcher.

    Returns:
        The record of the first rank with the highest peak, with what all ranks take.

    Raises:
        RankFailedError: a rank failed; on running out of memory, ``torch.OutOfMemoryError``.
    """
    from torch.distributed.launcher.api import elastic_launch

    try:
        results = elastic_launch(launch_config(job.cell.num_gpus), measure_rank)(job.to_line())
    except ChildFailedError as error:
        raise _failure(*error.get_first_failure()) from error
    return merged({rank: Record.from_json(values) for rank, values in results.items()})


def launch_config(num_ranks: int) -> LaunchConfig:
    """How torchrun's launcher starts ``num_ranks`` processes of this machine: once, each from scratch."""
    from torch.distributed.launcher.api import LaunchConfig

    return LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=num_ranks,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        run_id="ladderscope",
        local_addr="localhost",
        start_method="spawn",
        max_restarts=0,
        monitor_interval=0.1,
    )


@record
def measure_rank(line: str) -> dict[str, Any]:
    """Measure one rank's part of a job, given as its line, in a process that torchrun started."""
    import torch
    import torch.distributed as dist

    from ladderscope.measure import measure_cell
    from ladderscope.memory.meters import resolve_meter

    job = Job.from_line(line)
    torch.set_num_threads(max(1, job.num_threads // job.cell.num_gpus))
    meter = resolve_meter(job.meter)
    if meter.device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if meter.device.type == "cuda" else "gloo")
    try:
        return measure_cell(job.cell, meter).to_json()
    finally:
        dist.destroy_process_group()


def merged(records: Mapping[int, Record]) -> Record:
    """One record of those of all ranks."""
    ranks = [rank for number in sorted(records) for rank in records[number].ranks]
    return dataclasses.replace(records[fullest(ranks)], ranks=ranks)


def _failure(rank: int, failure: ProcessFailure) -> RuntimeError:
    import torch

    if failure.exitcode < 0:
        return RankFailedError(f"rank {rank} was killed by {failure.signal_name()}")
    message: Any = failure.message  # of an exception, a mapping
    text = str(message.get("message", "") if isinstance(message, dict) else message)
    said = text.strip().splitlines() or ["it printed nothing"]
    if said[0].startswith("OutOfMemoryError"):
        return torch.OutOfMemoryError(f"rank {rank}: {said[0].partition(': ')[2]}")
    return RankFailedError(f"rank {rank}: {said[0]}")
