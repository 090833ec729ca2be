"""Side blocks whose heads share keys: the same attention, in a way that CUDA has a kernel for."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from ladderscope.methods.side.attention import REPEATED_KEYS, attend
from ladderscope.predict import STEADY_STEP, predict_cell
from ladderscope.records import Cell


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("tokens", [1, 8])
@pytest.mark.parametrize("masked", [False, True])
def test_repeated_keys_change_nothing(dtype: torch.dtype, tokens: int, masked: bool) -> None:
    torch.manual_seed(0)
    query = torch.randn(2, 4, tokens, 16, dtype=dtype)
    key, value = torch.randn(2, 2, 2, 8, 16, dtype=dtype)
    mask = torch.ones(2, 1, tokens, 8, dtype=torch.bool).tril(8 - tokens) if masked or tokens < 8 else None
    module: Any = SimpleNamespace(num_key_value_groups=2, is_causal=True)
    ours, _ = attend(module, query, key, value, mask, scaling=0.25)
    theirs, _ = sdpa_attention_forward(module, query, key, value, mask, scaling=0.25)
    assert torch.allclose(ours, theirs, atol=1e-2 if dtype == torch.bfloat16 else 1e-6)


def test_only_side_blocks_with_shared_keys_are_changed(tuned: Callable[..., Any]) -> None:
    grouped, single = tuned(model_type="llama"), tuned(model_type="gpt2")
    assert grouped.base_model.side_layer.network.blocks[0].self_attn.config._attn_implementation == REPEATED_KEYS
    assert grouped.config._attn_implementation == "sdpa"
    assert single.base_model.side_layer.network.blocks[0].attn.config._attn_implementation == "sdpa"


def test_no_scores_are_written_on_a_gpu() -> None:
    cell = Cell(
        model="random:tiny-llama",
        method="ladder",
        reduction_factor=4,
        seq_len=512,
        quantization="none",
        data="random",
    )
    trace = predict_cell(cell, "rtx-3060-12gb").trace
    events = trace.events[next(span.start for span in trace.spans if span.name == STEADY_STEP) :]
    scores = 4 * 512 * 512 * 4  # heads x tokens x tokens in fp32
    assert max(event.allocation.num_bytes for event in events if "norm" not in event.allocation.module) < scores
