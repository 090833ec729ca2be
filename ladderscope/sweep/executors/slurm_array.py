"""Jobs that are submitted to Slurm together, as they are noted beside a ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ladderscope.errors import UsageError


@dataclass(frozen=True)
class Array:
    """Jobs that are submitted together.

    Attributes:
        key: tells it from all others; a number that counts them, and some digits.
        jobs: their names, as :func:`job_name` makes them, by index; None for one that is no longer meant.
        parallel: how many of them Slurm runs at a time.
        slurm_id: Slurm's number of it; None until sbatch has told it.
    """

    key: str
    jobs: tuple[str | None, ...]
    parallel: int
    slurm_id: str | None = None

    @property
    def number(self) -> int:
        """The larger, the later it was submitted."""
        return int(self.key.partition("-")[0])

    @property
    def label(self) -> str:
        """What Slurm calls it."""
        return f"ladderscope-{self.key}"

    @property
    def slurm_ids(self) -> dict[str, str]:
        """Slurm's ids of its jobs, by name."""
        if self.slurm_id is None:
            return {}
        ids = [self.slurm_id] if len(self.jobs) == 1 else [f"{self.slurm_id}_{i}" for i in range(len(self.jobs))]
        return {name: slurm_id for name, slurm_id in zip(self.jobs, ids, strict=True) if name is not None}


def read_array(path: Path) -> Array:
    """The array that is noted in a file.

    Raises:
        UsageError: it is no such file.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Array(**{**values, "jobs": tuple(values["jobs"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{path} is no note of ladderscope: move it away.") from error
