"""``ladderscope profile``: measure a grid of cells into a ledger."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from ladderscope.cli.cell_options import GPU_HELP, axes_of, axis, cell_options
from ladderscope.cli.executor_options import executor_options, take_choice
from ladderscope.cli.profile_start import Asked, started
from ladderscope.errors import INTERRUPTED
from ladderscope.units import counted

if TYPE_CHECKING:
    from ladderscope.records import Record
    from ladderscope.sweep.executor import Executor
    from ladderscope.sweep.protocol import Job

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
  ladderscope profile grid.yaml --meter cuda --executor ray --ray-address auto
  ladderscope profile grid.yaml --meter cuda --executor slurm --slurm-partition gpu --resume

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
@click.option("--gpu", help=f"GPU to predict for, with --meter predict: {GPU_HELP}.")
@click.option("--out", type=click.Path(path_type=Path), default="runs.jsonl", show_default=True, help="The ledger.")
@click.option("--jobs", type=click.IntRange(min=1), help="Cells at a time.  [default: 1; predicted: one per core]")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds after which a cell is ended.")
@click.option(
    "--history",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Keep the allocator's history of each measured step there, for `ladderscope replay`; with CUDA.",
)
@executor_options
@click.option(
    "--resume/--no-resume",
    default=True,
    show_default=True,
    help="Wait for cells of an earlier run that an engine still has, or end them and begin anew.",
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
    resume: bool,
    force: bool,
    retry_failed: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """See ``_EXAMPLES``."""
    choice = take_choice(options)
    asked = Asked(grid, meter, gpu, out, jobs, timeout, history, axes_of(options), resume and not force)

    def again(record: Record) -> bool:
        return force or (retry_failed and record.status != "ok")

    console = Console(stderr=True)
    with started(asked, choice, console) as (wanted, executor):
        return _sweep(wanted, again, out, executor, console, as_json)


def _sweep(
    jobs: list[Job],
    again: Callable[[Record], bool],
    out: Path,
    executor: Executor,
    console: Console,
    as_json: bool,
) -> int:
    from ladderscope.report.terminal import print_records
    from ladderscope.sweep.run import Latest

    in_ledger, is_interrupted = _run_missing(jobs, again, out, executor, console)
    latest = Latest(in_ledger)
    records = [record for job in jobs if (record := latest.of(job)) is not None]
    print_records(records, console)
    if as_json:
        click.echo(json.dumps([record.to_json() for record in records], indent=2))
    missing = len(jobs) - len(records)
    cells = "missing cell" if missing == 1 else f"{missing} missing cells"
    if is_interrupted:
        rest = f": the same command runs the {cells}" if missing else ""
        console.print(f"Interrupted{rest}.")
        return INTERRUPTED
    if missing:
        console.print(f"Not all cells gave a record: the same command runs the {cells}.", highlight=False)
    return 0 if not missing and all(record.status == "ok" for record in records) else SOME_FAILED


def _run_missing(
    jobs: list[Job], again: Callable[[Record], bool], out: Path, executor: Executor, console: Console
) -> tuple[list[Record], bool]:
    """Run what the ledger lacks; all its records then, and whether the user asked to stop."""
    from ladderscope.cli.progress import SweepProgress
    from ladderscope.ledger import Ledger
    from ladderscope.sweep.interrupt import graceful_interrupt
    from ladderscope.sweep.run import Unseen, collect, missing_jobs, run_jobs

    # Inside, nobody else runs cells of this ledger: what is left of an earlier run may be touched.
    with Ledger(out) as ledger:
        if collected := collect(executor, ledger):
            console.print(f"Collected {counted(collected, 'record')} that an earlier run has left.", highlight=False)
        to_run = missing_jobs(jobs, ledger.records, again)
        if len(to_run) < len(jobs):
            console.print(f"{len(jobs) - len(to_run)} of {len(jobs)} cells are in {out} already.", highlight=False)
        with SweepProgress(console, len(to_run), [job.cell for job in jobs]) as progress:
            _prepare_models(to_run, progress.say)
            with graceful_interrupt(progress.say) as stop:
                to_run = executor.arrange(to_run, lambda asked: run_jobs(asked, executor, [], Unseen(), stop))
                run_jobs(to_run, executor, ledger, progress, stop)
        collect(executor, ledger)
        return ledger.records, stop.is_set()


def _prepare_models(jobs: list[Job], say: Callable[[str], None]) -> None:
    from ladderscope.backbones.names import SMOLLM2
    from ladderscope.backbones.wheel import smollm2_folder

    if any(job.cell.model == SMOLLM2 and not job.is_prediction for job in jobs):
        smollm2_folder(say)
