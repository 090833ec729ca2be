"""Predicts the GPU memory of PyTorch code without a GPU: the real code on tensors that have shapes and no data."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ladderscope.memory.predict.context import predict_memory as predict_memory
    from ladderscope.memory.predict.trace import MemoryTrace as MemoryTrace

# Imported when asked for: the table of GPUs is in this package too, and needs no torch.
_HOME = {"MemoryTrace": "trace", "predict_memory": "context"}

__all__ = ["MemoryTrace", "predict_memory"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
