"""Everything that can be known to be wrong with a cell before it runs."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from typing import Any

import torch

from ladderscope.backbones.loading import DTYPES
from ladderscope.backbones.names import BackboneName
from ladderscope.backbones.quantize import QUANTIZATIONS
from ladderscope.backbones.widths import ReductionFactorError
from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.methods import Method
from ladderscope.parallel.replicas import PARALLEL
from ladderscope.records import Cell
from ladderscope.sweep.parallel_checks import check_parallel
from ladderscope.training.examples import WITHOUT_TEXT, check_data
from ladderscope.training.loss import LOSS_FUNCTIONS
from ladderscope.training.optimizer import NEEDS_CUDA, OPTIMIZERS


def check_cell(cell: Cell, model: BackboneName, method: Method, config: Any) -> None:
    """Refuse a cell that cannot be measured.

    Args:
        cell: the cell.
        model: its resolved model name.
        method: its method.
        config: the transformers config of its backbone.

    Raises:
        UsageError: what is wrong, and what to give instead.
    """
    _check_choices(cell)
    _check_numbers(cell, method)
    _check_quantization(cell, method)
    check_parallel(cell, method)
    text_config = config.get_text_config()
    longest = getattr(text_config, "max_position_embeddings", None)
    _check_length(cell, longest)
    _check_settings(cell, method, text_config)
    if cell.data not in WITHOUT_TEXT and not model.has_tokenizer:
        raise UsageError(f"{cell.model} has random weights and no tokenizer: use --data random.")
    _check_data_once(cell.data)


def check_meter(cells: Iterable[Cell], meter: str, *, elsewhere: bool = False) -> None:
    """Refuse what a meter cannot run.

    Args:
        cells: that would be measured.
        meter: that would measure them.
        elsewhere: on machines of which this one does not know how many GPUs they have.

    Raises:
        UsageError: a paged optimizer without a GPU, too few GPUs, or generation, which no meter measures.
    """
    for cell in cells:
        if cell.generate:
            raise UsageError("generation is predicted, not measured: give --meter predict, or leave --generate out.")
        if meter == "cuda" and not elsewhere and 0 < torch.cuda.device_count() < cell.num_gpus:
            raise UsageError(
                f"{cell.num_gpus} GPUs are asked for, and PyTorch finds {torch.cuda.device_count()}: lower "
                "--num-gpus, or predict the cell with --meter predict."
            )
        if meter == "cpu" and cell.optimizer in NEEDS_CUDA:
            raise UsageError(f"{cell.optimizer} pages between GPU and host: it needs --meter cuda, or use adamw-8bit.")


def _check_length(cell: Cell, longest: int | None) -> None:
    if longest is None or cell.seq_len + cell.generate <= longest:
        return
    if cell.seq_len > longest:
        raise UsageError(f"{cell.model} reads at most {longest} tokens: lower --seq-len from {cell.seq_len}.")
    raise UsageError(
        f"{cell.model} reads at most {longest} tokens, fewer than a prompt of {cell.seq_len} and {cell.generate} new "
        "ones: lower --seq-len or --generate."
    )


def _check_choices(cell: Cell) -> None:
    choices: dict[str, Iterable[str]] = {
        "dtype": DTYPES,
        "adapter_dtype": DTYPES,
        "quantization": QUANTIZATIONS,
        "optimizer": OPTIMIZERS,
        "loss_impl": LOSS_FUNCTIONS,
        "parallel": PARALLEL,
    }
    for name, known in choices.items():
        if getattr(cell, name) not in known:
            raise UnknownNameError(name.replace("_", "-"), getattr(cell, name), known)
    if not isinstance(cell.gradient_checkpointing, bool):
        raise UsageError(f"gradient_checkpointing must be true or false, not {cell.gradient_checkpointing!r}.")


def _check_numbers(cell: Cell, method: Method) -> None:
    smallest = {
        "rank": 1,
        "reduction_factor": 1,
        "seq_len": 2,
        "batch_size": 1,
        "gradient_accumulation": 1,
        "steps": 1,
        "seed": 0,
        "generate": 0,
        "num_gpus": 1,
    }
    for name, least in smallest.items():
        value = getattr(cell, name)
        if name in ("rank", "reduction_factor") and name != method.size:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise UsageError(f"{name} must be a whole number of at least {least}, not {value!r}.")
    if not isinstance(cell.lr, int | float) or isinstance(cell.lr, bool) or not 0 < cell.lr < math.inf:
        raise UsageError(f"lr must be a number above 0, not {cell.lr!r}.")


def _check_quantization(cell: Cell, method: Method) -> None:
    if cell.quantization not in method.quantizations:
        partner = {"full": "", "lora": " (with a quantised backbone it is qlora)", "qlora": " (without, it is lora)"}
        raise UsageError(
            f"{method.name} does not work with --quantization {cell.quantization}{partner.get(method.name, '')}: "
            f"use {', '.join(method.quantizations)}."
        )


def _check_settings(cell: Cell, method: Method, text_config: Any) -> None:
    if method.config is None and cell.adapter_dtype != "fp32":
        raise UsageError(f"{method.name} has no adapters: leave --adapter-dtype out.")
    if method.config is None:
        if cell.settings:
            raise UsageError(f"{method.name} has no settings: leave --set out.")
        return
    config = method.config(cell)
    if method.size != "reduction_factor":
        return
    from ladderscope.methods.side.blocks import side_config_of

    try:
        config.tap_map(text_config.num_hidden_layers)
        if getattr(config, "match_params", None) is None:
            side_config_of(config, text_config)
    except ReductionFactorError as error:
        raise UsageError(f"{cell.model}: {_why_not_reduced(method, error)}") from error
    except ValueError as error:
        raise UsageError(f"{cell.model}: {error}.") from error


def _why_not_reduced(method: Method, error: ReductionFactorError) -> str:
    """What a user may not have asked for: the factor is the method's where no other is given."""
    default = "default " if error.factor == method.default_reduction else ""
    others = ", ".join(str(valid) for valid in error.valid if valid != error.nearest)
    instead = f"--reduction {error.nearest}" + (f", or one of {others}" if others else "")
    return f"{method.name}'s {default}reduction factor of {error.factor} {error.fault}: give {instead}."


@functools.cache
def _check_data_once(data: str) -> None:
    check_data(data)
