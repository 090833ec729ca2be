"""Measures a cell on several GPUs: the ranks are processes that torchrun's launcher starts and watches.

They belong to the process group of the worker that launches them: what ends the worker ends them too. Where one of
them fails, the launcher ends the others, which would wait for it.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure, record

from ladderscope.parallel.ranks import fullest
from ladderscope.records import Record
from ladderscope.sweep.oom_kills import count_oom_kills
from ladderscope.sweep.process import Tick
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.rank_ticks import TickFile, relayed

if TYPE_CHECKING:
    from torch.distributed.launcher.api import LaunchConfig

_LOST_OTHERS = ("Connection closed by peer", "Connection reset by peer", "remote process exited")
"""What gloo and NCCL say in a rank whose partner is gone; now and then it ends before that is noticed."""


class RankFailedError(RuntimeError):
    """A rank ended before it had measured; the message says how."""


def measure_on_ranks(job: Job, tick: Tick = lambda fraction: None) -> Record:
    """Measure the job's cell on as many processes of this machine as it has GPUs, with torchrun's launcher.

    Args:
        job: with the cell.
        tick: told how far rank 0 is, from another thread.

    Returns:
        The record of the first rank with the highest peak, with what all ranks take.

    Raises:
        RankFailedError: a rank failed.
        torch.OutOfMemoryError: a rank's GPU, or its share of the host, ran out of memory.
        MemoryError: Linux ended a rank, as the machine's memory ran out.
    """
    from torch.distributed.launcher.api import elastic_launch

    oom_kills = count_oom_kills()
    try:
        with launch_config(job.cell.num_gpus) as config:
            assert config.logs_specs is not None
            told = Path(config.logs_specs.root_log_dir) / "told"
            with relayed(told, tick):
                results = elastic_launch(config, measure_rank)(job.to_line(), str(told))
    except ChildFailedError as error:
        raise _failure(*error.get_first_failure(), is_short=count_oom_kills() > oom_kills) from error
    return merged({rank: Record.from_json(values) for rank, values in results.items()})


@contextmanager
def launch_config(num_ranks: int) -> Iterator[LaunchConfig]:
    """How torchrun's launcher starts ``num_ranks`` processes of this machine: once, each from scratch.

    Inside there is a folder for what it writes, which would else stay in the temporary folder after every launch.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.launcher.api import LaunchConfig

    # The launcher's own processes may still write while it is removed.
    with tempfile.TemporaryDirectory(prefix="ladderscope-ranks-", ignore_cleanup_errors=True) as folder:
        yield LaunchConfig(
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
            logs_specs=DefaultLogsSpecs(log_dir=folder),
        )


@record
def measure_rank(line: str, told: str | None = None) -> dict[str, Any]:
    """Measure one rank's part of a job, given as its line, in a process that torchrun started.

    ``told`` is the file that takes how far rank 0 is.
    """
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
    measured = measure_cell(job.cell, meter, TickFile(told, rank=int(os.environ.get("RANK", 0)))).to_json()
    # Only now: after an error it may wait for collectives that the other ranks never join, before the error is told.
    dist.destroy_process_group()
    return measured


def merged(records: Mapping[int, Record]) -> Record:
    """One record of those of all ranks."""
    ranks = [rank for number in sorted(records) for rank in records[number].ranks]
    return dataclasses.replace(records[fullest(ranks)], ranks=ranks)


def _failure(rank: int, failure: ProcessFailure, *, is_short: bool) -> Exception:
    """What a rank's end is; ``is_short`` says whether Linux ended processes meanwhile, for want of memory."""
    import torch

    if failure.exitcode == -signal.SIGKILL and is_short:
        return MemoryError(f"rank {rank} was killed by SIGKILL, as this machine's memory ran out")
    if failure.exitcode < 0:
        return RankFailedError(f"rank {rank} was killed by {failure.signal_name()}")
    message: Any = failure.message  # of an exception, a mapping
    text = str(message.get("message", "") if isinstance(message, dict) else message)
    said = text.strip().splitlines() or ["it printed nothing"]
    if is_short and any(words in text for words in _LOST_OTHERS):
        return MemoryError(f"rank {rank} lost another one, as this machine's memory ran out: {said[0]}")
    if said[0].startswith("OutOfMemoryError"):
        return torch.OutOfMemoryError(f"rank {rank}: {said[0].partition(': ')[2]}")
    return RankFailedError(f"rank {rank}: {said[0]}")
