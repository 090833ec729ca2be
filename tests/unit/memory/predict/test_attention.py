"""Which kernel attention takes on CUDA, by GPU, dtype and channels of a head; and what it is given."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from ladderscope.memory.predict import predict_memory
from ladderscope.memory.predict.attention import choose_kernel
from ladderscope.memory.predict.gpus import find_gpu

HALF, SINGLE = torch.bfloat16, torch.float32


@pytest.mark.parametrize(
    ("gpu", "dtype", "channels", "kernel"),
    [
        ("h100-80gb", HALF, 64, "flash"),
        ("h100-80gb", HALF, 4, "flash"),  # padded to 8 channels
        ("h100-80gb", SINGLE, 64, "efficient"),
        ("h100-80gb", SINGLE, 4, "efficient"),
        ("h100-80gb", SINGLE, 6, "math"),
        ("t4-16gb", torch.float16, 64, "efficient"),
        ("t4-16gb", torch.float16, 4, "math"),
        ("t4-16gb", SINGLE, 6, "efficient"),
    ],
)
def test_the_kernel_follows_from_gpu_dtype_and_channels(
    gpu: str, dtype: torch.dtype, channels: int, kernel: str
) -> None:
    rows = torch.empty(1, 2, 16, channels, dtype=dtype, device="meta")
    assert choose_kernel(find_gpu(gpu), rows, rows, rows, None, 0.0, grouped=False) == kernel


def test_narrow_heads_in_fp32_never_have_all_their_scores_in_memory() -> None:
    with predict_memory("a100-80gb") as trace:
        rows = torch.empty(1, 8, 512, 4, device="cuda", requires_grad=True)
        scaled_dot_product_attention(rows, rows, rows, is_causal=True).sum().backward()
    assert max(event.allocation.num_bytes for event in trace.events) < 8 * 512 * 512 * 4


def test_narrow_heads_in_bf16_are_padded_to_eight_channels_and_back() -> None:
    with predict_memory("a100-80gb") as trace:
        rows = torch.empty(1, 8, 512, 4, device="cuda", dtype=HALF, requires_grad=True)
        start = len(trace.events)
        out = scaled_dot_product_attention(rows, rows, rows, is_causal=True)
        asked = [event.allocation.num_bytes for event in trace.events[start:] if event.is_alloc]
        out.sum().backward()
        assert rows.grad is not None
        shapes = out.shape, rows.grad.shape
    padded = 8 * 512 * 8 * 2
    assert asked[:4] == [padded] * 4  # query, key, value and the result
    assert shapes == ((1, 8, 512, 4), (1, 8, 512, 4))
