"""Buffers of sums, maxima and means that CUDA splits over blocks; sizes are of a step recorded on an H100."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ladderscope.memory.predict import predict_memory
from ladderscope.memory.predict.gpus import find_gpu
from ladderscope.memory.predict.reductions import split_reduction

H100 = "h100-80gb"


def requests(operation: Callable[[Tensor], object], make: Callable[[], Tensor], gpu: str = H100) -> list[int]:
    with predict_memory(gpu) as trace:
        values = make()
        with trace.span("operation"):
            operation(values)
    (span,) = trace.spans
    return [event.allocation.num_bytes for event in trace.events[span.start : span.stop] if event.is_alloc]


def tokens_last(tokens: int, width: int) -> Tensor:
    """``(tokens, width)``, tokens being neighbours in memory."""
    return torch.empty(width, tokens, device="cuda").t()


def test_a_sum_over_rows_far_apart_is_split_over_blocks_behind_its_result() -> None:
    assert requests(lambda values: values.sum(-1), lambda: tokens_last(512, 10_000)) == [2048, 41_156_608, 16]


def test_a_maximum_keeps_positions_beside_its_partial_results() -> None:
    found = requests(lambda values: values.max(-1), lambda: tokens_last(512, 10_000))
    assert found == [2048, 4096, 164_626_432, 16]


def test_the_gradient_of_a_norms_scale_is_such_a_sum() -> None:
    assert requests(lambda values: values.sum(-1), lambda: tokens_last(512, 2560)) == [2048, 10_485_760, 16]


def test_rows_that_lie_together_are_added_up_without_a_buffer() -> None:
    assert requests(lambda values: values.sum(-1), lambda: torch.empty(512, 2560, device="cuda")) == [2048]


def test_a_sum_of_everything_keeps_a_number_for_each_block() -> None:
    split = split_reduction(find_gpu(H100), torch.empty(1 << 20, device="meta"), [0], 4)
    assert split is not None
    # 512 threads take four numbers at a time, and each block has at least 16 for a thread.
    assert split.counters == 1
    assert split.buffer_bytes == 4 * (1 << 20) // (512 * 16)


def test_a_gpu_of_fewer_multiprocessors_splits_less() -> None:
    values = torch.empty(1 << 26, device="meta")
    small, large = (split_reduction(find_gpu(gpu), values, [0], 4) for gpu in ("rtx-4060-8gb", H100))
    assert small is not None
    assert large is not None
    assert small.buffer_bytes < large.buffer_bytes


@pytest.mark.parametrize("shape", [(0, 4), (1,), ()])
def test_nothing_is_split_where_there_is_next_to_nothing(shape: tuple[int, ...]) -> None:
    values = torch.empty(shape, device="meta")
    assert split_reduction(find_gpu(H100), values, list(range(values.dim())), 4) is None


def test_half_precision_is_added_up_in_single() -> None:
    single = requests(torch.sum, lambda: torch.empty(1 << 20, device="cuda"))
    half = requests(torch.sum, lambda: torch.empty(1 << 20, device="cuda", dtype=torch.bfloat16))
    assert single[1:] == half[1:]
    assert (single[0], half[0]) == (4, 2)
