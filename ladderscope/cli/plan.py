"""``ladderscope plan``: what fits on which GPU."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console

from ladderscope.cli.cell_options import GPU_HELP
from ladderscope.errors import INTERRUPTED

if TYPE_CHECKING:
    from ladderscope.memory.predict.gpus import Gpu
    from ladderscope.planning.forecasts import Fit, Forecasts
    from ladderscope.planning.stages import Begin

T = TypeVar("T")

_EXAMPLES = """Say what fits on which GPU, and what to change first. Needs no GPU.

For every method: does it fit at the shape that is asked for, the largest batch and the longest rows that do, and what
each change would save. Everything is predicted by running the training step on a simulated device; no weights are
read, so that a model takes seconds and not its size in memory.

With --lengths, batches of --batch-size rows are drawn at random and padded to their longest row: how long they get,
what that takes, the chance that a step or a run of --steps runs out of memory, and where to cut rows so that none
does. A range as 128:768 is uniform; a file has a length or `length count` on each line, or is a .jsonl data set whose
tokens the model's tokenizer counts.

\b
Examples:
  ladderscope plan --model llama-2-7b --gpu rtx-3060-12gb
  ladderscope plan --model qwen2.5-7b --gpu l4-24gb --gpu a100-40gb --method lora --seq-len 4096
  ladderscope plan --model folder/ --gpu 12GiB:sm86 --batch-size 4 --json
  ladderscope plan --model llama-2-7b --gpu a100-80gb --method full --parallel fsdp --num-gpus 4
  ladderscope plan --model llama-3.2-1b --gpu t4-16gb --batch-size 8 --lengths 128:768
  ladderscope plan --list-gpus

\b
Exit codes: 0 ok (also where nothing fits), 2 wrong use, 130 interrupted.
"""


def _row_length(ctx: click.Context, param: click.Parameter, text: str | None) -> int | str | None:
    """Tokens as a number, or a range as its text."""
    from ladderscope.planning.length_files import is_range

    if text is None or is_range(text):
        return text
    try:
        return int(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is neither a number of tokens nor a range as 128:768.") from None


@click.command(help=_EXAMPLES)
@click.option("--model", default="smollm2-135m", show_default=True, help="An architecture, a folder, or a hub name.")
@click.option("--gpu", "gpus", multiple=True, metavar="GPU", help=f"GPU to plan for: {GPU_HELP}; repeatable.")
@click.option("--method", multiple=True, help="As for profile; repeatable.  [default: qlora, ladder, xladder]")
@click.option(
    "--seq-len",
    callback=_row_length,
    metavar="TOKENS|RANGE",
    help="Tokens per row; with --lengths, where rows are cut. A range as 128:768 is one of --lengths.  "
    "[default: 2048, or what the model reads]",
)
@click.option("--batch-size", type=int, help="Rows per micro-batch.  [default: 1]")
@click.option("--gradient-accumulation", type=int, help="Micro-batches per optimizer step.  [default: 1]")
@click.option("--rank", type=int, help="Rank of lora and qlora.  [default: 8]")
@click.option("--reduction", type=int, help="Backbone width over side width.  [default: 8, qst: 16]")
@click.option("--set", "settings", help="Fields of the method's config, as in 'downsample=linear gate=none'.")
@click.option("--dtype", help="bf16 or fp32, of the backbone; adapters are fp32.  [default: bf16]")
@click.option("--quantization", help="none, nf4, nf4-dq or int8, of the backbone.  [default: by method]")
@click.option("--optimizer", help="adamw, adamw-fused, adamw-8bit or paged-adamw-8bit.  [default: adamw]")
@click.option("--loss-impl", help="full, or chunked over the sequence.  [default: full]")
@click.option("--gradient-checkpointing", is_flag=True, help="Recompute the backbone's activations in backward.")
@click.option("--parallel", help="none, ddp or fsdp: how GPUs share the training.  [default: none]")
@click.option("--num-gpus", type=int, help="GPUs, each with --batch-size rows.  [default: 1; 2 in parallel]")
@click.option("--lengths", metavar="RANGE|FILE", help="Plan padded batches of rows of these lengths; see below.")
@click.option("--steps", type=int, help="Steps of a run on padded batches.  [default: 1000]")
@click.option("--list-gpus", is_flag=True, help="Print the known GPUs and end.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, in bytes, instead of tables.")
def command(
    model: str,
    gpus: tuple[str, ...],
    method: tuple[str, ...],
    seq_len: int | str | None,
    gradient_checkpointing: bool,
    lengths: str | None,
    steps: int | None,
    list_gpus: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """See ``_EXAMPLES``."""
    from ladderscope.memory.predict.gpus import find_gpu, gpu_names

    if list_gpus:
        return _list_gpus([find_gpu(name) for name in gpu_names()], as_json)
    if not gpus:
        raise click.UsageError("which GPU? Give --gpu, such as rtx-3060-12gb; --list-gpus prints the known ones.")
    found = [find_gpu(name) for name in dict.fromkeys(gpus)]
    if isinstance(seq_len, str):
        if lengths is not None:
            raise click.UsageError(
                f"--seq-len {seq_len} and --lengths {lengths} both say how long rows are: give one of them; beside "
                "--lengths, --seq-len is the one number of tokens where rows are cut."
            )
        lengths, seq_len = seq_len, None
    if steps is not None and lengths is None:
        raise click.UsageError("--steps is for runs on padded batches: give their --lengths too.")
    if lengths is not None and {"parallel", "num_gpus"} & {name for name, value in options.items() if value}:
        raise click.UsageError("--lengths plans the batches of one GPU: leave --parallel and --num-gpus out.")
    _quiet()
    axes = {name: [value] for name, value in {**options, "seq_len": seq_len}.items() if value is not None}
    axes |= {"gradient_checkpointing": [gradient_checkpointing]}
    axes |= {"method": list(method)} if method else {}
    if lengths is not None:
        return _plan_padded(model, axes, found, lengths, 1000 if steps is None else steps, as_json)
    return _plan(model, axes, found, as_json)


def _plan(model: str, axes: dict[str, list[Any]], gpus: list[Gpu], as_json: bool) -> int:
    from ladderscope.cli.bar import preparing

    with preparing(Console(stderr=True)):
        from ladderscope.planning.as_json import plan_values
        from ladderscope.planning.cells import plan_cells
        from ladderscope.planning.plan import make_plans
        from ladderscope.planning.text import print_plans

        cells = plan_cells(model, axes)
    plans, predictions, status = _make(lambda forecasts, begin: make_plans(cells, gpus, forecasts, begin))
    if status and not as_json and not predictions:
        return status
    if as_json:
        asked = [plan.asked for plan in plans]
        _print_json(asked, predictions, status, {"plans": [plan_values(plan) for plan in plans]})
    else:
        print_plans(plans, Console())
    return status


def _plan_padded(
    model: str, axes: dict[str, list[Any]], gpus: list[Gpu], lengths: str, steps: int, as_json: bool
) -> int:
    from ladderscope.planning.as_json import padded_values, run_values
    from ladderscope.planning.cells import longest_row, model_name, plan_cells
    from ladderscope.planning.length_files import read_lengths
    from ladderscope.planning.padded import SHORTEST, make_padded_plans
    from ladderscope.planning.padded_text import print_padded

    if steps < 1:
        raise click.UsageError(f"a run has at least 1 step: raise --steps from {steps}.")
    name = model_name(model)
    found = read_lengths(lengths, name, longest_row(name), *axes.get("seq_len", []))
    cells = plan_cells(model, axes | {"seq_len": [max(SHORTEST, found.longest)]})
    plans, predictions, status = _make(
        lambda forecasts, begin: make_padded_plans(cells, gpus, found, steps, forecasts, begin)
    )
    if status and not as_json and not predictions:
        return status
    if as_json:
        values = {"run": run_values(plans[0].run), "plans": [padded_values(plan) for plan in plans]}
        _print_json([plan.longest for plan in plans], predictions, status, values)
    else:
        print_padded(plans, Console())
    return status


def _make(make: Callable[[Forecasts, Begin], Iterator[list[T]]]) -> tuple[list[T], int, int]:
    """The plans as far as they were made, the number of predictions, and the exit code."""
    from ladderscope.cli.plan_progress import PlanProgress
    from ladderscope.planning.forecasts import Forecasts

    console = Console(stderr=True)
    plans: list[T] = []
    status = 0
    with PlanProgress(console) as progress, progress.stops_on_interrupt():
        forecasts = Forecasts(progress.tick)
        try:
            for known in make(forecasts, progress.begin):
                plans = known
        except KeyboardInterrupt:
            status = INTERRUPTED
    if status:
        outcome = "what was known by then is printed" if forecasts.count else "nothing was known by then"
        console.print(f"Interrupted: {outcome}.", highlight=False)
    return plans, forecasts.count, status


def _list_gpus(gpus: list[Gpu], as_json: bool) -> int:
    from ladderscope.planning.as_json import gpu_values
    from ladderscope.planning.text import print_gpus

    if as_json:
        click.echo(json.dumps([gpu_values(gpu) for gpu in gpus], indent=2))
    else:
        print_gpus(gpus, Console())
    return 0


def _print_json(fits: list[Fit | None], predictions: int, status: int, values: dict[str, Any]) -> None:
    head = {
        "complete": status == 0,
        "predictions": predictions,
        "unverified": list(dict.fromkeys(rule for fit in fits if fit for rule in fit.unverified)),
    }
    click.echo(json.dumps(head | values, indent=2))


def _quiet() -> None:
    """Libraries warn of the kernels that this machine lacks, which a prediction does not use."""
    import logging
    import warnings

    warnings.simplefilter("ignore")
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
