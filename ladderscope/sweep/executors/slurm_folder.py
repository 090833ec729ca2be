"""What a run on Slurm keeps beside its ledger, so that the next driver finds it.

``arrays/`` has a file for each array of jobs, written before it is submitted, ``records/`` has the records that no
ledger holds yet, one file each, and ``logs/`` is submitit's. The nodes have to share the file system of the folder.

Whoever holds the ledger is the only one to write here, but for the records. A cell is noted in one array at most, the
one that was submitted last, and a record counts where its array notes its cell: what a job leaves that was given up
before is told apart by its name.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from ladderscope.errors import LedgerError, UsageError
from ladderscope.records import PREDICT, Record
from ladderscope.sweep.executors.slurm_array import Array, read_array
from ladderscope.sweep.protocol import Job
from ladderscope.whole_files import write_atomically

_OLD_SECONDS = 86400.0
"""After which an array that has ended is forgotten; its last records have come long before."""
_OF_AN_ARRAY = re.compile(r"\.\d+-[0-9a-f]{8}\.json$")
"""How the name of a record's file ends. Others are none of ours, and left alone."""


def job_name(job: Job) -> str:
    """What its files are called; of a measurement without the GPU, which the node decides."""
    where = ""
    if job.meter == PREDICT and job.gpu is not None:
        where = "-" + re.sub("[^A-Za-z0-9.-]+", "-", job.gpu)
    return f"{job.cell.cell_id}-{job.meter}{where}"


def write_record(path: Path, record: Record) -> None:
    """Write the record, whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    write_atomically(path, json.dumps(record.to_json(), allow_nan=False))


def read_record(path: Path) -> Record | None:
    """The record, None where there is none that can be read."""
    try:
        return Record.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, AttributeError, LedgerError):
        return None


class SlurmFolder:
    """The folder of one ledger's runs on Slurm; :meth:`load` has to be called before the rest is used.

    Raises:
        UsageError: it cannot be made.
    """

    def __init__(self, root: Path) -> None:
        self.logs, self._records, self._arrays = root / "logs", root / "records", root / "arrays"
        self.arrays: dict[str, Array] = {}
        """By key, in the order in which they were submitted."""
        try:
            for folder in (self.logs, self._records, self._arrays):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot write {root}: {error.strerror}. Choose another --out.") from error

    def load(self) -> None:
        """Read what earlier drivers have noted."""
        read = [read_array(path) for path in self._arrays.glob("[0-9]*.json")]
        self.arrays = {array.key: array for array in sorted(read, key=lambda array: array.number)}
        for array in list(self.arrays.values()):  # one may have died between two writes
            self._strike_before(array)

    def note(self, names: Sequence[str], parallel: int) -> Array:
        """Note jobs that are about to be submitted, and are no longer meant where they were noted before.

        Raises:
            UsageError: it cannot be written.
        """
        number = 1 + max((array.number for array in self.arrays.values()), default=0)
        array = Array(f"{number:04d}-{secrets.token_hex(4)}", tuple(names), parallel)
        self._write(array)
        self._strike_before(array)
        return array

    def number(self, array: Array, slurm_id: str) -> Array:
        """Note that Slurm has the array, and calls it so; it is on the disk when this returns.

        Raises:
            UsageError: it cannot be written.
        """
        numbered = replace(self.arrays[array.key], slurm_id=slurm_id)
        self._write(numbered)
        return numbered

    def strike(self, names: Collection[str], keys: Iterable[str] | None = None) -> None:
        """Jobs of these names are no longer meant, whatever they still leave.

        Args:
            names: of the jobs.
            keys: of the arrays that this is about; None for all.
        """
        for key in list(self.arrays if keys is None else keys):
            array = self.arrays[key]
            jobs = tuple(None if name in names else name for name in array.jobs)
            if not any(jobs) and array.slurm_id is not None:
                self.drop(key)
            elif jobs != array.jobs:
                self._write(replace(array, jobs=jobs))

    def drop(self, key: str) -> None:
        """Forget an array."""
        self.arrays.pop(key, None)
        self._array_path(key).unlink(missing_ok=True)

    def drop_old(self, alive: Collection[str]) -> None:
        """Forget the arrays of long ago that have no job among those which are ``alive``, by Slurm's ids."""
        for array in list(self.arrays.values()):
            if array.slurm_id is None or not set(array.slurm_ids.values()).isdisjoint(alive):
                continue
            with suppress(OSError):
                if time.time() - self._array_path(array.key).stat().st_mtime > _OLD_SECONDS:
                    self.drop(array.key)

    def record_path(self, name: str, array: Array) -> Path:
        """Where a job of the array is to leave its record."""
        return self._records / f"{name}.{array.key}.json"

    def finished(self) -> set[str]:
        """The names of the files in which jobs have left records; empty where the folder cannot be read now."""
        try:
            return {name for name in os.listdir(self._records) if not name.startswith(".")}
        except OSError:
            return set()

    def records(self) -> list[Path]:
        """The files with records that count; those of arrays that do not count are removed."""
        self.refresh()
        noted = {self.record_path(name, array) for array in self.arrays.values() for name in array.jobs if name}
        found = {self._records / name for name in self.finished()}
        for path in found - noted:
            if _OF_AN_ARRAY.search(path.name):
                path.unlink(missing_ok=True)
        return sorted(found & noted)

    def refresh(self) -> None:
        """Have a network file system show what others have written: it asks anew for a folder that changes here."""
        with suppress(OSError):
            mark = self._records / f".refreshed-{os.getpid()}"
            mark.touch()
            mark.unlink()

    def _strike_before(self, array: Array) -> None:
        keys = [key for key in self.arrays if self.arrays[key].number < array.number]
        self.strike({name for name in array.jobs if name is not None}, keys)

    def _write(self, array: Array) -> None:
        write_atomically(self._array_path(array.key), json.dumps(asdict(array)))
        self.arrays[array.key] = array

    def _array_path(self, key: str) -> Path:
        return self._arrays / f"{key}.json"
