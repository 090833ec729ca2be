"""The generation phase of a predicted cell, by hand count."""

from __future__ import annotations

import functools

import pytest
import torch

from ladderscope.memory.predict import predict_memory
from ladderscope.memory.predict.allocations import Allocation
from ladderscope.methods import METHODS, get_method
from ladderscope.predict import FIRST_STEP, GENERATION, STEADY_STEP, Prediction, predict_cell
from ladderscope.records import Cell, Record

GPU = "rtx-3060-12gb"
ROWS, PROMPT = 16, 2
LAYERS, KV_HEADS, HEAD_DIM = 4, 2, 16  # of tiny-llama
BF16, FP32 = 2, 4
BYTES_PER_TOKEN = 2 * LAYERS * KV_HEADS * HEAD_DIM * BF16 * ROWS
"""Keys and values of all layers and rows."""


def predicted(method: str, new_tokens: int, **settings: object) -> Prediction:
    known = get_method(method)
    values: dict[str, object] = {
        "model": "random:tiny-llama",
        "method": method,
        "rank": 4 if known.size == "rank" else None,
        "reduction_factor": 4 if known.size == "reduction_factor" else None,
        "seq_len": PROMPT,
        "batch_size": ROWS,
        "quantization": known.quantizations[0],
        "data": "random",
        "generate": new_tokens,
        **settings,
    }
    return predict_cell(Cell.from_json(values), GPU)


once = functools.cache(predicted)


def is_cached(allocation: Allocation) -> bool:
    """Keys or values: a cache is made by appending to what it was."""
    return allocation.operation == "cat" and "self_attn" in allocation.module


def cache_at_peak(prediction: Prediction) -> list[Allocation]:
    return [allocation for allocation in prediction.trace.peak(GENERATION).live if is_cached(allocation)]


@pytest.mark.parametrize("method", [*METHODS, "peft:ia3"])
def test_every_method_generates_behind_its_training_steps(method: str) -> None:
    prediction = predicted(method, 2)
    forecast = prediction.record.forecast
    assert prediction.record.status == "ok"
    assert forecast is not None
    assert list(forecast.phases)[-1] == GENERATION
    peak = prediction.trace.peak(GENERATION)
    assert forecast.phases[GENERATION].peak_allocated_bytes == peak.allocated_bytes
    assert peak.breakdown_bytes["optimizer_state"] > 0
    assert peak.breakdown_bytes["gradients"] == 0
    assert Record.from_json(prediction.record.to_json()) == prediction.record


def test_the_cache_holds_keys_and_values_of_every_token_but_the_last() -> None:
    cache = cache_at_peak(once("full", 24))
    assert sum(allocation.block_bytes for allocation in cache) == (PROMPT + 24 - 1) * BYTES_PER_TOKEN
    assert len(cache) == 2 * LAYERS


def test_the_cache_grows_by_copying() -> None:
    new_tokens = 24
    trace = once("full", new_tokens).trace
    last = max(n for n, event in enumerate(trace.events) if event.is_alloc and is_cached(event.allocation))
    cache = [allocation for allocation in trace.moment(last).live if is_cached(allocation)]
    kept, of_one_layer = PROMPT + new_tokens - 1, BYTES_PER_TOKEN // (2 * LAYERS)
    # The last layer's values are there twice, the old ones a token shorter.
    assert sum(allocation.block_bytes for allocation in cache) == kept * BYTES_PER_TOKEN + (kept - 1) * of_one_layer
    assert cache[-1].shape == f"({ROWS}, {KV_HEADS}, {kept}, {HEAD_DIM}) bfloat16"


def test_twice_the_tokens_take_twice_the_cache() -> None:
    one, two = (once("full", new_tokens).trace.peak(GENERATION).allocated_bytes for new_tokens in (12, 24))
    # Beside the cache a few numbers for each token: ids, mask, positions.
    assert 12 * BYTES_PER_TOKEN <= two - one <= 1.1 * 12 * BYTES_PER_TOKEN


def test_side_blocks_keep_their_keys_and_values_too() -> None:
    new_tokens, reduction = 24, 4
    cache = cache_at_peak(once("ladder", new_tokens))
    backbone, side = ([a for a in cache if ("side_network" in a.module) == is_side] for is_side in (False, True))
    tokens = PROMPT + new_tokens - 1
    assert sum(allocation.num_bytes for allocation in backbone) == tokens * BYTES_PER_TOKEN
    # As many blocks and heads as the backbone, at a quarter of its width, in fp32.
    assert sum(allocation.num_bytes for allocation in side) == tokens * BYTES_PER_TOKEN * FP32 // BF16 // reduction


def test_generation_changes_nothing_of_what_comes_before() -> None:
    with_it, without = (predicted("lora", new_tokens).record for new_tokens in (2, 0))
    assert with_it.forecast is not None
    assert without.forecast is not None
    assert GENERATION not in without.forecast.phases
    for phase in (FIRST_STEP, STEADY_STEP):
        assert with_it.forecast.phases[phase] == without.forecast.phases[phase]
    assert with_it.memory == without.memory
    assert with_it.cell.cell_id != without.cell.cell_id


def test_progress_goes_on_through_generation() -> None:
    ticks: list[float] = []
    cell = Cell(model="random:tiny-llama", method="full", seq_len=8, data="random", generate=4)
    predict_cell(cell, GPU, ticks.append)
    assert ticks == sorted(ticks)
    assert ticks[-5:] == pytest.approx([0.6, 0.7, 0.8, 0.9, 1.0])


def test_generation_of_other_code_is_as_long_as_it_may_get() -> None:
    """Nobody knows the tokens: none of them is the end of the text."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, eos_token_id=2
    )
    with predict_memory(GPU), torch.device("cuda"):
        tokens = LlamaForCausalLM(config).generate(torch.ones(2, 3, dtype=torch.long), max_new_tokens=5)
    assert tokens.shape == (2, 8)
