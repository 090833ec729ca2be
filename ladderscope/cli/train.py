"""``ladderscope train``: fine-tune with one of the methods and save the adapter."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from ladderscope.errors import INTERRUPTED

_EXAMPLES = """Fine-tune a model and save the adapter.

SETTINGS.yaml holds the options below by their names (`seq-len: 512`); an option given here replaces the file's. A run
that was ended in any way goes on from its last checkpoint when the same command is given again.

\b
Examples:
  ladderscope train --out adapter/ --steps 50
  ladderscope train --method qlora --data train.jsonl --out adapter/
  ladderscope train settings.yaml --lr 5e-4 --out adapter/
  ladderscope train --model HuggingFaceTB/SmolLM2-360M \\
      --data openai/gsm8k/main:train --epochs 2 --out adapter/

A .jsonl line or a row of a data set has prompt and completion, question and answer, instruction, input and output,
messages, or text.

\b
Exit codes: 0 trained, 1 failed, 2 wrong use, 130 interrupted.
"""


@click.command(help=_EXAMPLES)
@click.argument("config", required=False, type=click.Path(path_type=Path), metavar="[SETTINGS.yaml]")
@click.option("--model", help="smollm2-135m, a folder, or a hub name.  [default: smollm2-135m]")
@click.option("--method", help="full, lora, qlora, lst, qst, ladder or xladder.  [default: ladder]")
@click.option("--data", help="gsm-symbolic, a .jsonl or text file, or a data set.  [default: gsm-symbolic]")
@click.option("--out", help="Folder for the adapter; new, or of the same run.  [required]")
@click.option("--epochs", type=float, help="Passes over the data.  [default: 1]")
@click.option("--steps", type=int, help="Optimizer steps, instead of epochs.")
@click.option("--rank", type=int, help="Rank of lora and qlora.  [default: 8]")
@click.option("--reduction", type=int, help="Backbone width over side width.  [default: 8, qst: 16]")
@click.option("--set", "settings", help="Fields of the method's config, as in 'downsample=linear gate=none'.")
@click.option("--seq-len", type=int, help="Tokens per row.  [default: 256]")
@click.option("--batch-size", type=int, help="Rows per micro-batch.  [default: 1]")
@click.option("--gradient-accumulation", type=int, help="Micro-batches per optimizer step.  [default: 1]")
@click.option("--lr", type=float, help="Learning rate.  [default: by method]")
@click.option("--schedule", help="constant, linear or cosine.  [default: constant]")
@click.option("--warmup-ratio", type=float, help="Part of the steps to warm up.  [default: 0.03]")
@click.option("--weight-decay", type=float, help="Of matrices.  [default: 0]")
@click.option("--max-grad-norm", type=float, help="Clip gradients to this; 0: do not.  [default: 1]")
@click.option("--optimizer", help="adamw, adamw-fused, adamw-8bit or paged-adamw-8bit.  [default: adamw]")
@click.option("--dtype", help="bf16 or fp32, of the backbone; adapters are fp32.  [default: bf16]")
@click.option("--quantization", help="none, nf4, nf4-dq or int8, of the backbone.  [default: by method]")
@click.option("--loss-impl", help="full, or chunked over the sequence.  [default: full]")
@click.option(
    "--gradient-checkpointing/--no-gradient-checkpointing",
    default=None,
    help="Recompute activations in backward.  [default: no]",
)
@click.option("--seed", type=int, help="Order of the data and initialisation.  [default: 0]")
@click.option("--eval-fraction", type=float, help="Part of the examples held out; 0: none.  [default: 0.05]")
@click.option("--eval-data", help="Data to evaluate on instead; like --data.")
@click.option("--eval-every", type=int, help="Steps between evaluations.  [default: before and after]")
@click.option("--save-every", type=int, help="Steps between checkpoints.  [default: a tenth of the run]")
@click.option("--keep", type=int, help="Checkpoints to keep; 0: none at the end.  [default: 1]")
@click.option("--cache-taps", metavar="DIR", help="Run the backbone once, and train from its taps in this folder.")
@click.option("--cache-bits", type=int, help="Bits of a cached tap's channel: 16 or 8.  [default: 16]")
@click.option("--refill", is_flag=True, help="Make the cached taps again, whatever the folder holds.")
@click.option("--resume/--no-resume", default=True, show_default=True, help="Go on from the last checkpoint.")
@click.option("--force", is_flag=True, help="Train again, even if the run is finished.")
@click.option("--json", "as_json", is_flag=True, help="Print the final metrics as JSON.")
def command(config: Path | None, refill: bool, resume: bool, force: bool, as_json: bool, **options: Any) -> int:
    """See ``_EXAMPLES``."""
    console = Console(stderr=True)
    with _quiet():
        from ladderscope.finetune.settings import read_config, resolve_settings

        given = {name: value for name, value in options.items() if value is not None}
        settings = resolve_settings(read_config(config) if config else {}, given)
        run = _train(settings, console, resume=resume, force=force, refill=refill)
    if run["status"] != "finished":
        console.print(f"Interrupted: the same command goes on in {settings.out}.", highlight=False, soft_wrap=True)
        return INTERRUPTED
    metrics = _metrics(run, settings.out)
    console.print(_summary(metrics), highlight=False, soft_wrap=True, markup=False)
    if as_json:
        click.echo(json.dumps(metrics, indent=2))
    return 0


def _train(settings: Any, console: Console, *, resume: bool, force: bool, refill: bool) -> dict[str, Any]:
    from ladderscope.cli.train_progress import TrainProgress
    from ladderscope.finetune.interrupt import stop_between_steps
    from ladderscope.finetune.run import train
    from ladderscope.sweep.worker import is_out_of_memory

    with TrainProgress(console) as progress, stop_between_steps(progress.say) as stop:
        try:
            return train(settings, progress, stop, resume=resume, force=force, refill=refill)
        except Exception as error:
            if is_out_of_memory(error):
                raise click.ClickException(
                    "out of memory: lower --batch-size or --seq-len, or use --loss-impl chunked, "
                    "--gradient-checkpointing, or a quantised method. `ladderscope profile` measures what fits."
                ) from error
            if isinstance(error, OSError):
                raise click.ClickException(f"cannot read or write: {error}") from error
            raise


@contextmanager
def _quiet() -> Iterator[None]:
    """Libraries print nothing to standard output, which is for --json, and warn of nothing the user can change."""
    import logging as python_logging
    import warnings

    python_logging.getLogger("bitsandbytes").setLevel(python_logging.ERROR)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    for name in ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
        os.environ.setdefault(name, "1")
    with redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        yield


def _metrics(run: Mapping[str, Any], out: Path) -> dict[str, Any]:
    return {
        "out": str(out),
        "model": run["settings"]["model"],
        "method": run["settings"]["method"],
        "steps": len(run["steps"]),
        "train_loss": {"first": run["steps"][0]["loss"], "last": run["steps"][-1]["loss"]},
        "eval_loss": run["eval_loss"],
        "trained_parameters": run["parameters"]["trainable"],
        "tokens_per_step": run["tokens_per_step"],
        "seconds": run["seconds"],
    }


def _summary(metrics: Mapping[str, Any]) -> str:
    losses = metrics["eval_loss"]
    held_out = f", held-out loss {losses['before']:.4f} -> {losses['after']:.4f}" if losses else ""
    return f"{metrics['out']}: {metrics['steps']} steps in {metrics['seconds']:.0f} s{held_out}"
