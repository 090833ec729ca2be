"""Compiled side blocks compute what they compute otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ladderscope.methods.side import LadderConfig, LSTConfig, QSTConfig, XLadderConfig

# Neither back end needs a compiler for C++.
PAIRS = [(LSTConfig, "eager"), (QSTConfig, "eager"), (LadderConfig, "aot_eager"), (XLadderConfig, "eager")]


@pytest.mark.parametrize(("make_config", "backend"), PAIRS)
def test_the_losses_are_the_same(
    make_config: Any,
    backend: str,
    tuned: Callable[..., Any],
    train: Callable[..., list[float]],
    token_ids: Tensor,
) -> None:
    torch.compiler.reset()
    expected = train(tuned(make_config), token_ids, steps=3)
    model = tuned(make_config)
    model.base_model.compile_side_network(backend=backend)
    assert train(model, token_ids, steps=3) == pytest.approx(expected, rel=1e-4)
    assert all(block._compiled_call_impl is not None for block in model.base_model.side_layer.network.blocks)
