"""One rank of a process group whose other ranks do not exist: what ``torch.distributed`` allocates on its own GPU.

PyTorch's "fake" backend takes part in collectives and sends nothing. DDP and FSDP2 run as they are on it: buckets,
gathered weights and reduced gradients are tensors that their own code makes. What NCCL takes for itself is not among
them: it does not come from PyTorch's allocator.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import torch
import torch.distributed as dist

from ladderscope.errors import UsageError
from ladderscope.memory.predict.device import SimulatedDevice
from ladderscope.memory.predict.modules import ModulePlace

_distributed: Any = dist
"""Of which PyTorch's types leave out what is compiled."""
NCCL_NOT_COUNTED = "what NCCL takes on the GPU for itself, outside of PyTorch's allocator: not counted"
NEVER_COMPARED_ON_GPUS = (
    "DDP and FSDP2 on CUDA streams, reserved bytes above all: compared with no GPU, only with two CPU processes, "
    "which have no streams"
)


@contextlib.contextmanager
def one_rank_of(device: SimulatedDevice, place: ModulePlace, rank: int, world_size: int) -> Iterator[None]:
    """Inside, this process is ``rank`` of ``world_size``.

    Args:
        device: its GPU.
        place: is told while DDP or FSDP2 allocates for itself.
        rank: from 0 on.
        world_size: how many ranks there are.

    Raises:
        UsageError: there is no such rank, or the process belongs to a real process group.
    """
    if not 0 <= rank < world_size:
        raise UsageError(f"there is no rank {rank} of {world_size}: give one from 0 to {world_size - 1}.")
    if dist.is_initialized():
        raise UsageError("this process belongs to a process group already: predict in a process of its own.")
    from torch.testing._internal.distributed.fake_pg import FakeStore

    dist.init_process_group("fake", rank=rank, world_size=world_size, store=FakeStore())
    try:
        with (
            # It compares shapes between ranks, by values that nobody has sent.
            mock.patch.object(dist, "_verify_params_across_processes", _nothing),
            # fully_shard asks it for the device of a mesh that nobody gave.
            mock.patch.object(torch._C, "_get_accelerator", _cuda),
            mock.patch.object(dist, "Reducer", _reducer_on(device, place)),
            _fsdp_is_placed(place, device),
        ):
            yield
    finally:
        dist.destroy_process_group()


def _nothing(*args: Any) -> None: ...


def _cuda(check: bool | None = None) -> torch.device:
    return torch.device("cuda")


def _reducer_on(device: SimulatedDevice, place: ModulePlace) -> type:
    """DDP's reducer. It is compiled, and makes its buckets on `meta`, where to its eyes the parameters are."""

    class Reducer(_distributed.Reducer):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            with device.taking_meta(), place.communicating():
                super().__init__(*args, **kwargs)
            # The default hook awaits results of a collective; the fake backend has none. Both work on the bucket.
            _distributed._register_comm_hook(self, None, _bucket_as_it_is)

        def _rebuild_buckets(self) -> bool:
            with device.taking_meta(), place.communicating():
                return bool(super()._rebuild_buckets())

    return Reducer


def _bucket_as_it_is(state: None, bucket: Any) -> torch.futures.Future[torch.Tensor]:
    future: torch.futures.Future[torch.Tensor] = torch.futures.Future()
    future.set_result(bucket.buffer())
    return future


@contextlib.contextmanager
def _fsdp_is_placed(place: ModulePlace, device: SimulatedDevice) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for name, method in _placed_methods(place, device).items():
            stack.enter_context(mock.patch.object(_fsdp_group(), name, method))
        yield


def _fsdp_group() -> Any:
    from torch.distributed.fsdp._fully_shard._fsdp_param_group import FSDPParamGroup

    return FSDPParamGroup


def _placed_methods(place: ModulePlace, device: SimulatedDevice) -> dict[str, Callable[..., Any]]:
    """The methods of FSDP2 that allocate: what they gather and reduce belongs to no module's activations."""

    def placed(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def run(group: Any, *args: Any, **kwargs: Any) -> Any:
            with place.communicating(group._module_fqn or ""):
                return method(group, *args, **kwargs)

        return run

    group = _fsdp_group()
    post_backward = placed(group.post_backward)

    def named_post_backward(group: Any, *args: Any) -> None:
        _name_gradients(group, device)
        post_backward(group, *args)

    return {
        "unshard": placed(group.unshard),
        "wait_for_unshard": placed(group.wait_for_unshard),
        "post_backward": named_post_backward,
    }


def _name_gradients(group: Any, device: SimulatedDevice) -> None:
    """Whole gradients of a block live only until they are reduced: too short for those who name gradients later."""
    for parameter in group.fsdp_params:
        gradient = getattr(getattr(parameter, "_unsharded_param", None), "grad", None)
        allocation = None if gradient is None else device.allocation_of(gradient)
        if allocation is not None:
            allocation.category = "gradients"
