"""``ladderscope plan``: what fits on which GPU."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

if TYPE_CHECKING:
    from ladderscope.memory.predict.gpus import Gpu
    from ladderscope.planning.plan import Plan
    from ladderscope.records import Cell

INTERRUPTED = 130

_EXAMPLES = """Say what fits on which GPU, and what to change first. Needs no GPU.

For every method: does it fit at the shape that is asked for, the largest batch and the longest rows that do, and what
each change would save. Everything is predicted by running the training step on a simulated device; no weights are
read, so that a model takes seconds and not its size in memory.

\b
Examples:
  ladderscope plan --model llama-2-7b --gpu rtx-3060-12gb
  ladderscope plan --model qwen2.5-7b --gpu l4-24gb --gpu a100-40gb --method lora --seq-len 4096
  ladderscope plan --model folder/ --gpu 12GiB:sm86 --batch-size 4 --json
  ladderscope plan --list-gpus

\b
Exit codes: 0 ok (also where nothing fits), 2 wrong use, 130 interrupted.
"""


@click.command(help=_EXAMPLES)
@click.option("--model", default="smollm2-135m", show_default=True, help="An architecture, a folder, or a hub name.")
@click.option("--gpu", "gpus", multiple=True, metavar="GPU", help="A GPU of --list-gpus, or 12GiB:sm86; repeatable.")
@click.option("--method", multiple=True, help="As for profile; repeatable.  [default: qlora, ladder, xladder]")
@click.option("--seq-len", type=int, help="Tokens per row.  [default: 2048, or what the model reads]")
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
@click.option("--list-gpus", is_flag=True, help="Print the known GPUs and end.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, in bytes, instead of tables.")
def command(
    model: str,
    gpus: tuple[str, ...],
    method: tuple[str, ...],
    gradient_checkpointing: bool,
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
    _quiet()
    from ladderscope.planning.cells import plan_cells

    axes = {name: [value] for name, value in options.items() if value is not None}
    axes |= {"gradient_checkpointing": [gradient_checkpointing]}
    cells = plan_cells(model, axes | ({"method": list(method)} if method else {}))
    return _plan(cells, found, as_json)


def _plan(cells: list[Cell], gpus: list[Gpu], as_json: bool) -> int:
    from ladderscope.cli.plan_progress import PlanProgress
    from ladderscope.planning.forecasts import Forecasts
    from ladderscope.planning.plan import make_plans
    from ladderscope.planning.text import print_plans

    console = Console(stderr=True)
    plans: list[Plan] = []
    interrupted = False
    with PlanProgress(console) as progress, progress.stops_on_interrupt():
        forecasts = Forecasts(progress.tick)
        try:
            for known in make_plans(cells, gpus, forecasts, progress.expect):
                plans = known
        except KeyboardInterrupt:
            interrupted = True
    if as_json:
        _print_json(plans, forecasts.count, complete=not interrupted)
    else:
        print_plans(plans, Console())
    if interrupted:
        console.print("Interrupted: what was known by then is printed.", highlight=False)
    return INTERRUPTED if interrupted else 0


def _list_gpus(gpus: list[Gpu], as_json: bool) -> int:
    from ladderscope.planning.as_json import gpu_values
    from ladderscope.planning.text import print_gpus

    if as_json:
        click.echo(json.dumps([gpu_values(gpu) for gpu in gpus], indent=2))
    else:
        print_gpus(gpus, Console())
    return 0


def _print_json(plans: list[Plan], predictions: int, complete: bool) -> None:
    from ladderscope.planning.as_json import plan_values

    values = {
        "complete": complete,
        "predictions": predictions,
        "unverified": list(dict.fromkeys(rule for plan in plans if plan.asked for rule in plan.asked.unverified)),
        "plans": [plan_values(plan) for plan in plans],
    }
    click.echo(json.dumps(values, indent=2))


def _quiet() -> None:
    """Libraries warn of the kernels that this machine lacks, which a prediction does not use."""
    import logging
    import warnings

    warnings.simplefilter("ignore")
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
