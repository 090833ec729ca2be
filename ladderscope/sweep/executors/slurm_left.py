"""What earlier drivers have left in Slurm. For whoever holds the ledger."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from ladderscope.sweep.executors.slurm_folder import SlurmFolder
from ladderscope.sweep.executors.slurm_programs import lives_on, scancel, scancel_named


def end_unnumbered(folder: SlurmFolder) -> None:
    """End what was being submitted when its driver died: Slurm may have it, without what submitit was to add.

    Raises:
        SlurmRefusalError: it may go on, and is not forgotten.
    """
    for array in [array for array in folder.arrays.values() if array.slurm_id is None]:
        scancel_named(array.label)
        folder.drop(array.key)


def end_jobs(folder: SlurmFolder, names: Collection[str], alive: Mapping[str, str]) -> None:
    """End the jobs of these names, and forget them.

    Args:
        folder: has the notes of the jobs.
        names: which of them.
        alive: Slurm's ids and states of the jobs that wait or run.

    Raises:
        SlurmRefusalError: they may go on, and are not forgotten.
    """
    ids = {name: one for array in folder.arrays.values() for name, one in array.slurm_ids.items()}
    scancel([one for name, one in ids.items() if name in names and one in alive])
    folder.strike(names)


def living_jobs(folder: SlurmFolder, alive: Mapping[str, str]) -> dict[str, tuple[str, Path]]:
    """The jobs that wait or run, by name: their ids, and where their records will be."""
    return {
        name: (slurm_id, folder.record_path(name, array))
        for array in folder.arrays.values()
        for name, slurm_id in array.slurm_ids.items()
        if lives_on(alive.get(slurm_id))
    }
