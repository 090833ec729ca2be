"""A simulated tensor answers as one on CUDA does; tensors elsewhere answer as ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from ladderscope.memory.predict import MemoryTrace, predict_memory

CUDA = torch.device("cuda", 0)


@pytest.fixture
def trace() -> Iterator[MemoryTrace]:
    with predict_memory("a100-80gb") as running:
        yield running


MAKERS: dict[str, Callable[[], Tensor]] = {
    "empty": lambda: torch.empty(2, 3, device="cuda"),
    "randn": lambda: torch.randn(2, 3, device="cuda:0"),
    "tensor": lambda: torch.tensor([[1.0, 2, 3]] * 2, device="cuda"),
    "as_tensor": lambda: torch.as_tensor([[1.0, 2, 3]] * 2, device=torch.device("cuda")),
    "cuda": lambda: torch.zeros(2, 3).cuda(),
    "to a name": lambda: torch.zeros(2, 3).to("cuda"),
    "to a number": lambda: torch.zeros(2, 3).to(0),
    "to another": lambda: torch.zeros(2, 3).to(torch.empty(1, device="cuda")),
    "new_empty": lambda: torch.empty(1, device="cuda").new_empty(2, 3),
    "like": lambda: torch.zeros_like(torch.zeros(2, 3), device="cuda"),
    "generator": lambda: torch.rand(2, 3, device="cuda", generator=torch.Generator("cuda").manual_seed(1)),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_tensor_made_for_cuda_is_there(name: str, trace: MemoryTrace) -> None:
    made = MAKERS[name]()
    assert made.device == CUDA
    assert made.is_cuda
    assert not made.is_meta
    assert not made.is_cpu
    assert made.get_device() == 0
    assert made.shape == (2, 3)
    assert made.untyped_storage().device == CUDA
    assert trace.moment(len(trace.events) - 1).allocated_bytes >= 512


def test_a_tensor_of_the_host_is_not_there(trace: MemoryTrace) -> None:
    host = torch.zeros(2, 3)
    assert host.device.type == "cpu"
    assert not host.is_cuda
    assert trace.events == []


def test_a_tensor_on_meta_is_still_on_meta(trace: MemoryTrace) -> None:
    assert torch.empty(2, device="meta").is_meta
    assert (torch.empty(2, device="meta") + 1).device.type == "meta"
    assert trace.events == []


def test_moving_to_where_it_is_gives_the_tensor_itself(trace: MemoryTrace) -> None:
    tensor = torch.empty(2, device="cuda")
    assert tensor.to("cuda") is tensor
    assert tensor.cuda() is tensor
    assert tensor.to(torch.float32) is tensor
    assert tensor.to("cuda", copy=True) is not tensor


def test_addresses_tell_tensors_apart(trace: MemoryTrace) -> None:
    first, second = torch.empty(200, device="cuda"), torch.empty(200, device="cuda")
    assert second.data_ptr() - first.data_ptr() == 1024
    assert first[100:].data_ptr() == first.data_ptr() + 400
    assert first.view(2, 100).untyped_storage().data_ptr() == first.data_ptr()


def test_views_share_their_memory(trace: MemoryTrace) -> None:
    tensor = torch.empty(4, 4, device="cuda")
    before = len(trace.events)
    tensor.view(16), tensor.T, tensor[1:], tensor.unsqueeze(0).expand(3, 4, 4)
    assert len(trace.events) == before


def test_memory_is_freed_when_the_last_view_is_gone(trace: MemoryTrace) -> None:
    tensor = torch.empty(4, 4, device="cuda")
    row = tensor[0]
    del tensor
    assert torch.cuda.memory_allocated() == 512
    del row
    assert torch.cuda.memory_allocated() == 0


def test_what_comes_back_to_the_host_is_on_the_host(trace: MemoryTrace) -> None:
    big = torch.empty(3, 2000, device="cuda").cpu()
    assert big.device.type == "cpu"
    assert big.shape == (3, 2000)
    assert torch.tensor([1, 2], device="cuda").cpu().tolist() == [1, 2]
    assert torch.arange(3, device="cuda").tolist() == [0, 1, 2]


def test_a_module_keeps_its_parameters_when_it_moves(trace: MemoryTrace) -> None:
    module = nn.Linear(8, 8)
    weight = module.weight
    module.cuda()
    assert module.weight is weight
    assert weight.is_cuda
    assert weight.requires_grad
    assert weight.is_leaf


def test_tied_weights_take_memory_once(trace: MemoryTrace) -> None:
    model = nn.Sequential(nn.Embedding(128, 64), nn.Linear(64, 128, bias=False))
    model[1].weight = model[0].weight
    model.to("cuda")
    assert model[1].weight is model[0].weight
    assert torch.cuda.memory_allocated() == 128 * 64 * 4


def test_a_model_made_under_a_device_is_made_there(trace: MemoryTrace) -> None:
    with torch.device("cuda"):
        module = nn.Linear(64, 64)
        scale = torch.tensor(2.0)
    assert module.weight.is_cuda
    assert scale.is_cuda


def test_gradients_are_on_the_device(trace: MemoryTrace) -> None:
    weight = torch.randn(8, 8, device="cuda", requires_grad=True)
    (weight @ weight).sum().backward()
    assert weight.grad is not None
    assert weight.grad.is_cuda
    assert weight.grad.shape == (8, 8)
