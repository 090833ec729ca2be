"""Why Slurm does not take jobs, where the cause is the machine rather than the jobs: what its programs say of it."""

from __future__ import annotations

import re
import shutil

from ladderscope.errors import UsageError

_PROGRAMS = ("sbatch", "squeue", "scancel", "srun")
_ELSEWHERE = "Run this where jobs are submitted, or without `--executor slurm`, which runs the cells on this machine."

_CAUSES = (
    (
        r"configuration source|process configuration|DNS SRV|res_nsearch|ClusterName needs"
        r"|slurm\.conf.*(No such file|Permission denied)",
        "Slurm's programs are here, but its configuration is not: {said}. Where its slurm.conf is not in the usual "
        f"place, SLURM_CONF says where it is. {_ELSEWHERE}",
    ),
    (
        r"contact slurm controller|does not answer within|[Cc]onnection (refused|timed out|failure)|Zero Bytes"
        r"|[Ss]ocket timed out|in standby mode",
        "Slurm is there and its controller does not answer: {said}. `scontrol ping` says which one is asked; "
        "the same command begins once it answers.",
    ),
    (
        r"[Aa]uthentication (error|credential)|[Mm]unge (en|de)code|auth[_/]munge|munge\.socket",
        "Slurm is there and does not let this machine in: {said}. Its daemon for that, mostly munge, has to run here. "
        f"{_ELSEWHERE}",
    ),
)
"""What programs print, as a pattern, and what is then to be said."""


def check_programs() -> None:
    """Refuse a machine without Slurm.

    Raises:
        UsageError: one of its programs is not on the PATH.
    """
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise UsageError(f"{', '.join(missing)} {verb} not on this machine's PATH: Slurm is not here. {_ELSEWHERE}")


def explain(said: object) -> str | None:
    """What it means that one of Slurm's programs has failed with these words, and what to do; None: ask Slurm."""
    text = str(said)
    return next((cause.format(said=text) for pattern, cause in _CAUSES if re.search(pattern, text)), None)
