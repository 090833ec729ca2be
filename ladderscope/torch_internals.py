"""What the package asks of PyTorch's private side, in one place."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

_is_meta: Any = torch._C.TensorBase.is_meta


def is_on_meta(tensor: Tensor) -> bool:
    """Whether a tensor has no data, also where a simulated device lets it answer that it is elsewhere."""
    return bool(_is_meta.__get__(tensor))


def unwrapped(tensor: Tensor) -> Tensor:
    """The tensor inside of all that ``torch.func`` put around it, or this process's part of a distributed one."""
    tensor = getattr(tensor, "_local_tensor", tensor)
    functorch: Any = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(tensor):
        tensor = functorch.get_unwrapped(tensor)
    return tensor


def clear_cublas_workspaces() -> None:
    """Free the memory that handles of cuBLAS have taken from the allocator; their next products take it anew."""
    torch._C._cuda_clearCublasWorkspaces()


class FollowingMode(TorchDispatchMode):
    """A dispatch mode that follows what runs. Nothing compiles: being kept from compilers costs time at each call."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False
