"""Code asks tensors for truths and numbers, and goes on; what cannot be known is refused in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ladderscope.errors import UsageError
from ladderscope.memory.predict import predict_memory
from ladderscope.memory.predict.refusals import UnpredictableError


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with predict_memory("a100-80gb"):
        yield


def test_tensors_are_compared_by_what_is_known() -> None:
    ids = torch.arange(4, device="cuda")
    assert torch.equal(ids, torch.arange(4, device="cuda"))
    assert not torch.equal(ids, ids + 1)
    assert not torch.allclose(ids, ids + 1)
    unknown = torch.randn(2048, device="cuda")
    assert torch.equal(unknown, unknown + 1)
    assert not torch.equal(unknown, unknown[:4])
    assert torch.allclose(unknown, unknown + 1)


def test_distinct_values_are_counted() -> None:
    ids = torch.tensor([[1, 2], [1, 2], [3, 4]], device="cuda")
    assert torch.unique(ids, dim=0).shape == (2, 2)
    assert torch.unique_consecutive(ids).tolist() == [1, 2, 1, 2, 3, 4]


def test_a_list_of_losses_makes_a_tensor() -> None:
    losses = [torch.randn(4096, device="cuda").mean() for _ in range(3)]
    assert torch.tensor(losses).tolist() == [1.0] * 3
    assert torch.tensor([losses, losses], device="cuda").shape == (2, 3)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.int32])
def test_a_list_of_tensors_keeps_its_dtype(device: str, dtype: torch.dtype) -> None:
    assert torch.tensor([torch.ones((), dtype=dtype)] * 2, device=device).dtype == dtype
    assert torch.tensor([torch.ones((), dtype=torch.int32), 0.5], device=device).dtype == torch.float32


def test_rows_that_are_selected_by_what_nobody_knows_are_all_of_them() -> None:
    large = torch.randint(0, 9, (2048, 2048), device="cuda")
    assert large[torch.isin(large, torch.tensor([1, 2], device="cuda"))].numel() == large.numel()


def test_values_that_nobody_knows_may_all_differ() -> None:
    assert torch.unique(torch.randn(1000, device="cuda")).shape == (1000,)


def test_an_encoder_with_a_mask_keeps_its_padding() -> None:
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 1).cuda().eval()
    mask = torch.tensor([[False] * 10, [False] * 6 + [True] * 4], device="cuda")
    with torch.no_grad():
        assert encoder(torch.randn(2, 10, 32, device="cuda"), src_key_padding_mask=mask).shape == (2, 10, 32)


def test_sequences_are_packed_and_padded_again() -> None:
    net = nn.LSTM(8, 16, batch_first=True).cuda()
    rows = torch.randn(3, 5, 8, device="cuda")
    packed = nn.utils.rnn.pack_padded_sequence(rows, torch.tensor([5, 3, 2]), batch_first=True)
    before = torch.cuda.memory_allocated()
    padded, _ = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    assert padded.is_cuda
    assert torch.cuda.memory_allocated() - before == 512
    assert net(packed)[0].data.is_cuda


def test_the_history_is_there_for_code_that_looks_at_it() -> None:
    torch.cuda.memory._record_memory_history(max_entries=10)
    kept = torch.empty(512, dtype=torch.uint8, device="cuda")
    (segment,) = torch.cuda.memory_snapshot()
    assert segment["allocated_size"] == kept.nbytes
    assert torch.cuda.memory._snapshot()["segments"] == [segment]
    assert torch.cuda.memory_stats_as_nested_dict()["allocated_bytes"]["all"]["current"] == kept.nbytes


def make_graph() -> Any:
    return torch.cuda.CUDAGraph()


def make_pool() -> Any:
    return torch.cuda.MemPool()


def attend() -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    states = torch.randn(1, 2, 128, 16, device="cuda")
    return flex_attention(states, states, states)


def align() -> Any:
    scores = torch.randn(50, 4, 20, device="cuda")
    lengths = torch.full((4,), 10, device="cuda")
    return F.ctc_loss(scores, torch.ones(4, 10, dtype=torch.long, device="cuda"), lengths, lengths)


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        (make_graph, "does not follow CUDA graphs: a graph keeps memory in a pool of its own"),
        (make_pool, r"does not follow torch\.cuda\.MemPool"),
        (attend, "cannot follow flex_attention: only compiled code knows"),
        (align, r"cannot follow aten\._ctc_loss.*: PyTorch does not know the shape"),
    ],
)
def test_what_cannot_be_followed_is_refused(run: Any, sentence: str) -> None:
    with pytest.raises(UnpredictableError, match=sentence) as refused:
        run()
    assert isinstance(refused.value, UsageError)
