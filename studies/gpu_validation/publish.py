"""Publishes what ``run`` has written: a report by hardware and date, and recordings as test data of the project.

python -m studies.gpu_validation.publish OUT [--reports reports] [--traces tests/data/allocator_traces] [--date DATE]
"""

from __future__ import annotations

import argparse
import datetime
import functools
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ladderscope.errors import LadderscopeError, UsageError
from ladderscope.ledger import read_ledger
from ladderscope.records import PREDICT
from ladderscope.whole_files import write_atomically
from studies.gpu_validation.hardware import folder_name
from studies.gpu_validation.kept_traces import Kept, keep
from studies.gpu_validation.page import page
from studies.gpu_validation.pairs import CUDA, one_hardware, total_bytes
from studies.gpu_validation.recorded import FOLDER, recordings_in
from studies.gpu_validation.recordings import read_recording

LEDGER, TRACES = "ledger.jsonl", "traces"


class Published(NamedTuple):
    """The report's folder, and which recordings were kept."""

    folder: Path
    traces: Kept


def publish(out: Path, reports: Path, traces: Path, date: str) -> Published:
    """Write the report of ``out`` and keep its recordings.

    Args:
        out: what ``run`` has written.
        reports: the folder of all reports.
        traces: the folder of all recordings that are kept.
        date: that the report has in its name.

    Raises:
        UsageError: nothing was measured in ``out``, or on several GPUs; a file that cannot be read.
    """
    records = read_ledger(out / LEDGER)
    measured = [record for record in records if record.meter != PREDICT]
    where = one_hardware(measured)
    if where is None or not any(record.status == "ok" for record in measured):
        raise UsageError(f"{out} holds no measured cell: run python -m studies.gpu_validation.run on a GPU first.")
    hardware = folder_name(where[1], total_bytes(measured)) if where[1] else where[0]
    text_of = functools.partial(page, records, date)
    text_of(Kept([], []))  # what cannot be published is found before anything is written
    # Only what a GPU did is test data.
    paths = recordings_in(out / TRACES) if where[0] == CUDA else []
    kept = keep([read_recording(path) for path in paths], traces, hardware)
    folder = reports / f"gpu_validation_{hardware}_{date}"
    write_atomically(folder / "README.md", text_of(kept), "--reports")
    shutil.copyfile(out / LEDGER, folder / LEDGER)
    return Published(folder, kept)


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish, say where, and return the exit code."""
    parser = argparse.ArgumentParser(description="Publish a validation on a GPU.")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder that studies.gpu_validation.run has written")
    parser.add_argument("--reports", type=Path, default=Path("reports"))
    parser.add_argument("--traces", type=Path, default=FOLDER)
    parser.add_argument("--date", type=_date, default=datetime.datetime.now(datetime.UTC).date().isoformat())
    options = parser.parse_args(arguments)
    try:
        found = publish(options.out, options.reports, options.traces, options.date)
    except LadderscopeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{found.folder}/README.md")
    print(f"recordings kept: {len(found.traces.kept)}, left out: {len(found.traces.left_out)}")
    for path in found.traces.left_out:
        print(f"left out: {path.name}, {path.stat().st_size:,} bytes")
    return 0


def _date(text: str) -> str:
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date: write one such as 2026-11-22") from error


if __name__ == "__main__":
    sys.exit(main())
