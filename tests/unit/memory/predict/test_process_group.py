"""Users' own scripts as one rank of several: DDP, FSDP2 and distributed tensors on the simulated GPU."""

from __future__ import annotations

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from ladderscope.errors import UsageError
from ladderscope.memory.predict import predict_memory

MIB = 2**20
GPU = "a100-80gb"


def linear() -> nn.Linear:
    """1 MiB of weights in fp32."""
    return nn.Linear(512, 512, bias=False, device="cuda")


def test_inside_there_is_a_process_group_and_behind_there_is_none() -> None:
    with predict_memory(GPU, rank=3, world_size=4):
        assert (dist.get_rank(), dist.get_world_size()) == (3, 4)
    assert not dist.is_initialized()


def test_a_rank_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="give one from 0 to 1"), predict_memory(GPU, rank=2, world_size=2):
        pass


def test_ddp_has_a_bucket_beside_the_gradient() -> None:
    with predict_memory(GPU, world_size=2) as trace:
        model = DistributedDataParallel(linear(), device_ids=[0])
        model(torch.empty(1, 512, device="cuda")).sum().backward()
    breakdown = trace.moment(len(trace.events) - 1).breakdown_bytes
    assert (breakdown["weights"], breakdown["gradients"], breakdown["collectives"]) == (MIB, MIB, MIB)


def test_fsdp_gathers_a_weight_for_as_long_as_it_is_used() -> None:
    with predict_memory(GPU, world_size=4) as trace:
        model = nn.Sequential(linear(), linear())
        for layer in model:
            fully_shard(layer)
        fully_shard(model)
        with trace.span("step"):
            model(torch.empty(1, 512, device="cuda")).sum().backward()
    end = trace.moment(len(trace.events) - 1).breakdown_bytes
    assert end["weights"] == end["gradients"] == 2 * MIB // 4
    assert "collectives" not in end  # nothing stays gathered
    gathered = [event for event in trace.events if event.is_alloc and event.allocation.num_bytes == MIB]
    assert {event.allocation.stream for event in gathered} != {0}  # gathered ahead on a stream of its own


def test_a_distributed_tensor_takes_the_memory_of_its_local_part() -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Shard, distribute_tensor

    with predict_memory(GPU, world_size=4) as trace:
        mesh = init_device_mesh("cuda", (4,))
        whole = torch.empty(1024, 1024, device="cuda")
        sharded = distribute_tensor(whole, mesh, [Shard(0)])
        del whole
        before = trace.moment(len(trace.events) - 1).allocated_bytes
        doubled = sharded + sharded
        after = trace.moment(len(trace.events) - 1).allocated_bytes
        assert doubled.device == torch.device("cuda", 0)
        assert doubled.shape == (1024, 1024)
    assert after - before == MIB


def test_fake_tensors_that_code_tries_shapes_with_take_nothing() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with predict_memory(GPU) as trace:
        with FakeTensorMode(allow_non_fake_inputs=True):
            assert (torch.empty(512, 512, device="cuda") * 2).shape == (512, 512)
        assert trace.peak_allocated_bytes == 0
