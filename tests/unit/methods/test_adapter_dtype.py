"""Adapters and side networks in bf16, with their gradients and their optimizer's state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from ladderscope.errors import UsageError
from ladderscope.measure import prepare_loop
from ladderscope.predict import predict_cell
from ladderscope.records import Cell
from ladderscope.sweep.grid import resolve_cells

METHODS = ("lora", "qlora", "lst", "qst", "ladder", "xladder", "peft:ia3")
MakeCell = Callable[..., Cell]


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("method", METHODS)
def test_what_is_trained_has_the_dtype_that_was_asked_for(tiny_cell: MakeCell, method: str, dtype: str) -> None:
    # At 1e-3 the gate of qst, which starts at 1, would not move in bf16: the next number below is 0.996.
    cell = tiny_cell(method=method, dtype="bf16", adapter_dtype=dtype, lr=0.02)
    _, loop = prepare_loop(cell, torch.device("cpu"))
    before = loop.evaluate()
    for _ in range(3):
        loop.step()
    assert loop.evaluate() != before
    expected = {"fp32": torch.float32, "bf16": torch.bfloat16}[dtype]
    assert {parameter.dtype for parameter in loop.model.parameters() if parameter.requires_grad} == {expected}
    states: list[Any] = [value for state in loop.optimizer.state.values() for value in state.values()]
    assert {value.dtype for value in states if value.numel() > 1} == {expected}


def test_bf16_adapters_keep_no_fp32_copies_of_what_goes_into_them(tiny_cell: MakeCell) -> None:
    def kept(dtype: str) -> int:
        cell = tiny_cell(method="qlora", dtype="bf16", adapter_dtype=dtype, seq_len=256, loss_impl="chunked")
        memory = predict_cell(cell, "t4-16gb", counts_flops=False).record.memory
        assert memory is not None
        assert memory.saved_for_backward_bytes is not None
        return memory.saved_for_backward_bytes

    assert kept("bf16") < 0.85 * kept("fp32")


def test_full_fine_tuning_has_no_adapters() -> None:
    grid = {"model": ["random:tiny-llama"], "method": ["full"], "adapter_dtype": ["bf16"]}
    with pytest.raises(UsageError, match="leave --adapter-dtype out"):
        resolve_cells(grid)


def test_an_unknown_dtype_proposes_the_right_one() -> None:
    with pytest.raises(UsageError, match="unknown adapter-dtype 'bf61': did you mean 'bf16'"):
        resolve_cells({"model": ["random:tiny-llama"], "method": ["lora"], "adapter_dtype": ["bf61"]})
