"""Storages that get another size or another owner, are copied, or are read from a file: each byte is followed."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from ladderscope.memory.predict import MemoryTrace, predict_memory
from ladderscope.units import MIB


@pytest.fixture(autouse=True)
def trace() -> Iterator[MemoryTrace]:
    with predict_memory("1GiB:sm86") as running:
        yield running


def mebibyte(count: int = 1) -> Tensor:
    return torch.empty(count * MIB, dtype=torch.uint8, device="cuda")


def allocated() -> int:
    return torch.cuda.memory_allocated()


def test_a_storage_that_is_emptied_frees_its_block_and_a_refilled_one_takes_another() -> None:
    """As FSDP does with the parameters of a layer that it does not need at the moment."""
    shard = mebibyte(4)
    shard.untyped_storage().resize_(0)
    assert allocated() == 0
    assert shard.is_cuda
    shard.untyped_storage().resize_(4 * MIB)
    assert allocated() == 4 * MIB
    del shard
    assert allocated() == 0


def test_a_resized_storage_moves_so_that_both_blocks_are_there_for_a_moment(trace: MemoryTrace) -> None:
    kept = mebibyte(4)
    kept.untyped_storage().resize_(2 * MIB)
    assert allocated() == 2 * MIB
    assert trace.peak_allocated_bytes == 6 * MIB


def test_a_storage_that_finds_no_room_stays_as_it_is() -> None:
    kept = mebibyte(4)
    with pytest.raises(torch.OutOfMemoryError):
        kept.untyped_storage().resize_(2048 * MIB)
    assert kept.untyped_storage().nbytes() == allocated() == 4 * MIB


def test_a_tensor_grows_and_does_not_shrink() -> None:
    for _ in range(2):  # the second time, its shapes have been seen
        tensor = mebibyte()
        tensor.resize_(3 * MIB)
        assert allocated() == 3 * MIB
        tensor.resize_(10)
        assert allocated() == 3 * MIB
        del tensor


def test_a_result_that_is_handed_in_empty_grows() -> None:
    out = torch.empty(0, device="cuda")
    torch.add(torch.ones(256, 1024, device="cuda"), 1, out=out)
    assert allocated() == MIB
    assert out.shape == (256, 1024)


def test_a_tensor_that_takes_over_anothers_storage_lets_go_of_its_own() -> None:
    large, small = mebibyte(4), mebibyte(1)
    small.set_(large)  # type: ignore[call-overload]
    assert allocated() == 4 * MIB
    small.set_(large.untyped_storage(), 0, (10,), (1,))
    del large
    assert allocated() == 4 * MIB
    assert small.is_cuda


def test_a_tensor_is_turned_in_place_each_time() -> None:
    matrix = torch.empty(2, 3, device="cuda")
    assert matrix.t_().shape == (3, 2)
    assert torch.empty(2, 3, device="cuda").t_().shape == (3, 2)
    assert allocated() == 512


def test_a_copied_model_takes_as_much_again() -> None:
    model = nn.Linear(512, 512, bias=False).cuda()
    twin = copy.deepcopy(model)
    assert allocated() == 2 * MIB
    assert twin.weight.is_cuda
    assert twin.weight.data_ptr() != model.weight.data_ptr()


@pytest.mark.parametrize("location", ["cuda", "cuda:0", torch.device("cuda")])
def test_a_checkpoint_is_loaded_onto_the_device(location: str | torch.device) -> None:
    file = io.BytesIO()
    torch.save({"weight": torch.ones(MIB, dtype=torch.uint8), "step": torch.tensor(7)}, file)
    file.seek(0)
    state = torch.load(file, map_location=location)
    assert state["weight"].is_cuda
    assert state["step"].item() == 7
    assert allocated() == MIB + 512


def test_a_training_state_that_was_saved_is_loaded_again() -> None:
    model = nn.Linear(64, 64).cuda()
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(2, 64, device="cuda")).sum().backward()
    optimizer.step()
    before = allocated()
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    state = torch.load(file)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    del state
    optimizer.step()
    assert allocated() == before
