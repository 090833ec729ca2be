"""Operations that give a tensor another storage, or its storage another size: their result is never one remembered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ladderscope.memory.predict.device import SimulatedDevice

aten = torch.ops.aten


def _as_it_is(func: Any) -> Callable[..., Any]:
    def kernel(device: SimulatedDevice, *args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return kernel


RESIZING: dict[Any, Callable[..., Any]] = {
    func: _as_it_is(func)
    for func in (
        aten.resize_.default,
        aten.resize_as_.default,
        aten.set_.source_Storage,
        aten.set_.source_Storage_storage_offset,
        aten.set_.source_Tensor,
        aten.set_.default,
    )
}
