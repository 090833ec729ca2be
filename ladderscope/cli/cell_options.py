"""The options that say what a cell is, as ``profile`` and ``explain`` take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]

_METHOD_HELP = (
    "full, lora, qlora, lst, qst, ladder, xladder, or any method of PEFT: peft:PATH of an adapter_config.json or its "
    "folder, or peft:NAME as in peft:vera."
)
_GENERATE_HELP = "New tokens to generate behind prompts of --seq-len tokens; predicted only.  [default: 0]"

GPU_HELP = (
    "a name, as in rtx-3060-12gb (`ladderscope plan --list-gpus` has them), or memory and architecture: 12GiB:sm86 "
    "is any GPU with 12 GiB of compute capability 8.6"
)


def axis(*names: str, **settings: Any) -> Callable[[Command], Command]:
    """An option that may be repeated."""
    return click.option(*names, multiple=True, **settings)


def cell_options(default_methods: str) -> Callable[[Command], Command]:
    """Adds the options of a cell; each may be repeated. ``axes_of`` makes axes of a grid out of them.

    Args:
        default_methods: the methods of a call that names none, for the help.
    """
    options = (
        axis("--model", help="smollm2-135m, random:ARCHITECTURE, a folder, or a hub name.  [default: smollm2-135m]"),
        axis("--method", help=f"{_METHOD_HELP}  [default: {default_methods}]"),
        axis("--rank", type=int, help="Rank of lora and qlora.  [default: 8]"),
        axis("--reduction", type=int, help="Backbone width over side width.  [default: 8, qst: 16]"),
        axis("--set", "settings", help="Fields of the method's config, as in 'downsample=linear gate=none'."),
        axis("--seq-len", type=int, help="Tokens per row.  [default: 256]"),
        axis("--batch-size", type=int, help="Rows per micro-batch.  [default: 1]"),
        axis("--gradient-accumulation", type=int, help="Micro-batches per optimizer step.  [default: 1]"),
        axis("--generate", type=int, metavar="TOKENS", help=_GENERATE_HELP),
        axis("--dtype", help="bf16 or fp32, of the backbone.  [default: bf16]"),
        axis("--adapter-dtype", help="bf16 or fp32, of adapters and side networks.  [default: fp32, as PEFT has it]"),
        axis("--quantization", help="none, nf4, nf4-dq or int8, of the backbone.  [default: by method]"),
        axis("--optimizer", help="adamw, adamw-fused, adamw-8bit or paged-adamw-8bit.  [default: adamw]"),
        axis("--parallel", help="none, ddp or fsdp: how GPUs share the training.  [default: none]"),
        axis("--num-gpus", type=int, help="GPUs of a cell, each with --batch-size rows.  [default: 1; 2 in parallel]"),
        axis("--loss-impl", help="full, or chunked over the sequence.  [default: full]"),
        click.option(
            "--gradient-checkpointing", is_flag=True, help="Recompute the backbone's activations in backward."
        ),
        click.option("--no-gradient-checkpointing", is_flag=True, help="The default; give both to span the two."),
    )

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def axes_of(options: dict[str, Any]) -> dict[str, list[Any]]:
    """The axes that the user gave, by the names of a cell's fields.

    Args:
        options: of ``cell_options`` and others of the kind, as click gives them.
    """
    axes = dict(options)
    checkpointing = ((axes.pop("no_gradient_checkpointing"), False), (axes.pop("gradient_checkpointing"), True))
    axes["gradient_checkpointing"] = [value for given, value in checkpointing if given]
    return {name: list(values) for name, values in axes.items() if values}
