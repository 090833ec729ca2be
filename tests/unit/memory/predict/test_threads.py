"""Operations of other threads take memory like those of the main one."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from transformers import LlamaConfig, LlamaForCausalLM

from ladderscope.memory.predict import predict_memory
from ladderscope.units import MIB

GPU = "a100-80gb"


def in_a_thread(work: Callable[[], Any]) -> Any:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def train() -> int:
    net = nn.Linear(64, 64).cuda()
    net(torch.randn(8, 64, device="cuda")).sum().backward()
    return torch.cuda.max_memory_allocated()


def test_a_thread_takes_what_the_main_one_would() -> None:
    with predict_memory(GPU):
        alone = train()
    with predict_memory(GPU):
        assert in_a_thread(train) == alone


def test_each_thread_that_multiplies_has_a_workspace() -> None:
    with predict_memory(GPU) as trace:
        matrix = torch.ones(8, 8, device="cuda")
        _ = matrix @ matrix
        in_a_thread(lambda: (matrix @ matrix).is_cuda)
    assert sum(event.allocation.category == "workspace" for event in trace.events) == 2


def test_a_pool_of_threads_is_followed_also_one_that_was_there_before() -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        with predict_memory(GPU):
            tensors = list(pool.map(lambda size: torch.ones(size * MIB, dtype=torch.uint8).cuda(), (1, 2, 3)))
            assert all(tensor.is_cuda for tensor in tensors)
            assert torch.cuda.memory_allocated() == 6 * MIB


def test_threads_at_the_same_time_lose_nothing() -> None:
    def work(number: int) -> torch.Tensor:
        total = torch.zeros(256, 1024, device="cuda")
        for _ in range(30):
            assert total.device.type == "cuda"
            total = total + torch.ones(256, 1024).cuda()
        return total

    with predict_memory(GPU), ThreadPoolExecutor(4) as pool:
        kept = [*pool.map(work, range(4)), work(4)]
        assert torch.cuda.memory_allocated() == 5 * MIB
        del kept
        assert torch.cuda.memory_allocated() == 0


def test_a_thread_runs_without_a_prediction_as_ever_afterwards() -> None:
    with predict_memory(GPU):
        pass
    assert in_a_thread(lambda: torch.ones(2).sum().item()) == 2


def test_batches_come_from_worker_processes_and_pinned_memory() -> None:
    with predict_memory(GPU) as trace:
        data = TensorDataset(torch.randn(4, 64), torch.arange(4))
        for rows, labels in DataLoader(data, batch_size=2, num_workers=2, pin_memory=True):
            batch = rows.cuda(non_blocking=True), labels.cuda(non_blocking=True)
            assert all(tensor.is_cuda for tensor in batch)
    assert trace.peak_allocated_bytes >= 2 * 512


def test_data_parallel_on_the_one_device_changes_nothing() -> None:
    with predict_memory(GPU):
        net = nn.DataParallel(nn.Linear(64, 64)).cuda()
        net(torch.randn(8, 64, device="cuda")).sum().backward()
        assert all(weight.grad is not None and weight.grad.is_cuda for weight in net.parameters())


def test_weights_that_transformers_loads_in_threads_are_all_there(tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    with predict_memory(GPU):
        model = LlamaForCausalLM.from_pretrained(tmp_path, device_map="cuda")
        assert all(parameter.is_cuda for parameter in model.parameters())
        assert torch.cuda.memory_allocated() >= sum(parameter.nbytes for parameter in model.parameters())


def test_a_thread_of_a_pool_that_outlives_the_prediction_runs_as_ever_and_keeps_nothing_alive() -> None:
    with ThreadPoolExecutor(1) as pool:
        with predict_memory(GPU) as trace:
            pool.submit(train).result()
        device = weakref.ref(trace._device)
        del trace
        gc.collect()
        assert pool.submit(lambda: torch.ones(3).sum().item()).result() == 3
        assert device() is None


def test_an_operation_of_the_host_may_wait_for_another_thread() -> None:
    @torch.library.custom_op("ladderscope_tests::doubled_elsewhere", mutates_args=())
    def doubled_elsewhere(value: torch.Tensor) -> torch.Tensor:
        return pool.submit(lambda: value * 2).result(timeout=20)

    with predict_memory(GPU), ThreadPoolExecutor(1) as pool:
        assert doubled_elsewhere(torch.ones(2)).tolist() == [2, 2]


def test_what_a_thread_takes_is_told_apart_like_that_of_the_main_one() -> None:
    config = LlamaConfig(
        vocab_size=512, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2
    )

    def step() -> None:
        model(input_ids=ids, labels=ids).loss.backward()
        model.zero_grad()

    breakdowns = []
    for run in (lambda work: work(), in_a_thread):
        with predict_memory(GPU) as trace:
            model = LlamaForCausalLM(config).to("cuda")
            ids = torch.zeros(1, 64, dtype=torch.long, device="cuda")
            step()
            with trace.span("step"):
                run(step)
        breakdowns.append(trace.breakdown("step"))
    for breakdown in breakdowns:
        breakdown.pop("workspace")  # each thread has its own
    assert breakdowns[0] == breakdowns[1]
