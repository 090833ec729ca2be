"""Predicts the GPU memory of PyTorch code without a GPU: the real code on tensors that have shapes and no data."""

from ladderscope.memory.predict.context import predict_memory
from ladderscope.memory.predict.trace import MemoryTrace

__all__ = ["MemoryTrace", "predict_memory"]
