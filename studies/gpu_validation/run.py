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

import torch
from rich.console import Console

from ladderscope.cli.progress import SweepProgress
from ladderscope.errors import INTERRUPTED, LadderscopeError, UsageError
from ladderscope.ledger import Ledger, read_ledger
from ladderscope.memory.meters import resolve_meter
from ladderscope.memory.predict.gpus import find_gpu
from ladderscope.records import PREDICT, Cell, Record, run_labels
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
from studies.gpu_validation.pairs import CUDA, says_where
from studies.gpu_validation.stages import Stages

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
    parser.add_argument("--meter", default=CUDA, choices=(CUDA, "cpu"), help="cpu: a rehearsal, with --gpu and --grid")
    parser.add_argument("--gpu", help="predict for this GPU (default: the one of this machine)")
    parser.add_argument("--timeout", type=_seconds, default=120.0, help="seconds that a cell may take (default: 120)")
    parser.add_argument("--only", choices=("measure", "predict"), help="one of the two stages (default: both)")
    parser.add_argument("--retry-failed", action="store_true", help="run cells again that failed")
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if seconds <= 0:
        raise argparse.ArgumentTypeError("give a number above 0")
    return seconds


def _run(options: argparse.Namespace, console: Console) -> int:
    _check(options)
    paths = options.grid or [PARTS_FOLDER / f"{part}.yaml" for part in options.part or PARTS]
    cells = cells_of_files(paths, {})
    measuring = [] if options.only == "predict" else _measuring(cells, options.meter, options.out / TRACES)
    predicting = [] if options.only == "measure" else _predicting(cells, options.gpu)

    def again(record: Record) -> bool:
        return bool(options.retry_failed) and record.status in _UNDECIDED

    with Ledger(options.out / LEDGER) as ledger:
        _check_hardware(options.out, ledger.records, (*measuring, *predicting))
        measuring, predicting = (missing_jobs(jobs, ledger.records, again) for jobs in (measuring, predicting))
        running = [job.cell for job in (*measuring, *predicting)]
        with SweepProgress(console, len(running), running) as progress:
            stages = Stages(measuring, predicting, ledger, progress, options.timeout)
            with graceful_interrupt(progress.say) as stop:
                stages.run(stop)
    if stop.is_set():
        console.print("Interrupted: the same command runs what is missing.")
        return INTERRUPTED
    return _tell(options.out, cells, console)


def _check(options: argparse.Namespace) -> None:
    if options.grid and options.part:
        raise UsageError("--grid takes the place of the parts: give one of --grid and --part.")
    if options.only == "predict":
        return
    if options.meter == CUDA and not torch.cuda.is_available():
        raise UsageError(
            "this validates predictions on a GPU, and PyTorch finds none. To rehearse it on a CPU, give --meter cpu, "
            "the GPU to predict for, as in --gpu h100-80gb, and --grid with a file of tiny models."
        )
    if options.meter != CUDA and not (options.grid and options.gpu):
        raise UsageError("a rehearsal with --meter cpu needs --gpu, such as h100-80gb, and --grid with tiny models.")


def _check_hardware(out: Path, records: Sequence[Record], jobs: Sequence[Job]) -> None:
    """One folder is of one machine and of predictions for one GPU."""
    for meters in ({PREDICT}, {CUDA, "cpu"}):
        there = {(record.meter, record.gpu) for record in records if record.meter in meters and says_where(record)}
        here = {(job.meter, job.gpu) for job in jobs if job.meter in meters}
        if there - here and here:
            kind = "predictions for" if meters == {PREDICT} else "measurements of"
            old, new = (", ".join(sorted(gpu or "a CPU" for _, gpu in side)) for side in (there - here, here))
            raise UsageError(f"{out} holds {kind} {old}, and this run is of {new}: give another folder with --out.")


def _measuring(cells: Sequence[Cell], meter_name: str, traces: Path) -> list[Job]:
    meter = resolve_meter(meter_name)
    check_meter(cells, meter.name)
    jobs = [Job(cell, meter.name, meter.hardware(), num_threads=1) for cell in cells]
    if meter.name != CUDA:
        return jobs
    return [replace(job, history=str(history_path(traces, job.cell))) for job in jobs]


def _predicting(cells: Sequence[Cell], gpu: str | None) -> list[Job]:
    name = find_gpu(gpu).name if gpu else gpu_of_this_machine()
    return [Job(cell, PREDICT, name, num_threads=1) for cell in cells]


def _tell(out: Path, cells: Sequence[Cell], console: Console) -> int:
    records = read_ledger(out / LEDGER)
    text = page(records, "not yet", Kept([], []))
    write_atomically(out / PAGE, text)
    label_of = {cell.cell_id: label for cell, label in zip(cells, run_labels(cells), strict=True)}
    failed = [record for record in records if record.cell.cell_id in label_of and record.status in _UNDECIDED]
    for record in failed:
        console.print(
            f"{label_of[record.cell.cell_id]}, {record.meter}: {record.error}", markup=False, highlight=False
        )
    print(out / PAGE)
    return SOME_FAILED if failed else 0


if __name__ == "__main__":
    sys.exit(main())
