"""The CPU meter on real training steps, against what the tensors say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from ladderscope.measure import measure_cell
from ladderscope.memory.cpu import CpuMeter
from ladderscope.memory.residents import resident_bytes
from ladderscope.records import BREAKDOWN_CATEGORIES, COLLECTIVES, Cell, Memory
from ladderscope.training.batches import Batch
from ladderscope.training.loop import TrainingLoop
from ladderscope.training.loss import CHUNK_TOKENS

MakeCell = Callable[..., Cell]


def memory_of(cell: Cell) -> Memory:
    memory = measure_cell(cell, CpuMeter()).memory
    assert memory is not None
    return memory


@pytest.mark.parametrize("method", ["full", "lora", "qlora", "ladder", "xladder"])
@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_the_breakdown_sums_to_the_peak(tiny_cell: MakeCell, method: str, dtype: str) -> None:
    memory = memory_of(tiny_cell(method=method, dtype=dtype))
    assert set(memory.breakdown_bytes) == {*BREAKDOWN_CATEGORIES} - {COLLECTIVES}
    assert sum(memory.breakdown_bytes.values()) == memory.peak_allocated_bytes
    assert all(size >= 0 for size in memory.breakdown_bytes.values())
    assert memory.peak_rss_bytes is not None
    assert memory.peak_rss_bytes > memory.peak_allocated_bytes


def test_full_fine_tuning_keeps_two_moments_for_every_weight(tiny_cell: MakeCell) -> None:
    record = measure_cell(tiny_cell(method="full"), CpuMeter())
    assert record.memory is not None
    assert record.params is not None
    breakdown = record.memory.breakdown_bytes
    assert breakdown["weights"] >= record.params.total * 4
    moments = record.params.trainable * 8
    assert moments <= breakdown["optimizer_state"] <= moments + 4096  # and a step counter for each parameter
    assert breakdown["adapter_weights"] == 0


def test_adapter_weights_are_told_from_the_backbones(tiny_cell: MakeCell) -> None:
    record = measure_cell(tiny_cell(method="qlora", dtype="bf16"), CpuMeter())
    assert record.memory is not None
    assert record.params is not None
    assert record.memory.breakdown_bytes["adapter_weights"] == record.params.trainable * 4
    assert record.memory.breakdown_bytes["quantization_state"] > 0


def test_the_buffers_of_a_side_network_are_its_own_not_the_backbones(tiny_cell: MakeCell) -> None:
    plain, side = (memory_of(tiny_cell(method=name)).breakdown_bytes for name in ("lora", "ladder"))
    assert side["weights"] == plain["weights"]


def test_longer_rows_need_more_activations_and_logits_and_nothing_else(tiny_cell: MakeCell) -> None:
    short, long = (memory_of(tiny_cell(method="qlora", seq_len=n)).breakdown_bytes for n in (64, 256))
    for category in ("weights", "quantization_state", "adapter_weights", "optimizer_state"):
        assert short[category] == long[category]
    assert long["activations"] > 3 * short["activations"]
    assert long["logits_and_loss"] > 3 * short["logits_and_loss"]


def test_checkpointing_lowers_activations(tiny_cell: MakeCell) -> None:
    plain, checkpointed = (
        memory_of(tiny_cell(method="lora", seq_len=256, gradient_checkpointing=on)).breakdown_bytes
        for on in (False, True)
    )
    assert checkpointed["activations"] < plain["activations"] / 2


def test_the_chunked_loss_lowers_logits(tiny_cell: MakeCell) -> None:
    full, chunked = (
        memory_of(tiny_cell(method="lora", seq_len=512, batch_size=4, loss_impl=name)).breakdown_bytes
        for name in ("full", "chunked")
    )
    assert chunked["logits_and_loss"] < full["logits_and_loss"] / 3


def test_the_memory_of_the_chunked_loss_is_that_of_its_chunks(tiny_cell: MakeCell) -> None:
    """Full fine-tuning of 1024 tokens has its peak in the loss, which goes past the head's module."""
    breakdown = memory_of(
        tiny_cell(method="full", seq_len=512, batch_size=2, loss_impl="chunked", gradient_checkpointing=False)
    ).breakdown_bytes
    vocab, hidden, tokens = 512, 64, 1024
    chunk, of_hidden = CHUNK_TOKENS * vocab * 4, tokens * hidden * 4
    assert breakdown["gradients"] == vocab * hidden * 4  # the head's, which the loss computes and backward takes over
    per_token_of_a_chunk = 64  # masks, maxima, sums
    assert breakdown["logits_and_loss"] - chunk - of_hidden in range(CHUNK_TOKENS * per_token_of_a_chunk)


class Squares(nn.Module):
    """Loss = sum((x w)^2): every allocation can be told by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1000))

    def get_output_embeddings(self) -> None:
        return None

    def forward(self, input_ids: torch.Tensor, labels: torch.Tensor, **_: Any) -> Any:
        big = self.weight.repeat(1000)  # 4,000,000 bytes, kept for backward
        return type("Output", (), {"loss": (big * big).sum()})


def loop_of_squares(cell: Cell) -> TrainingLoop:
    batch = Batch(torch.zeros(1, 2, dtype=torch.int64), torch.zeros(1, 2, dtype=torch.int64))

    def endless() -> Any:
        while True:
            yield batch

    loop = TrainingLoop(Squares(), cell, endless(), [batch])
    loop.step()
    return loop


def test_the_peak_of_a_step_known_by_hand(tiny_cell: MakeCell) -> None:
    memory = CpuMeter().measure_step(loop_of_squares(tiny_cell(method="full")))
    state = memory.breakdown_bytes
    assert state["weights"] == 4000
    assert state["optimizer_state"] == 2 * 4000 + 4
    # at the peak: `big`, its square or the gradient of it, and a second one while they are added up
    assert state["activations"] + state["logits_and_loss"] in range(12_000_000, 12_001_000)


@pytest.mark.parametrize("micro_batches", [1, 2])
def test_the_first_forward_of_a_step_leaves_for_backward_what_is_known_by_hand(
    tiny_cell: MakeCell, micro_batches: int
) -> None:
    """`big`, for the product's gradient; its square is gone, and gradients of an earlier micro-batch do not count."""
    loop = loop_of_squares(tiny_cell(method="full", gradient_accumulation=micro_batches))
    saved = CpuMeter().measure_step(loop).saved_for_backward_bytes
    scalars = 3 * 4 + 8  # the loss before and after it is divided, its gradient, and the number of tokens
    assert saved == 4_000_000 + scalars


class WithoutBackward:
    """A loop of forward passes alone, as generation is one."""

    def __init__(self, loop: TrainingLoop) -> None:
        self.model, self.runs = loop.model, loop.runs
        self.optimizer, self.next_batches = loop.optimizer, loop.next_batches

    def backward(self, batches: list[Batch]) -> None:
        with torch.no_grad():
            self.model(**vars(batches[0]))

    def update(self) -> None: ...


def test_without_backward_nothing_is_left_for_it(tiny_cell: MakeCell) -> None:
    loop: Any = WithoutBackward(loop_of_squares(tiny_cell(method="full")))
    assert CpuMeter().measure_step(loop).saved_for_backward_bytes is None


def test_a_tensor_that_nobody_declared_is_other() -> None:
    model = nn.Linear(10, 10, bias=False)
    optimizer = torch.optim.SGD(model.parameters())
    before = resident_bytes(model, optimizer, torch.device("cpu"))
    extra = torch.zeros(1000)
    after = resident_bytes(model, optimizer, torch.device("cpu"))
    assert after["other"] - before["other"] == extra.nbytes
    assert after["weights"] == before["weights"] == 400
