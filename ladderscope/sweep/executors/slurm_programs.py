"""Slurm's programs: how they are run, and how what they print is read."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence

_TIMEOUT_SECONDS = 60.0
_SETTINGS = ("SQUEUE_", "SACCT_", "SCANCEL_")
"""How variables begin with which users change what the programs do."""
_PER_CALL = 500
"""Ids on one command line."""


class SlurmRefusalError(Exception):
    """A program of Slurm fails, cannot be run or does not answer; the text is its last line."""


def lives_on(state: str | None) -> bool:
    """Whether a job in this state, by squeue, waits or runs; not where it is being ended, which can take for ever."""
    return state not in (None, "COMPLETING")


def squeue() -> dict[str, str]:
    """The states of the user's jobs that wait or run, by id: ``7``, or ``7_0`` of an array.

    Raises:
        SlurmRefusalError: it does not tell.
    """
    lines = _run("squeue", "--me", "--array", "--noheader", "--format=%i|%T").splitlines()
    return {slurm_id.strip(): state.strip() for slurm_id, bar, state in (line.partition("|") for line in lines) if bar}


def sacct(slurm_ids: Sequence[str]) -> dict[str, str]:
    """How jobs have ended, by id, in Slurm's words; without those that it does not know of.

    Raises:
        SlurmRefusalError: it does not tell; many a small cluster keeps no accounts.
    """
    states: dict[str, str] = {}
    for some in _chunks(sorted({slurm_id.partition("_")[0] for slurm_id in slurm_ids})):
        options = ("--allocations", "--noheader", "--parsable2", "--format=JobID,State", f"--jobs={','.join(some)}")
        for line in _run("sacct", *options).splitlines():
            told, _, state = line.partition("|")
            if state.split():
                states |= dict.fromkeys(_expanded(told), state.split()[0])  # CANCELLED by 1000
    return states


def scancel(slurm_ids: Sequence[str]) -> None:
    """End the jobs, whether they wait or run; those that have ended are none of its business.

    Raises:
        SlurmRefusalError: some may go on.
    """
    for some in _chunks(slurm_ids):
        try:
            _run("scancel", *some)
        except SlurmRefusalError:
            # It may mean no more than that one has ended meanwhile.
            alive = squeue()
            if any(lives_on(alive.get(slurm_id)) for slurm_id in some):
                raise


def scancel_named(label: str) -> None:
    """End the jobs of this name, if there are any.

    Raises:
        SlurmRefusalError: some may go on.
    """
    _run("scancel", f"--name={label}")


def _run(*command: str) -> str:
    """What the program prints.

    In a session of its own: Ctrl-C on the terminal is the sweep's to handle.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    try:
        told = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT_SECONDS,
            env=environment,
            start_new_session=True,
        )
    except subprocess.CalledProcessError as error:
        raise SlurmRefusalError(last_line(error.stderr) or f"{command[0]} fails") from error
    except subprocess.TimeoutExpired as error:
        raise SlurmRefusalError(f"{command[0]} does not answer within {_TIMEOUT_SECONDS:g} s") from error
    except OSError as error:
        raise SlurmRefusalError(f"{command[0]} cannot be run: {error.strerror}") from error
    return told.stdout


def last_line(text: str) -> str:
    """The last line with words in it, without a full stop; empty where there is none."""
    return (text.strip().splitlines() or [""])[-1].strip().rstrip(".")


def _chunks(words: Sequence[str]) -> Iterator[Sequence[str]]:
    return (words[start : start + _PER_CALL] for start in range(0, len(words), _PER_CALL))


def _expanded(told: str) -> Iterable[str]:
    """The ids that sacct means: ``7_[0-1,4%2]`` stands for elements that never began."""
    match = re.fullmatch(r"(\d+)_\[([\d,-]+)(%\d+)?\]", told)
    if match is None:
        return [told]
    spans = (span.partition("-") for span in match[2].split(","))
    numbers = (number for first, _, last in spans for number in range(int(first), int(last or first) + 1))
    return [f"{match[1]}_{number}" for number in numbers]
