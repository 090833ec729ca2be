"""Operations that answer code with a number or a truth of Python's, which `meta` cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ladderscope.memory.predict.device import SimulatedDevice

aten = torch.ops.aten


def _equal(device: SimulatedDevice, one: Tensor, other: Tensor) -> bool:
    """What is not known is taken to be equal, as far as the shapes are."""
    known = _known(device, one), _known(device, other)
    if known[0] is None or known[1] is None:
        return one.shape == other.shape
    return torch.equal(known[0], known[1])


def _allclose(device: SimulatedDevice, one: Tensor, other: Tensor, *args: Any, **options: Any) -> bool:
    """What is not known is taken to be close."""
    known = _known(device, one), _known(device, other)
    return known[0] is None or known[1] is None or torch.allclose(known[0], known[1], *args, **options)


def _known(device: SimulatedDevice, tensor: Tensor) -> Tensor | None:
    return device.values.of(tensor) if device.holds(tensor) else tensor


def _is_left_aligned(device: SimulatedDevice, *args: Any, **options: Any) -> bool:
    """No, so that the fast path of an encoder keeps its padding: what a nested tensor takes is not known here."""
    return False


ANSWERS: dict[Any, Callable[..., Any]] = {
    aten.equal.default: _equal,
    aten.allclose.default: _allclose,
    aten._nested_tensor_from_mask_left_aligned.default: _is_left_aligned,
}
"""By operation."""
