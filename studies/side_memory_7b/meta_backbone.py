"""A backbone with NF4 weights and double quantisation on the `meta` device: all sizes, no bytes."""

from __future__ import annotations

from typing import Any

import bitsandbytes as bnb
import torch
from bitsandbytes.functional import QuantState
from torch import nn
from transformers import AutoModelForCausalLM

META = torch.device("meta")
_BLOCK, _NESTED_BLOCK = 64, 256


def meta_backbone(config: Any, dtype: torch.dtype, quantize: bool = True) -> Any:
    """The model of ``config``; every linear layer but the head is 4-bit where ``quantize`` says so."""
    with META:
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    if quantize:
        head = model.get_output_embeddings()
        for name, linear in list(model.named_modules()):
            if isinstance(linear, nn.Linear) and linear is not head:
                model.set_submodule(name, _quantized(linear, dtype))
        model.is_loaded_in_4bit = model.is_quantized = True
    return model.eval()


def _quantized(linear: nn.Linear, dtype: torch.dtype) -> nn.Module:
    with META:
        layer = bnb.nn.Linear4bit(
            linear.in_features, linear.out_features, bias=False, compute_dtype=dtype, quant_type="nf4"
        )
    packed = torch.empty(linear.weight.numel() // 2, 1, dtype=torch.uint8, device=META)
    layer.weight = bnb.nn.Params4bit(
        packed,
        requires_grad=False,
        quant_state=nested_state(linear.weight.shape, dtype),
        compress_statistics=True,
        quant_type="nf4",
        bnb_quantized=True,
        module=layer,
    )
    layer.bias = linear.bias
    quantized: nn.Module = layer
    return quantized


def nested_state(shape: torch.Size, dtype: torch.dtype) -> Any:
    """The quantisation state of a weight of ``shape``: 8-bit constants of 64 weights, and theirs, in blocks of 256.

    bitsandbytes cannot make it on `meta` (it reads values of a code table), so it is put together here.
    """

    def floats(*size: int) -> torch.Tensor:
        return torch.empty(size, dtype=torch.float32, device=META)

    num_blocks = -(-shape.numel() // _BLOCK)
    nested = QuantState(
        absmax=floats(-(-num_blocks // _NESTED_BLOCK)), code=floats(256), blocksize=_NESTED_BLOCK, dtype=torch.float32
    )
    return QuantState(
        absmax=torch.empty(num_blocks, dtype=torch.uint8, device=META),
        shape=shape,
        code=floats(16),
        blocksize=_BLOCK,
        quant_type="nf4",
        dtype=dtype,
        offset=floats(),
        state2=nested,
    )
