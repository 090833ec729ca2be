"""What ``--executor slurm`` can be told."""

from __future__ import annotations

from dataclasses import dataclass

from ladderscope.sweep.executors.engine import EngineOptions, option


@dataclass(frozen=True, kw_only=True)
class SlurmOptions(EngineOptions):
    """Options of ``--executor slurm``."""

    partition: str | None = option(None, "Partition.  [default: the cluster's]")
    account: str | None = option(None, "Account.")
    qos: str | None = option(None, "Quality of service.")
    gpu_type: str | None = option(None, "Slurm's name of the GPU to measure on, as a100.  [default: any]")
    time_minutes: int = option(60, "Time limit of a cell.", least=3)
    array_parallelism: int | None = option(None, "Cells that run at a time.  [default: --jobs, else 256]", least=1)
    array_size: int = option(1000, "Cells that wait or run in Slurm at a time, and the most of an array.", least=1)
    retries: int = option(3, "How often a cell that was lost with its node is submitted again.", least=0)
    constraint: str | None = option(None, "Features that nodes must have.")
    setup: str | None = option(None, "Shell command that a job runs before its cell.")
