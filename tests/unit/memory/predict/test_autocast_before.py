"""Autocast that was there before the prediction is honoured, or refused where PyTorch itself switched it off."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from ladderscope.errors import UsageError
from ladderscope.memory.predict import predict_memory

GPU = "a100-80gb"


@pytest.fixture(autouse=True)
def _without_pytorchs_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def result_dtype() -> torch.dtype:
    net = nn.Linear(4, 4).cuda()
    dtype: torch.dtype = net(torch.ones(2, 4, device="cuda")).dtype
    return dtype


def test_a_context_around_the_prediction_is_refused() -> None:
    with (
        torch.autocast("cuda", dtype=torch.bfloat16),
        pytest.raises(UsageError, match="made before predict_memory"),
        predict_memory(GPU),
    ):
        pass
    with predict_memory(GPU):
        assert result_dtype() == torch.float32


def test_so_is_one_that_was_made_before_when_it_is_entered() -> None:
    made_before = torch.autocast("cuda", dtype=torch.bfloat16)
    with predict_memory(GPU), pytest.raises(UsageError, match="made before predict_memory"), made_before:
        pass


def test_a_context_for_the_cpu_is_none_of_our_business() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16), predict_memory(GPU):
        assert result_dtype() == torch.float32


def test_the_bare_switch_counts_before_and_inside() -> None:
    torch.set_autocast_enabled("cuda", True)
    try:
        with predict_memory(GPU):
            assert result_dtype() == torch.float16
            torch.set_autocast_enabled("cuda", False)
            assert result_dtype() == torch.float32
            torch.set_autocast_enabled("cuda", True)
            assert result_dtype() == torch.float16
    finally:
        torch.set_autocast_enabled("cuda", False)


def test_a_part_without_autocast_stays_without() -> None:
    with predict_memory(GPU), torch.autocast("cuda", dtype=torch.bfloat16):
        with torch.autocast("cuda", enabled=False):
            assert result_dtype() == torch.float32
        assert result_dtype() == torch.bfloat16
