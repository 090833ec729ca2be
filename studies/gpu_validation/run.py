"""Measures a fixed grid on this machine's GPU and predicts it for that GPU. Run from the repository root:

python -m studies.gpu_validation.run [--part headline] [--out gpu_validation]

Into the folder of ``--out`` it writes ``ledger.jsonl`` (measured and predicted records), ``traces/`` (the allocator's
history of every measured step) and ``README.md`` (predicted over measured, and the headline). Cells that are in the
ledger already are not run again. It needs no network.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from ladderscope.cli.progress import SweepProgress
from ladderscope.errors import INTERRUPTED, LadderscopeError, UsageError
from ladderscope.ledger import Ledger, read_ledger
from ladderscope.memory.meters import AUTO, resolve_meter
from ladderscope.memory.predict.gpus import find_gpu
from ladderscope.records import PREDICT, Cell, Record
from ladderscope.sweep.checks import check_meter
from ladderscope.sweep.grid import cells_of_files
from ladderscope.sweep.histories import history_path
from ladderscope.sweep.interrupt import graceful_interrupt
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.run import missing_jobs
from ladderscope.whole_files import write_atomically
from studies.gpu_validation.hardware import gpu_of_this_machine
from studies.gpu_validation.kept_traces import Kept
from studies.gpu_validation.page import page
from studies.gpu_validation.side_by_side import SideBySide

PARTS_FOLDER = Path(__file__).parent / "parts"
PARTS = ("headline", "small", "lengths", "variants")
"""In the order in which they run: what matters most comes first."""
LEDGER, TRACES, PAGE = "ledger.jsonl", "traces", "README.md"
SOME_FAILED = 1
_UNDECIDED = ("error", "timeout")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing, write the page, and return the exit code."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        return _run(options, console)
    except LadderscopeError as error:
        console.print(str(error), markup=False, highlight=False)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m studies.gpu_validation.run",
        description="Measure a fixed grid on this machine's GPU, and predict it for that GPU.",
    )
    parser.add_argument("--part", action="append", choices=PARTS, help="run this part; repeatable (default: all)")
    parser.add_argument("--grid", action="append", type=Path, metavar="FILE", help="grids in place of the parts")
    parser.add_argument("--out", type=Path, default=Path("gpu_validation"), help="folder (default: %(default)s)")
    parser.add_argument("--meter", default=AUTO, help="cuda, or cpu for a rehearsal (default: cuda if any)")
    parser.add_argument("--gpu", help="predict for this GPU (default: the one of this machine)")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds that a cell may take (default: 120)")
    parser.add_argument("--retry-failed", action="store_true", help="run cells again that failed")
    return parser


def _run(options: argparse.Namespace, console: Console) -> int:
    if options.grid and options.part:
        raise UsageError("--grid takes the place of the parts: give one of --grid and --part.")
    paths = options.grid or [PARTS_FOLDER / f"{part}.yaml" for part in options.part or PARTS]
    cells = cells_of_files(paths, {})
    measuring, predicting = _jobs(cells, options.meter, options.gpu, options.out / TRACES)

    def again(record: Record) -> bool:
        return bool(options.retry_failed) and record.status in _UNDECIDED

    with Ledger(options.out / LEDGER) as ledger:
        measuring, predicting = (missing_jobs(jobs, ledger.records, again) for jobs in (measuring, predicting))
        with SweepProgress(console, len(measuring) + len(predicting)) as progress:
            side_by_side = SideBySide(measuring, predicting, ledger, progress, options.timeout)
            with graceful_interrupt(progress.say, side_by_side.cancel) as stop:
                side_by_side.run(stop)
    if stop.is_set():
        console.print("Interrupted: the same command runs what is missing.")
        return INTERRUPTED
    return _tell(options.out, cells, console)


def _jobs(cells: Sequence[Cell], meter_name: str, gpu: str | None, traces: Path) -> tuple[list[Job], list[Job]]:
    """What is to be measured, and what is to be predicted."""
    meter = resolve_meter(meter_name)
    check_meter(cells, meter.name)
    title = meter.hardware()
    predicted_for = find_gpu(gpu).name if gpu else gpu_of_this_machine()
    jobs = [Job(cell, meter.name, title, num_threads=1) for cell in cells]
    if meter.name == "cuda":
        jobs = [replace(job, history=str(history_path(traces, job.cell))) for job in jobs]
    return jobs, [Job(cell, PREDICT, predicted_for, num_threads=1) for cell in cells]


def _tell(out: Path, cells: Sequence[Cell], console: Console) -> int:
    records = read_ledger(out / LEDGER)
    text = page(records, "not yet", Kept([], []))
    write_atomically(out / PAGE, text)
    asked = {cell.cell_id for cell in cells}
    failed = [record for record in records if record.cell.cell_id in asked and record.status in _UNDECIDED]
    for record in failed:
        console.print(f"{record.cell.label}, {record.meter}: {record.error}", markup=False, highlight=False)
    print(out / PAGE)
    return SOME_FAILED if failed else 0


if __name__ == "__main__":
    sys.exit(main())
