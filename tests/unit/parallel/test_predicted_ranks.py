"""What ranks hold of a model: under FSDP parts that add up to it, under DDP all of it each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM

from ladderscope.backbones.catalogue import architecture_config
from ladderscope.memory.predict.process_group import NCCL_NOT_COUNTED, NEVER_COMPARED_ON_GPUS
from ladderscope.predict import LOAD, predict_cell
from ladderscope.records import Cell, Record

MakeCell = Callable[..., Cell]
GPU = "a100-80gb"
BF16 = 2


@functools.cache
def weights_of(architecture: str) -> tuple[tuple[int, ...], ...]:
    with torch.device("meta"):
        model: nn.Module = AutoModelForCausalLM.from_config(architecture_config(architecture))
    return tuple(tuple(parameter.shape) for parameter in model.parameters())


def numel(shape: tuple[int, ...]) -> int:
    return int(torch.Size(shape).numel())


def padding(shape: tuple[int, ...], ranks: int) -> int:
    """Numbers that are added so that every rank has as many rows."""
    return -shape[0] % ranks * numel(shape[1:])


def sum_of(record: Record, state: str) -> int:
    return sum(rank.states_bytes[state] for rank in record.ranks)


def check_parts(record: Record, architecture: str) -> None:
    """Of a full fine-tuning in bf16: parts, with their padding, are the whole; AdamW's two moments have no padding."""
    weights, ranks = weights_of(architecture), record.cell.num_gpus
    whole = BF16 * sum(map(numel, weights))
    padded = whole + BF16 * sum(padding(shape, ranks) for shape in weights)
    assert len(record.ranks) == ranks
    assert sum_of(record, "gradients") == padded
    buffers = sum_of(record, "weights") - padded
    assert 0 <= buffers <= ranks * 1024  # frequencies of the positions, whole on every rank
    assert sum_of(record, "optimizer_state") == 2 * whole
    assert record.params is not None
    assert record.params.total == sum(map(numel, weights))


@pytest.mark.parametrize("ranks", [2, 3, 8])
def test_parts_of_sharded_states_sum_to_the_whole(tiny_cell: MakeCell, ranks: int) -> None:
    cell = tiny_cell(method="full", dtype="bf16", parallel="fsdp", num_gpus=ranks)
    record = predict_cell(cell, GPU, counts_flops=False).record
    check_parts(record, "tiny-llama")
    assert record.memory is not None
    assert record.memory.peak_allocated_bytes == max(rank.peak_allocated_bytes for rank in record.ranks)


def test_parts_of_llama_2_70b_over_eight_gpus_sum_to_the_whole(tiny_cell: MakeCell) -> None:
    cell = tiny_cell(
        model="random:llama-2-70b", method="full", dtype="bf16", parallel="fsdp", num_gpus=8, optimizer="adamw-fused"
    )
    prediction = predict_cell(cell, GPU, counts_flops=False)
    check_parts(prediction.record, "llama-2-70b")
    # No GPU ever holds more than its parts and one block, or what is outside of the blocks.
    parts = prediction.record.ranks[0].states_bytes["weights"]
    largest = BF16 * 2 * 32_000 * 8192
    assert prediction.trace.peak(LOAD).allocated_bytes <= parts + 2 * largest


@pytest.mark.parametrize(("method", "state"), [("lora", "adapter_weights"), ("qlora", "weights")])
def test_frozen_and_quantised_weights_are_sharded_too(tiny_cell: MakeCell, method: str, state: str) -> None:
    alone, shared = (
        predict_cell(tiny_cell(method=method, dtype="bf16", **ranks), GPU, counts_flops=False).record
        for ranks in ({"parallel": "ddp", "num_gpus": 2}, {"parallel": "fsdp", "num_gpus": 2})
    )
    whole = alone.ranks[0].states_bytes[state]
    assert whole <= sum_of(shared, state) <= whole + 2 * 1024
    assert shared.params == alone.params
    # Scales are no parameters: every rank keeps them all.
    scales = [record.ranks[0].states_bytes.get("quantization_state") for record in (alone, shared)]
    assert scales[0] == scales[1]


@pytest.mark.parametrize("method", ["full", "lora", "qlora", "lst", "qst", "ladder", "xladder"])
def test_under_ddp_every_rank_holds_all_and_a_bucket_for_each_gradient(tiny_cell: MakeCell, method: str) -> None:
    cell = tiny_cell(method=method, dtype="bf16", parallel="ddp", num_gpus=4)
    record = predict_cell(cell, GPU, counts_flops=False).record
    assert record.status == "ok"
    assert record.memory is not None
    assert sum(record.memory.breakdown_bytes.values()) == record.memory.peak_allocated_bytes
    assert {rank.rank for rank in record.ranks} == {0, 1, 2, 3}
    assert len({rank.peak_allocated_bytes for rank in record.ranks}) == 1
    assert record.memory.breakdown_bytes["collectives"] == record.ranks[0].states_bytes["gradients"]
    assert record.tokens_per_step == 4 * cell.tokens_per_rank


def test_flops_are_those_of_one_gpu(tiny_cell: MakeCell) -> None:
    of_rank = {"none": 1, "ddp": 2, "fsdp": 2}
    records = [
        predict_cell(tiny_cell(method="full", parallel=parallel, num_gpus=gpus), GPU).record
        for parallel, gpus in of_rank.items()
    ]
    assert len({record.flops.per_step for record in records if record.flops}) == 1
    assert not records[0].ranks


def test_gathered_weights_are_collectives_and_what_no_gpu_has_confirmed_is_said(tiny_cell: MakeCell) -> None:
    cell = tiny_cell(method="full", parallel="fsdp", num_gpus=2, gradient_checkpointing=True)
    record = predict_cell(cell, GPU, counts_flops=False).record
    assert record.memory is not None
    assert record.memory.breakdown_bytes["collectives"] > 0
    assert record.forecast is not None
    assert {NCCL_NOT_COUNTED, NEVER_COMPARED_ON_GPUS} <= {*record.forecast.unverified}


def test_a_cell_on_one_gpu_says_nothing_of_ranks(tiny_cell: MakeCell) -> None:
    record: dict[str, Any] = predict_cell(tiny_cell(method="full"), GPU, counts_flops=False).record.to_json()
    assert "ranks" not in record
    assert "parallel" not in record["cell"]
    assert not {NCCL_NOT_COUNTED, NEVER_COMPARED_ON_GPUS} & {*record["forecast"]["unverified"]}
    assert "collectives" not in record["memory"]["breakdown_bytes"]
