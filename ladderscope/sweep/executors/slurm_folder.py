"""What a run on Slurm keeps beside its ledger, so that the next driver finds it.

``submitted.jsonl`` says which job of Slurm has which cell, ``records/`` has the records that no ledger holds yet, one
file each, and ``logs/`` is submitit's. The folder has to be on a file system that the nodes share.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ladderscope.errors import LedgerError, UsageError
from ladderscope.records import PREDICT, Record
from ladderscope.sweep.protocol import Job
from ladderscope.whole_files import write_atomically


def job_name(job: Job) -> str:
    """What its files are called; of a measurement without the GPU, which the node decides."""
    return _name(job.cell.cell_id, job.meter, job.gpu)


def write_record(path: Path, record: Record) -> None:
    """Write the record, whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    write_atomically(path, json.dumps(record.to_json(), allow_nan=False))


class SlurmFolder:
    """The folder of one ledger's runs on Slurm.

    Raises:
        UsageError: it cannot be made.
    """

    def __init__(self, root: Path) -> None:
        self.logs, self._records, self._log = root / "logs", root / "records", root / "submitted.jsonl"
        try:
            for folder in (self.logs, self._records):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot write {root}: {error.strerror}. Choose another --out.") from error

    def record_path(self, job: Job) -> Path:
        """Where the job is to leave its record."""
        return self._records / f"{job_name(job)}.json"

    def finished(self) -> set[str]:
        """The names of the jobs whose record is here."""
        return {name.removesuffix(".json") for name in os.listdir(self._records) if not name.startswith(".")}

    def read(self, job: Job) -> Record | None:
        """The job's record, None where there is none that can be read."""
        try:
            return Record.from_json(json.loads(self.record_path(job).read_text(encoding="utf-8")))
        except (OSError, ValueError, LedgerError):
            return None

    def remove(self, record: Record) -> None:
        """Remove the record's file, if there is one."""
        name = _name(record.cell.cell_id, record.meter, record.gpu)
        (self._records / f"{name}.json").unlink(missing_ok=True)

    def note(self, slurm_ids: Mapping[str, str]) -> None:
        """Remember, by name, which jobs of Slurm have been submitted; it is on the disk when this returns."""
        lines = [json.dumps({"job": name, "slurm_id": slurm_id}) + "\n" for name, slurm_id in slurm_ids.items()]
        with self._log.open("a", encoding="utf-8") as file:
            file.write("".join(lines))
            file.flush()
            os.fsync(file.fileno())

    def submitted(self) -> dict[str, str]:
        """What was noted: name of the job -> id of its latest job of Slurm."""
        found: dict[str, str] = {}
        for line in self._log.read_text(encoding="utf-8").splitlines() if self._log.exists() else []:
            try:
                values = json.loads(line)
            except ValueError:
                continue  # cut off by a kill; another line follows it at once, and is lost with it
            found[values["job"]] = values["slurm_id"]
        return found

    def forget(self, end: Callable[[Sequence[str]], None]) -> None:
        """Let ``end`` end the jobs that may still run, and remove their records."""
        end(list(self.submitted().values()))
        self._log.unlink(missing_ok=True)
        for path in self._records.glob("*.json"):
            path.unlink()


def _name(cell_id: str, meter: str, gpu: str | None) -> str:
    where = f"-{re.sub('[^A-Za-z0-9.-]+', '-', gpu)}" if meter == PREDICT and gpu is not None else ""
    return f"{cell_id}-{meter}{where}"
