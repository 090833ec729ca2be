"""What indexing allocates on CUDA: as a step recorded on an H100 did it (torch 2.6)."""

from __future__ import annotations

import torch

from ladderscope.memory.predict import MemoryTrace, predict_memory


def sizes(trace: MemoryTrace, span: str) -> list[int]:
    (found,) = [known for known in trace.spans if known.name == span]
    return [event.allocation.num_bytes for event in trace.events[found.start : found.stop] if event.is_alloc]


def test_an_index_on_the_host_comes_to_the_device_before_the_result() -> None:
    with predict_memory("h100-80gb") as trace:
        logits, targets = torch.empty(512, 100, device="cuda"), torch.zeros(512, dtype=torch.int64, device="cuda")
        rows = torch.arange(512)
        with trace.span("index"):
            picked = logits[rows, targets]
    assert sizes(trace, "index") == [4096, 2048]
    assert picked.shape == (512,)


def test_the_gradient_of_an_index_is_added_up_in_sorted_order() -> None:
    with predict_memory("h100-80gb") as trace:
        weight = torch.empty(100, 64, device="cuda", requires_grad=True)
        tokens = torch.zeros(4, 128, dtype=torch.int64, device="cuda")
        rows = weight[tokens]
        gradient = torch.empty(4, 128, 64, device="cuda")
        with trace.span("backward"):
            rows.backward(gradient)
    # The gradient; ids wrapped and scaled; sorted, their origin, and numbers from zero on; one byte for the sort.
    assert sizes(trace, "backward") == [100 * 64 * 4, 4096, 4096, 4096, 4096, 4096, 1]


def test_a_gradient_in_another_order_is_copied_first() -> None:
    with predict_memory("h100-80gb") as trace:
        weight = torch.empty(100, 64, device="cuda", requires_grad=True)
        rows = weight[torch.zeros(4, 128, dtype=torch.int64, device="cuda")]
        gradient = torch.empty(64, 4, 128, device="cuda").permute(1, 2, 0)
        with trace.span("backward"):
            rows.backward(gradient)
    assert sizes(trace, "backward") == [100 * 64 * 4, 4096, 4096, 4 * 128 * 64 * 4, 4096, 4096, 4096, 1]


def test_an_embedding_of_many_tokens_sums_in_parts_of_ten_rows() -> None:
    tokens, vocabulary, width = 4096, 1000, 32
    with predict_memory("h100-80gb") as trace:
        embedding = torch.nn.Embedding(vocabulary, width, device="cuda", dtype=torch.bfloat16)
        ids = torch.zeros(tokens, dtype=torch.int64, device="cuda")
        rows = embedding(ids)
        with trace.span("backward"):
            rows.backward(torch.empty_like(rows))
    parts = tokens // 10 + vocabulary
    assert sizes(trace, "backward")[-1] == parts * width * 4
    assert vocabulary * width * 2 in sizes(trace, "backward")


def test_an_embedding_of_few_tokens_sorts_nothing() -> None:
    with predict_memory("h100-80gb") as trace:
        embedding = torch.nn.Embedding(1000, 32, device="cuda")
        rows = embedding(torch.zeros(3072, dtype=torch.int64, device="cuda"))
        gradient = torch.empty_like(rows)
        with trace.span("backward"):
            rows.backward(gradient)
    assert sizes(trace, "backward") == [1000 * 32 * 4]
