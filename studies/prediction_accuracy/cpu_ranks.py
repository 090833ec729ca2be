"""Compares predicted with measured peaks of the ranks of a small DDP or FSDP2 run, as ``cpu.py`` of one process.

The measured ranks are processes of this machine that send each other their gradients and weights through gloo.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch.distributed.launcher.api import elastic_launch

from ladderscope.memory.cpu import CpuMeter
from ladderscope.memory.predict.cpu_rules import predict_cpu_memory
from ladderscope.predict import CUDA, META, STEADY_STEP
from ladderscope.records import Cell
from ladderscope.sweep.ranks import launch_config
from studies.prediction_accuracy.cpu import CPU, alive_bytes, host_counts, make_loop

_STEPS = 2
"""Before the one that counts: the first makes the optimizer's state, and in the second DDP makes its buckets anew."""


def predict_ranks(cell: Cell) -> list[int]:
    """The peak of the third training step of each rank, under the rules of a CPU."""
    return [_predict_rank(cell, rank) for rank in range(cell.num_gpus)]


def measure_ranks(cells: list[Cell]) -> list[list[int]]:
    """For each cell the same as PyTorch's CPU allocator tells it in each rank.

    Args:
        cells: on as many ranks each.
    """
    with launch_config(cells[0].num_gpus) as config:
        by_rank = elastic_launch(config, _measure_rank)([cell.to_json() for cell in cells])
    return [list(peaks) for peaks in zip(*(by_rank[rank] for rank in sorted(by_rank)), strict=True)]


def _predict_rank(cell: Cell, rank: int) -> int:
    with predict_cpu_memory(rank, cell.num_gpus) as trace:
        loop = make_loop(cell, None, CUDA, META)
        for _ in range(_STEPS):
            loop.step()
        batches = loop.next_batches()
        with trace.span(STEADY_STEP):
            loop.step(batches)
        on_host = host_counts(loop)
    return trace.peak(STEADY_STEP).allocated_bytes + on_host


def _measure_rank(cells: list[dict[str, object]]) -> list[int]:
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    peaks = [_measure(Cell.from_json(cell)) for cell in cells]
    dist.destroy_process_group()
    return peaks


def _measure(cell: Cell) -> int:
    before = alive_bytes()
    loop = make_loop(cell, None, CPU, CPU)
    for _ in range(_STEPS):
        loop.step()
    return CpuMeter().measure_step(loop).peak_allocated_bytes - before
