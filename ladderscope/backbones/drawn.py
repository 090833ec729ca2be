"""Random weights drawn where the model computes: the host never holds them, and a GPU draws them in no time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ladderscope.backbones.quantize import quantize_in_place


def draw_model(config: Any, dtype: torch.dtype, quantization: str, device: torch.device) -> nn.Module:
    """A model of the shape of ``config`` whose weights and buffers are made on ``device``, one by one.

    It is laid out on meta first. Linear layers are then drawn and quantised one at a time, so that ``device`` never
    holds the whole model unquantised; then all else follows in the order in which ``Module.to`` moves it. So the
    allocator sees what it sees where a model is moved layer by layer, as in a prediction.

    Args:
        config: of transformers.
        dtype: of the weights.
        quantization: of its linear layers.
        device: where the weights are drawn; the default generator of that device decides them.
    """
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model: Any = AutoModelForCausalLM.from_config(config, dtype=dtype)
    quantize_in_place(model, quantization, dtype, device, filled=_drawn(model, device))
    _make_all(model, device)
    quantized: nn.Module = model
    return quantized


def _drawn(model: Any, device: torch.device) -> Callable[[nn.Module], nn.Module]:
    def draw(linear: nn.Module) -> nn.Module:
        # A copy holds what is drawn, since the layer itself outlives its quantised successor for a while.
        filled = copy.copy(linear)
        filled._parameters = {
            name: None if parameter is None else nn.Parameter(torch.empty_like(parameter, device=device))
            for name, parameter in linear._parameters.items()
        }
        model._init_weights(filled)
        return filled

    return draw


def _make_all(model: Any, device: torch.device) -> None:
    """Make what is still on meta; tied weights stay tied."""
    made: dict[int, Tensor] = {}  # by the identity of what it takes the place of, all of which is there before
    fresh: list[nn.Module] = []

    def visit(module: nn.Module) -> None:
        for child in module.children():
            visit(child)
        is_new = False
        for tensors in (module._parameters, module._buffers):
            for name, tensor in tensors.items():
                if tensor is not None and tensor.is_meta:
                    is_new = True
                    tensors[name] = made.setdefault(id(tensor), _empty(tensor, device))  # type: ignore[assignment]
        if is_new:
            fresh.append(module)

    visit(model)
    for module in fresh:
        model._init_weights(module)


def _empty(tensor: Tensor, device: torch.device) -> Tensor:
    empty = torch.empty_like(tensor, device=device)
    return nn.Parameter(empty, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else empty
