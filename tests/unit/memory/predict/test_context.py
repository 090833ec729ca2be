"""Scripts that were written for CUDA run as they are, on a machine without a GPU."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.memory.predict import predict_memory
from ladderscope.memory.predict.gpus import find_gpu
from ladderscope.units import GIB

GPU = "rtx-3060-12gb"


def model() -> nn.Module:
    return nn.Sequential(nn.Embedding(100, 64), nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 100))


def train(steps: int = 2) -> nn.Module:
    """A training script as people write it."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    net = model().to(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    scaler = torch.amp.GradScaler("cuda")
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    for _ in range(steps):
        start.record()
        tokens = torch.randint(0, 100, (4, 32)).cuda(non_blocking=True)
        with torch.autocast("cuda", dtype=torch.bfloat16):
            logits = net(tokens)
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), tokens.flatten())
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)
        end.record()
        torch.cuda.synchronize()
        assert isinstance(loss.item(), float)
        assert start.elapsed_time(end) == 0
    return net


def test_a_training_script_runs_and_its_own_questions_are_answered() -> None:
    with predict_memory(GPU) as trace:
        assert torch.cuda.is_available()
        assert torch.cuda.device_count() == 1
        assert torch.cuda.get_device_name() == "NVIDIA GeForce RTX 3060"
        assert torch.cuda.get_device_capability() == (8, 6)
        assert torch.cuda.is_bf16_supported()
        assert torch.cuda.mem_get_info()[1] == find_gpu(GPU).memory_bytes
        net = train()
        assert trace.peak().breakdown_bytes["optimizer_state"] == 2 * sum(p.nbytes for p in net.parameters())
        assert torch.cuda.max_memory_allocated() == trace.peak_allocated_bytes
        assert torch.cuda.max_memory_reserved() == trace.peak_reserved_bytes
        in_use = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        assert torch.cuda.max_memory_allocated() == in_use
        del net
        gc.collect()  # optimizers refer to themselves
        assert torch.cuda.memory_allocated() < in_use
        torch.cuda.empty_cache()
        assert torch.cuda.memory_reserved() < trace.peak_reserved_bytes


def test_everything_is_as_before_afterwards() -> None:
    before = (torch.cuda.is_available(), torch.tensor, torch.Tensor.to, torch.Generator, torch.autograd.backward)
    with predict_memory(GPU):
        train(steps=1)
    assert (
        torch.cuda.is_available(),
        torch.tensor,
        torch.Tensor.to,
        torch.Generator,
        torch.autograd.backward,
    ) == before
    assert torch.tensor([1.0]).device.type == "cpu"
    assert torch.empty(2, device="meta").device.type == "meta"
    product = torch.nn.functional.linear(torch.ones(2, 3), torch.ones(4, 3))
    assert product.dtype == torch.float32
    assert product.tolist() == [[3.0] * 4] * 2
    with pytest.raises((AssertionError, RuntimeError)):
        torch.empty(2, device="cuda")


def test_it_is_as_before_after_an_error_too() -> None:
    def fail() -> None:
        with predict_memory(GPU):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not torch.cuda.is_available()


def test_the_same_script_gives_the_same_bytes() -> None:
    peaks = []
    for _ in range(2):
        with predict_memory(GPU) as trace:
            train()
        peaks.append((trace.peak_allocated_bytes, trace.peak_reserved_bytes, trace.breakdown()))
    assert peaks[0] == peaks[1]


def test_running_out_of_memory_is_pytorchs_error_and_can_be_caught() -> None:
    with predict_memory("1GiB:sm86") as trace:
        with pytest.raises(torch.OutOfMemoryError, match=r"out of device memory: 2\.00 GiB requested"):
            torch.empty(2 * GIB, dtype=torch.uint8, device="cuda")
        smaller = torch.empty(GIB // 4, dtype=torch.uint8, device="cuda")
        assert torch.cuda.memory_allocated() == smaller.nbytes
    assert trace.first_oom is not None


def test_going_on_behind_the_end_of_memory_counts_what_a_larger_gpu_would_need() -> None:
    with predict_memory("1GiB:sm86", on_oom="continue") as trace:
        kept = torch.empty(2 * GIB, dtype=torch.uint8, device="cuda")
    assert trace.peak_allocated_bytes == kept.nbytes
    assert trace.first_oom is not None
    assert trace.first_oom.requested_bytes == 2 * GIB


def test_an_unknown_gpu_proposes_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'rtx-3060-12gb'"), predict_memory("rtx-3060"):
        pass


@pytest.mark.parametrize(("version", "sentence"), [("two", "no version of PyTorch"), ("1.13", "from PyTorch 2.6 on")])
def test_a_version_that_cannot_be_followed_is_refused(version: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence), predict_memory(GPU, torch_version=version):
        pass


def test_a_workspace_belongs_to_a_product_from_torch_2_15_on() -> None:
    def workspaces(version: str) -> tuple[int, int]:
        with predict_memory(GPU, torch_version=version) as trace:
            left = torch.ones(64, 64, device="cuda")
            for _ in range(3):
                left = left @ left
            made = [event for event in trace.events if event.allocation.category == "workspace"]
        return sum(event.is_alloc for event in made), sum(not event.is_alloc for event in made)

    assert workspaces("2.13") == (1, 0)
    assert workspaces("2.15") == (3, 3)


def test_settings_of_the_allocator_are_followed() -> None:
    with predict_memory(GPU, alloc_conf="expandable_segments:True") as trace:
        kept = torch.empty(3 * 2**20, dtype=torch.uint8, device="cuda")
    assert trace.peak_allocated_bytes == kept.nbytes
    assert trace.peak_reserved_bytes == 20 * 2**20  # one page of a large expandable segment


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_what_checkpointing_runs_again_is_a_forward_pass(use_reentrant: bool) -> None:
    """Were the sum taken for one of gradients, it would be written into a leaf, which autograd refuses."""
    with predict_memory(GPU):
        block = nn.Sequential(nn.Linear(64, 64), nn.GELU()).cuda()
        stream = torch.randn(512, 64, device="cuda").requires_grad_()
        checkpoint(lambda x: x + block(x), stream, use_reentrant=use_reentrant).sum().backward()
        assert stream.grad is not None


def test_a_run_that_goes_well_is_expected() -> None:
    with predict_memory(GPU):
        loss = torch.randn(4, device="cuda", requires_grad=True).sum()
        assert not torch.isnan(loss)
        assert not torch.isinf(loss).any()
        assert torch.isfinite(loss)
        assert not (torch.randn(4096, device="cuda") != torch.randn(4096, device="cuda")).any()


def test_numbers_are_written_into_known_tensors() -> None:
    with predict_memory(GPU):
        counts = torch.zeros(4, dtype=torch.long, device="cuda")
        counts[1:3].fill_(5)
        assert counts.tolist() == [0, 5, 5, 0]
        counts[0] = 7  # as a tensor of its own, whose value is lost
        assert counts.shape == (4,)


def test_what_is_copied_saved_or_loaded_comes_to_the_host(tmp_path: Path) -> None:
    with predict_memory(GPU):
        module = nn.Linear(4, 4).cuda()
        host = torch.zeros(4, 4)
        host.copy_(module.weight.detach())
        torch.save(module.state_dict(), tmp_path / "weights.pt")
        assert module.weight.new_tensor([1, 2]).is_cuda
    assert host.device.type == "cpu"
    assert (tmp_path / "weights.pt").stat().st_size > 0


def test_moving_works_in_inference_mode() -> None:
    with predict_memory(GPU), torch.inference_mode():
        tokens = torch.arange(4).cuda()
        assert tokens.is_cuda
        assert nn.Linear(4, 4).cuda()(tokens.float()).is_cuda


def test_an_emptied_cache_is_no_part_of_what_follows() -> None:
    with predict_memory(GPU) as trace:
        large = torch.empty(256 * 2**20, dtype=torch.uint8, device="cuda")
        del large
        torch.cuda.empty_cache()
        with trace.span("later"):
            torch.empty(512, dtype=torch.uint8, device="cuda")
    assert trace.peak_reserved("later") == 2 * 2**20


def test_one_prediction_at_a_time() -> None:
    with predict_memory(GPU):
        with pytest.raises(UsageError, match="running already"), predict_memory(GPU):
            pass
        assert torch.empty(1, device="cuda").is_cuda
