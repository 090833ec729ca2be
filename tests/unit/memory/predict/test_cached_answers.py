"""A process predicts and then computes in earnest: nothing that libraries remember is to mix the two up."""

from __future__ import annotations

import torch
from accelerate import Accelerator
from torch.utils._device import _device_constructors
from transformers.utils import is_torch_bf16_gpu_available, is_torch_cuda_available

from ladderscope.memory.predict import predict_memory

GPU = "rtx-3060-12gb"


def test_default_devices_hold_for_tensors_from_data_afterwards() -> None:
    # Found by models whose frequencies were not computed when they were loaded behind a prediction.
    _device_constructors.cache_clear()
    with predict_memory(GPU), torch.device("cuda"):
        torch.ones(1)
    with torch.device("meta"):
        assert torch.tensor([1.0]).is_meta


def test_libraries_find_the_gpu_inside_and_none_afterwards() -> None:
    assert not is_torch_cuda_available()
    with predict_memory(GPU):
        assert is_torch_cuda_available()
        assert is_torch_bf16_gpu_available()
    assert not is_torch_cuda_available()
    assert not is_torch_bf16_gpu_available()


def test_accelerate_finds_the_gpu_inside_and_what_it_knew_afterwards() -> None:
    before = Accelerator().device
    with predict_memory(GPU) as trace:
        model = Accelerator().prepare(torch.nn.Linear(64, 64))
        assert model.weight.is_cuda
        assert trace.peak_allocated_bytes
    assert Accelerator().device == before == torch.device("cpu")
