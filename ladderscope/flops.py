"""What one training step computes, per component, counted on the operations that really run.

A matrix product of (m, k) and (k, n) counts 2 m k n. Counted: matrix products, attention, and bitsandbytes' 4-bit
and 8-bit products, which PyTorch's own counter scores as zero. Not counted: element-wise operations, norms, softmax
outside attention, embedding look-ups, de-quantisation and the optimizer. Causal attention counts in full, as in
``torch.utils.flop_counter``, although kernels skip up to half of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import flop_registry

from ladderscope.components import ADAPTER, BACKBONE, HEAD, SIDE_NETWORK, ComponentTracker
from ladderscope.records import FLOP_COMPONENTS, Flops
from ladderscope.torch_internals import FollowingMode

Formula = Callable[..., int]


def count_flops(model: nn.Module, step: Callable[[], object], tokens_per_step: int) -> Flops:
    """Run ``step`` once and count its floating-point operations.

    Args:
        model: the tuned model that the step trains.
        step: forward and backward of one optimizer step.
        tokens_per_step: tokens that go through the model in it.
    """
    tracker = ComponentTracker(model)
    with tracker.watch(), _Counter(tracker) as counter:
        step()
    by_component = {name: counter.flops[name] for name in FLOP_COMPONENTS}
    per_step = sum(by_component.values())
    return Flops(per_step=per_step, per_token=per_step / tokens_per_step, by_component=by_component)


class _Counter(FollowingMode):
    def __init__(self, tracker: ComponentTracker) -> None:
        super().__init__()
        self.flops: Counter[str] = Counter()
        self._tracker = tracker
        self._formulas = _formulas()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        formula = self._formulas.get(func._overloadpacket)
        if formula is not None:
            self.flops[self._bucket()] += formula(*args, **(kwargs or {}), out_val=out)
        return out

    def _bucket(self) -> str:
        component = self._tracker.current()
        if component in (ADAPTER, SIDE_NETWORK, HEAD):
            return component
        assert component == BACKBONE
        if torch._C._current_autograd_node() is None:
            return "backbone_forward"
        return "backbone_recompute" if self._tracker.in_forward else "backbone_backward"


def _formulas() -> dict[Any, Formula]:
    aten, bnb = torch.ops.aten, torch.ops.bitsandbytes
    formulas: dict[Any, Formula] = dict(flop_registry)
    for kernel in _ATTENTION_KERNELS:
        formulas[getattr(aten, kernel)] = _attention
        formulas[getattr(aten, kernel + "_backward")] = _attention_backward
    for name in ("gemm_4bit", "gemv_4bit"):
        if hasattr(bnb, name):
            formulas[getattr(bnb, name)] = _product_with_shape
    for name in ("int8_scaled_mm", "int8_mixed_scaled_mm", "int8_linear_matmul"):
        if hasattr(bnb, name):
            formulas[getattr(bnb, name)] = _product_with_output
    return formulas


# Not PyTorch's own formulas: up to some release they refuse fewer key heads than query heads.
_ATTENTION_KERNELS = (
    "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention",
    "_scaled_dot_product_flash_attention_for_cpu",
)


def _attention(query: Any, key: Any, value: Any, *args: Any, out_val: Any, **kwargs: Any) -> int:
    scores, mixing = _attention_products(query, key, value)
    return scores + mixing


def _attention_backward(grad: Any, query: Any, key: Any, value: Any, *args: Any, out_val: Any, **kwargs: Any) -> int:
    # Scores are computed again; then come the gradients of value, probabilities, query and key.
    scores, mixing = _attention_products(query, key, value)
    return 3 * scores + 2 * mixing


def _attention_products(query: Any, key: Any, value: Any) -> tuple[int, int]:
    """FLOPs of query times key, and of probabilities times value; tensors are (batch, heads, tokens, channels)."""
    pairs = query.shape[0] * query.shape[1] * query.shape[2] * key.shape[2]
    return 2 * int(pairs * query.shape[3]), 2 * int(pairs * value.shape[3])


def _product_with_shape(activations: Any, weight: Any, shape: Any, *args: Any, out_val: Any, **kwargs: Any) -> int:
    out_features, _in_features = shape
    return 2 * int(activations.numel()) * int(out_features)


def _product_with_output(activations: Any, *args: Any, out_val: Any, **kwargs: Any) -> int:
    out = out_val[0] if isinstance(out_val, tuple) else out_val
    return 2 * int(activations.numel()) * int(out.shape[-1])
