"""4-bit and 8-bit weights through bitsandbytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn

QUANTIZATIONS = ("none", "nf4", "nf4-dq", "int8")
"""``nf4-dq`` is NF4 with double quantisation: the block constants are themselves kept in 8 bits."""


def quantization_config(quantization: str, dtype: torch.dtype) -> Any:
    """The ``BitsAndBytesConfig`` of a quantisation, None for ``none``. Matrix products compute in ``dtype``."""
    from transformers import BitsAndBytesConfig

    if quantization == "none":
        return None
    if quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=quantization == "nf4-dq",
        bnb_4bit_compute_dtype=dtype,
    )


def quantize_in_place(
    model: Any,
    quantization: str,
    dtype: torch.dtype,
    device: torch.device,
    filled: Callable[[nn.Module], nn.Module] = lambda linear: linear,
) -> None:
    """Quantise every linear layer but the head, as ``from_pretrained`` does, in a model made in memory.

    Used for random weights, which have no checkpoint to load from. Layers go to ``device`` one by one.

    Args:
        model: of transformers.
        quantization: how; nothing happens with ``none``.
        dtype: of the products with quantised weights.
        device: of the quantised layers.
        filled: the layer with the weight and the bias to quantise; by default with those that it has.
    """
    if quantization == "none":
        return
    head = model.get_output_embeddings()
    for parent, name, linear in linear_layers(model, skip=head):
        setattr(parent, name, _quantized_linear(filled(linear), quantization, dtype, device))
    # PEFT asks the model, not its layers.
    model.is_loaded_in_4bit = quantization != "int8"
    model.is_loaded_in_8bit = quantization == "int8"
    model.is_quantized = True


def keep_training_layout(model: nn.Module) -> None:
    """Keep 4-bit weights as they are when the model runs in inference mode on a CPU.

    On CPUs with AVX512-BF16, bitsandbytes repacks the weights of a layer at its first call in inference mode and
    rounds their block constants to bf16 for good: an evaluation would change the model that is trained after it.
    """
    import bitsandbytes as bnb

    for module in model.modules():
        if isinstance(module, bnb.nn.Linear4bit):
            module.support_avx512bf16_for_cpu = False


def linear_layers(model: nn.Module, skip: nn.Module) -> list[tuple[nn.Module, str, nn.Module]]:
    """What is quantised: parent, name and layer of all linear layers but ``skip``."""
    from transformers.pytorch_utils import Conv1D

    return [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if isinstance(child, nn.Linear | Conv1D) and child is not skip
    ]


def _quantized_linear(linear: Any, quantization: str, dtype: torch.dtype, device: torch.device) -> nn.Module:
    import bitsandbytes as bnb

    weight, bias = linear.weight.detach(), linear.bias
    if not isinstance(linear, nn.Linear):
        weight = weight.T.contiguous()  # GPT-2's Conv1D keeps (in, out)
    del linear
    sizes, has_bias = (weight.shape[1], weight.shape[0]), bias is not None
    quantized: nn.Module
    # Made on meta: the weight that a layer starts with is thrown away.
    if quantization == "int8":
        quantized = bnb.nn.Linear8bitLt(*sizes, bias=has_bias, has_fp16_weights=False, threshold=6.0, device="meta")
        quantized.weight = bnb.nn.Int8Params(weight, requires_grad=False, has_fp16_weights=False)
        if weight.device.type != "cpu":
            cast(Any, quantized.weight)._quantize(device)  # `to` quantises what comes from a CPU alone
    else:
        double = quantization == "nf4-dq"
        quantized = bnb.nn.Linear4bit(
            *sizes, bias=has_bias, compute_dtype=dtype, compress_statistics=double, quant_type="nf4", device="meta"
        )
        quantized.weight = bnb.nn.Params4bit(
            weight, requires_grad=False, compress_statistics=double, quant_type="nf4", module=quantized
        )
    del weight  # what was drawn for this layer alone is gone as soon as it is quantised
    if has_bias:
        quantized.bias = nn.Parameter(bias.detach(), requires_grad=False)
    return quantized.to(device)


def quantization_state(model: nn.Module) -> Iterator[Tensor]:
    """The tensors that undo the quantisation: block constants, their own constants, code tables."""
    for module in model.modules():
        weight = getattr(module, "weight", None)
        state = quant_state_of(module)
        if state is not None:
            yield from _tensors(state)
        for owner in (weight, getattr(module, "state", None)):
            scale = getattr(owner, "SCB", None)
            if isinstance(scale, Tensor):
                yield scale


def quant_state_of(module: nn.Module) -> Any:
    """The scales and shape of a 4-bit weight; the module has them where its weight is sharded. None of any other."""
    state = getattr(getattr(module, "weight", None), "quant_state", None)
    return getattr(module, "quant_state", None) if state is None else state


def _tensors(state: Any) -> Iterator[Tensor]:
    for value in vars(state).values():
        if isinstance(value, Tensor):
            yield value
        elif type(value) is type(state):
            yield from _tensors(value)
