"""Refuses backbones whose weights alone are more than this machine's memory, before anything is loaded."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable

import torch

from ladderscope.backbones.loading import DTYPES
from ladderscope.backbones.names import backbone_config, resolve_name
from ladderscope.backbones.quantize import linear_layers
from ladderscope.errors import UsageError
from ladderscope.parallel.replicas import starts_on_host
from ladderscope.records import Cell
from ladderscope.sweep.protocol import Job
from ladderscope.units import GIB, format_bytes

PROCESS_BYTES = GIB
"""About what a process takes that has imported PyTorch and transformers."""

_BITS = {"nf4": 4, "nf4-dq": 4, "int8": 8}


def host_memory_bytes() -> int:
    """The memory of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def check_host_memory(cells: Iterable[Cell], available_bytes: int | None = None, *, meter: str = "cpu") -> None:
    """Refuse cells that certainly do not fit where models are held in the memory of this machine.

    Args:
        cells: that would be measured.
        available_bytes: of memory; by default all that the machine has.
        meter: that would measure them. With ``cuda`` most models never are on the host as a whole.

    Raises:
        UsageError: the weights of a backbone are larger, or what all ranks load of them at a time.
    """
    available = host_memory_bytes() if available_bytes is None else available_bytes
    for cell in cells:
        if meter == "cuda" and not starts_on_host(cell):
            continue
        alone = _least_weight_bytes(cell.model, cell.dtype, cell.quantization)
        if cell.num_gpus * alone > available:
            raise UsageError(_does_not_fit(cell, alone, available))


def _does_not_fit(cell: Cell, alone: int, available: int) -> str:
    """The sentence; ``alone`` are the bytes of the weights, of which every rank loads all."""
    needed, ways_out = f"its weights alone take {format_bytes(alone)}", "choose a smaller model"
    if cell.num_gpus > 1:
        needed += f" in each of {cell.num_gpus} processes, {format_bytes(cell.num_gpus * alone)}"
        ways_out = "lower --num-gpus, or choose a smaller model"
    return (
        f"{cell.model} does not fit into this machine's memory: {needed} of {format_bytes(available)}. Predict it "
        f"with --meter predict --gpu GPU, or {ways_out}."
    )


def least_host_bytes(job: Job) -> int:
    """The least memory of a machine that a job takes: processes with their libraries, and weights that they load."""
    if job.is_prediction:
        return PROCESS_BYTES
    cell = job.cell
    weights = _least_weight_bytes(cell.model, cell.dtype, cell.quantization)
    # What goes to GPUs at once is read from files that the ranks of a machine share.
    copies = cell.num_gpus if job.meter == "cpu" or starts_on_host(cell) else 1
    return cell.num_gpus * PROCESS_BYTES + copies * weights


@functools.cache
def _least_weight_bytes(model: str, dtype: str, quantization: str) -> int:
    """Bytes of the weights, without what quantisation adds to them."""
    whole_bits = DTYPES[dtype].itemsize * 8
    quantized, others = _numbers_of_weights(model)
    return (quantized * _BITS.get(quantization, whole_bits) + others * whole_bits) // 8


@functools.cache
def _numbers_of_weights(model: str) -> tuple[int, int]:
    """Of a backbone: in linear layers but the head, and in all else."""
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        backbone = AutoModelForCausalLM.from_config(backbone_config(resolve_name(model)))
    head = backbone.get_output_embeddings()
    linear = sum(next(layer.parameters()).numel() for _, _, layer in linear_layers(backbone, skip=head))
    return linear, sum(weight.numel() for weight in backbone.parameters()) - linear
