"""Publishes what ``run`` has written: a report by hardware and date, and recordings as test data of the project.

python -m studies.gpu_validation.publish OUT [--reports reports] [--traces tests/data/allocator_traces] [--date DATE]
"""

from __future__ import annotations

import argparse
import datetime
import functools
import json
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
    if where is None or where[0] != CUDA or not any(record.status == "ok" for record in measured):
        raise UsageError(f"{out} holds no cell that a GPU measured: run python -m studies.gpu_validation.run on one.")
    if any("cuda" not in record.env for record in measured if record.status == "ok"):
        raise UsageError(f"{out} holds records that name no version of CUDA: they are not of a real GPU.")
    hardware = folder_name(where[1], total_bytes(measured))
    text_of = functools.partial(page, records, date)
    text_of(Kept([], []))  # what cannot be published is found before anything is written
    kept = keep([read_recording(path) for path in recordings_in(out / TRACES)], traces, hardware)
    folder = reports / f"gpu_validation_{hardware}_{date}"
    write_atomically(folder / "README.md", text_of(kept), "--reports")
    write_atomically(folder / LEDGER, "".join(json.dumps(record.to_json()) + "\n" for record in records), "--reports")
    return Published(folder, kept)


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish, say where, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m studies.gpu_validation.publish", description="Publish a validation on a GPU."
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="folder that studies.gpu_validation.run has written")
    parser.add_argument(
        "--reports", type=Path, default=Path("reports"), help="folder of all reports (default: %(default)s)"
    )
    parser.add_argument("--traces", type=Path, default=FOLDER, help="folder of test data (default: %(default)s)")
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    parser.add_argument("--date", type=_date, default=today, help="of the report, YYYY-MM-DD (default: today)")
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
