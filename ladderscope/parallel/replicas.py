"""DDP and FSDP2 around a model, as they are commonly used with transformers.

DDP: PyTorch's defaults, buckets of 25 MiB beside the gradients; micro-batches before the last do not communicate.
FSDP2: each decoder block is a unit, all else one more, whose weights stay gathered between forward and backward; no
mixed precision beyond the cell's own dtypes, and every micro-batch reduces its gradients, so that no rank ever holds
all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ladderscope.errors import UsageError
from ladderscope.records import Cell

NONE, DDP, FSDP = "none", "ddp", "fsdp"
PARALLEL = (NONE, DDP, FSDP)


def replicate(model: nn.Module, device: torch.device) -> DistributedDataParallel:
    """DDP around a model that is on ``device``."""
    on_gpu = device.type == "cuda"
    return DistributedDataParallel(model, device_ids=[torch.cuda.current_device()] if on_gpu else None)


def shard(model: nn.Module, device: torch.device) -> nn.Module:
    """Keep this rank's part of every weight, and bring it to ``device``, block after block.

    Of a model on the host no more than one block, or what is outside of all blocks, is there as a whole at a time. Of
    4-bit weights the packed numbers are cut; their scales are no parameters, and stay whole on every rank.

    Args:
        model: of transformers or PEFT; changed in place.
        device: of this rank.

    Returns:
        The same model.

    Raises:
        UsageError: it does not say what its blocks are.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    for block in decoder_blocks(model):
        _move_whole(block, device)
        fully_shard(block, mesh=mesh)
    _move_whole(model, device)
    root: Any = fully_shard(model, mesh=mesh)
    if device.type == "cpu":
        root.set_force_sum_reduction_for_comms(True)  # gloo cannot average
    return model


def decoder_blocks(model: nn.Module) -> list[nn.Module]:
    """The modules that transformers never splits over devices: the blocks.

    Raises:
        UsageError: the model names none.
    """
    base: Any = model.get_base_model() if hasattr(model, "get_base_model") else model  # type: ignore[operator]
    names = set(getattr(base, "_no_split_modules", None) or ())
    blocks = [module for module in model.modules() if type(module).__name__ in names]
    if not blocks:
        raise UsageError(f"{type(base).__name__} does not say what its blocks are, so FSDP cannot shard it: use ddp.")
    return blocks


def sharded_rows(model: nn.Module) -> tuple[int, ...]:
    """Rows of every weight of which this rank has a part, as they are before it is cut; empty without FSDP."""
    from torch.distributed.tensor import DTensor

    return tuple(parameter.shape[0] for parameter in model.parameters() if isinstance(parameter, DTensor))


def starts_on_host(cell: Cell) -> bool:
    """Whether a cell's model is loaded on the host, so that no GPU ever holds all of what is to be sharded.

    A quantised one is small, and bitsandbytes moves no scales that it does not quantise itself: it starts on each GPU.
    """
    return cell.parallel == FSDP and cell.quantization == NONE


def without_reduction(runs: nn.Module) -> AbstractContextManager[None]:
    """Around a micro-batch that another one of the same step follows."""
    return runs.no_sync() if isinstance(runs, DistributedDataParallel) else nullcontext()


def bucket_sizes(runs: nn.Module) -> list[int]:
    """Bytes of each bucket that DDP holds beside the gradients; none of any other model."""
    if not isinstance(runs, DistributedDataParallel):
        return []
    said = runs._get_ddp_logging_data()
    sizes: str = said.get("rebuilt_bucket_sizes") or said.get("bucket_sizes") or ""
    return [int(size) for size in sizes.split(",") if size.strip()]


def _move_whole(module: nn.Module, device: torch.device) -> None:
    """Move what is not sharded yet."""
    for tensor in _whole_tensors(module):
        if tensor.device.type != device.type:
            tensor.data = tensor.data.to(device)


def _whole_tensors(module: nn.Module) -> Iterator[Tensor]:
    from torch.distributed.tensor import DTensor

    yield from (parameter for parameter in module.parameters() if not isinstance(parameter, DTensor))
    yield from module.buffers()
