"""A predicted cell: its record, its phases, and what it shares with a measured one."""

from __future__ import annotations

import dataclasses

import bitsandbytes
import pytest
import torch

from ladderscope.measure import measure_cell
from ladderscope.memory.cpu import CpuMeter
from ladderscope.memory.predict import predict_memory
from ladderscope.memory.predict.gpus import find_gpu
from ladderscope.methods import METHODS
from ladderscope.predict import EVALUATE, FIRST_STEP, LOAD, NO_OUTLIERS, STEADY_STEP, predict_cell
from ladderscope.records import Cell, Record
from ladderscope.units import GIB

GPU = "rtx-3060-12gb"


def cell(method: str = "qlora", **settings: object) -> Cell:
    known = METHODS[method]
    values: dict[str, object] = {
        "model": "random:tiny-llama",
        "method": method,
        "rank": 4 if known.size == "rank" else None,
        "reduction_factor": 4 if known.size == "reduction_factor" else None,
        "seq_len": 64,
        "quantization": known.quantizations[0],
        "data": "random",
        "steps": 1,
        **settings,
    }
    return Cell.from_json(values)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_predicted_and_its_parts_sum_to_the_peak(method: str) -> None:
    record = predict_cell(cell(method), GPU).record
    assert record.status == "ok"
    assert record.meter == "predict"
    assert record.gpu == GPU
    assert record.memory is not None
    assert sum(record.memory.breakdown_bytes.values()) == record.memory.peak_allocated_bytes
    assert record.memory.peak_reserved_bytes is not None
    assert record.memory.peak_reserved_bytes >= record.memory.peak_allocated_bytes
    assert record.memory.breakdown_bytes["optimizer_state"] > 0
    assert record.memory.breakdown_bytes["workspace"] == 2 * 8_519_680  # forward's and backward's handle


@pytest.mark.parametrize("method", ["full", "qlora", "ladder"])
def test_it_counts_the_parameters_and_flops_of_a_measured_run(method: str) -> None:
    predicted, measured = predict_cell(cell(method), GPU).record, measure_cell(cell(method), CpuMeter())
    assert predicted.params == measured.params
    assert predicted.tokens_per_step == measured.tokens_per_step
    assert predicted.flops is not None
    assert measured.flops is not None
    for component, flops in measured.flops.by_component.items():
        # The side network's fp32 attention takes another kernel on a GPU, whose backward computes no scores again.
        tolerance = 0.1 if component == "side_network" else 0
        assert predicted.flops.by_component[component] == pytest.approx(flops, rel=tolerance)


def test_a_prediction_has_no_losses_and_no_seconds() -> None:
    record = predict_cell(cell(), GPU).record
    assert record.loss == []
    assert record.step_seconds == []
    assert record.eval_loss is None
    assert record.weights == "random"


def test_phases_are_told_apart() -> None:
    prediction = predict_cell(cell("full", seq_len=256), GPU)
    assert prediction.record.forecast is not None
    phases = prediction.record.forecast.phases
    assert list(phases) == [LOAD, EVALUATE, FIRST_STEP, STEADY_STEP]
    assert phases[LOAD].peak_allocated_bytes < phases[EVALUATE].peak_allocated_bytes
    assert phases[EVALUATE].peak_allocated_bytes < phases[STEADY_STEP].peak_allocated_bytes
    assert prediction.record.memory is not None
    assert prediction.record.memory.peak_allocated_bytes == phases[STEADY_STEP].peak_allocated_bytes
    assert prediction.record.forecast.unverified


def test_loading_in_four_bits_never_holds_the_model_in_sixteen() -> None:
    large = cell("qlora", model="random:llama-3.2-1b", seq_len=16)
    forecast = predict_cell(large, GPU).record.forecast
    assert forecast is not None
    assert forecast.phases[LOAD].peak_allocated_bytes < 1.1 * GIB  # 2.3 GiB in bf16


@pytest.mark.parametrize("method", ["qlora", "ladder"])
def test_eight_bits_take_twice_the_weights_of_four_and_say_what_is_assumed(method: str) -> None:
    def weights(quantization: str) -> tuple[int, Record]:
        found = predict_cell(cell(method, quantization=quantization), GPU)
        live = found.trace.peak(STEADY_STEP).live
        return sum(a.num_bytes for a in live if a.module.endswith("_proj") and a.category == "weights"), found.record

    eight, record = weights("int8")
    four, _ = weights("nf4")
    assert eight == 2 * four
    assert record.forecast is not None
    assert NO_OUTLIERS in record.forecast.unverified


def test_a_record_survives_the_ledger() -> None:
    record = predict_cell(cell(), GPU).record
    assert Record.from_json(record.to_json()) == record


def test_out_of_memory_says_so_and_what_a_larger_gpu_would_need() -> None:
    long = cell("full", seq_len=256, batch_size=64)
    small, large = predict_cell(long, "0.7GiB:sm86").record, predict_cell(long, GPU).record
    assert (small.status, large.status) == ("oom", "ok")
    assert small.error is not None
    assert "out of device memory" in small.error
    assert small.memory is not None
    assert large.memory is not None
    assert small.memory.peak_allocated_bytes == pytest.approx(large.memory.peak_allocated_bytes, rel=0.01)


def test_the_same_cell_gives_the_same_bytes_whatever_ran_before() -> None:
    alone = predict_cell(cell("ladder"), GPU).record
    predict_cell(cell("qlora"), "h100-80gb")
    again = predict_cell(cell("ladder"), GPU).record
    assert dataclasses.replace(again, env={}) == dataclasses.replace(alone, env={})


def test_a_larger_workspace_on_newer_gpus() -> None:
    ampere, hopper = (predict_cell(cell(), gpu).record.memory for gpu in ("a100-80gb", "h100-80gb"))
    assert ampere is not None
    assert hopper is not None
    assert hopper.breakdown_bytes["workspace"] == 2 * 32 * 2**20
    assert hopper.breakdown_bytes["workspace"] > ampere.breakdown_bytes["workspace"]


def test_optimizers_that_a_cpu_does_not_have_are_predicted() -> None:
    plain = predict_cell(cell("full", seq_len=16), GPU).record.memory
    sizes = {}
    for optimizer in ("adamw-fused", "adamw-8bit", "paged-adamw-8bit"):
        memory = predict_cell(cell("full", seq_len=16, optimizer=optimizer), GPU).record.memory
        assert memory is not None
        sizes[optimizer] = memory.breakdown_bytes["optimizer_state"]
    assert plain is not None
    assert sizes["adamw-fused"] >= plain.breakdown_bytes["optimizer_state"]
    assert sizes["adamw-8bit"] < plain.breakdown_bytes["optimizer_state"]


def test_large_state_that_is_paged_is_no_part_of_the_allocators_memory() -> None:
    sizes = {}
    with predict_memory(GPU) as trace:
        for optimizer_class in (bitsandbytes.optim.AdamW8bit, bitsandbytes.optim.PagedAdamW8bit):
            # State of fewer than 100,000 values is never paged.
            weight = torch.nn.Parameter(torch.zeros(512, 1024, device="cuda"))
            optimizer = optimizer_class([weight])
            weight.grad = torch.zeros_like(weight)
            with trace.span(optimizer_class.__name__):
                before = torch.cuda.memory_allocated()
                optimizer.step()
                sizes[optimizer_class.__name__] = torch.cuda.memory_allocated() - before
    assert sizes["AdamW8bit"] - sizes["PagedAdamW8bit"] == 2 * 512 * 1024


def test_the_gpu_leaves_less_than_it_has() -> None:
    gpu = find_gpu(GPU)
    forecast = predict_cell(cell(), gpu).record.forecast
    assert forecast is not None
    assert forecast.usable_bytes + forecast.outside_bytes == gpu.memory_bytes
