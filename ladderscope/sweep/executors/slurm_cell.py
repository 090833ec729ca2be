"""A cell that is on its way through Slurm, and what Slurm's words for the state of its job mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ladderscope.records import Record, Status
from ladderscope.sweep.executor import failed
from ladderscope.sweep.executors.watched import Held

RUNNING = frozenset({"RUNNING", "STAGE_OUT", "RESIZING", "SIGNALING", "STOPPED", "SUSPENDED"})
"""What squeue calls a job that has begun."""
PREEMPTED = "PREEMPTED"
_LOST = frozenset({PREEMPTED, "NODE_FAIL", "BOOT_FAIL"})
"""What sacct calls a job that ended through no doing of its own, where Slurm does not begin it again itself."""
_STATUSES: dict[str, Status] = {"OUT_OF_MEMORY": "oom", "TIMEOUT": "timeout", "DEADLINE": "timeout"}


@dataclass(eq=False)
class SlurmCell(Held):
    """A job of ours, and where it is in Slurm."""

    name: str
    slurm_id: str | None = field(default=None, init=False)
    """None until it is submitted."""
    path: Path | None = field(default=None, init=False)
    """Where its record will be."""
    losses: int = field(default=0, init=False)
    """How often it was lost with its node."""
    gone_since: float | None = field(default=None, init=False)
    """When it was first seen to have left Slurm without a record, on the monotonic clock."""

    def place(self, slurm_id: str, path: Path) -> None:
        """Slurm has it, under this id."""
        self.slurm_id, self.path, self.gone_since = slurm_id, path, None

    def displace(self, state: str, retries: int) -> bool:
        """Whether its job was lost, in this state, and it is to be submitted again; it then waits for that.

        A preemption says nothing about the cell. One whose node fails may be the reason for that.
        """
        if state not in _LOST or (state != PREEMPTED and self.losses >= retries):
            return False
        self.losses += state != PREEMPTED
        self.slurm_id = self.path = self.gone_since = None
        return True

    def record_without_file(self, state: str | None, last_words: str) -> Record:
        """The record of a job that left none.

        Args:
            state: in which it has ended, by sacct; None where that does not know.
            last_words: the last line of its log.
        """
        status = _STATUSES.get(state or "", "error")
        if status == "oom" and self.job.is_prediction:
            status = "error"  # that the host has no room for a prediction says nothing about the GPU
        how = f"Slurm has ended the job, {state}" if state is not None else "the job has left Slurm without a record"
        if self.path is not None and self.path.exists():
            how = f"the record that the job has left cannot be read, {self.path}"
        return failed(self.job, status, f"{how}: {last_words}" if last_words else how)
