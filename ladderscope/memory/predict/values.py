"""Values of small simulated tensors.

Code branches on values: whether a mask hides anything, how many labels are set, which rows are longest. Where all that
an operation reads is known, it is computed on the host too, and its result is known.
"""

from __future__ import annotations

import torch
from torch import Tensor

MAX_BOOLEANS = 1 << 24
"""Most elements of a mask whose values are kept."""
MAX_WHOLE_NUMBERS = 1 << 20
"""Most elements of a tensor of other whole numbers whose values are kept."""
MAX_FLOATS = 1 << 10
_LARGE = 1 << 20


def unknown(shape: torch.Size, dtype: torch.dtype) -> Tensor:
    """What stands on the host for values that nobody knows.

    Matrices get random numbers, so that code which decomposes or clusters weights finds rows that differ; the same
    ones every time. Anything else is ones. Large tensors are left as the operating system gives them, so that they
    take address space and no memory.
    """
    if shape.numel() > _LARGE:
        return torch.empty(shape, dtype=dtype)
    if len(shape) < 2 or not dtype.is_floating_point:
        return torch.ones(shape, dtype=dtype)
    generator = torch.Generator("cpu").manual_seed(0)
    return torch.randn(shape, generator=generator).to(dtype)


class HostValues:
    """Keeps the values of small storages on the host, by storage, so that views share them."""

    def __init__(self) -> None:
        self._of_storage: dict[int, Tensor] = {}

    def __bool__(self) -> bool:
        return bool(self._of_storage)

    def of(self, tensor: Tensor) -> Tensor | None:
        """The values of a simulated tensor, as a view of what is kept; None where they are not known."""
        try:
            kept = self._of_storage.get(tensor.untyped_storage()._cdata)
        except NotImplementedError:
            return None  # a sparse tensor
        if kept is None:
            return None
        typed = kept if kept.dtype == tensor.dtype else kept.view(tensor.dtype)
        return typed.as_strided(tensor.size(), tensor.stride(), tensor.storage_offset())

    def keep(self, tensor: Tensor, value: Tensor) -> None:
        """Keep ``value`` for a simulated tensor of the same shape, if it is small."""
        if not self.is_small(tensor):
            return
        storage = torch.empty(tensor.untyped_storage().nbytes() // tensor.element_size(), dtype=tensor.dtype)
        storage.as_strided(tensor.size(), tensor.stride(), tensor.storage_offset()).copy_(value)
        self._of_storage[tensor.untyped_storage()._cdata] = storage

    def forget(self, key: int) -> None:
        """The storage is gone, or something unknown was written into it."""
        self._of_storage.pop(key, None)

    def copy(self, key: int, other: int) -> None:
        """What is known of one storage is known of the other, which is as large."""
        if key in self._of_storage:
            self._of_storage[other] = self._of_storage[key].clone()

    @staticmethod
    def is_small(tensor: Tensor) -> bool:
        """Whether values of a tensor are kept."""
        floating = tensor.dtype.is_floating_point or tensor.dtype.is_complex
        elements = tensor.untyped_storage().nbytes() // max(1, tensor.element_size())
        if tensor.dtype == torch.bool:
            return 0 < elements <= MAX_BOOLEANS
        return 0 < elements <= (MAX_FLOATS if floating else MAX_WHOLE_NUMBERS)
