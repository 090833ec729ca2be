"""Where the bytes of a step are, and what forward leaves for backward."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ladderscope.memory.places import count, unfold
from ladderscope.memory.predict import MemoryTrace, predict_memory
from ladderscope.memory.predict.details import details_of, kept_for_backward
from ladderscope.memory.timeline import KEPT_CATEGORIES
from ladderscope.methods import METHODS
from ladderscope.predict import EVALUATE, LOAD, Prediction, predict_cell
from ladderscope.records import Cell, Details, Memory

GPU = "rtx-3060-12gb"
MIB = 2**20


METHODS_HERE = ("full", "lora", "qlora", "ladder")


@functools.cache
def predicted(method: str, **settings: Any) -> Prediction:
    known = METHODS[method]
    sizes: dict[str, Any] = {"rank": {"rank": 4}, "reduction_factor": {"reduction_factor": 8}}.get(
        known.size or "", {}
    )
    # In fp32 PEFT has nothing to copy for its adapters, which are in fp32 whatever the model is in.
    values = {"seq_len": 128, "dtype": "fp32", "quantization": known.quantizations[0], "data": "random", **sizes}
    cell = Cell.from_json({"model": "random:tiny-llama", "method": method, **values, **settings})
    return predict_cell(cell, GPU, counts_flops=False, detailed=True)


def details(method: str, **settings: Any) -> Details:
    found = predicted(method, **settings).record.details
    assert found is not None
    return found


def memory(method: str, **settings: Any) -> Memory:
    found = predicted(method, **settings).record.memory
    assert found is not None
    return found


def total(places: dict[str, int]) -> int:
    return sum(size * count(place) for place, size in places.items())


class TestOfCells:
    @pytest.mark.parametrize("method", METHODS_HERE)
    def test_places_at_the_peak_sum_to_the_breakdown_without_rounding(self, method: str) -> None:
        breakdown = {name: size for name, size in memory(method).breakdown_bytes.items() if size}
        del breakdown["rounding"]
        assert {category: total(places) for category, places in details(method).at_peak.items()} == breakdown

    @pytest.mark.parametrize("method", METHODS_HERE)
    def test_what_is_saved_for_backward_sums_to_that_of_the_memory(self, method: str) -> None:
        saved = details(method).saved_for_backward
        assert sum(map(total, saved.values())) == memory(method).saved_for_backward_bytes
        assert set(saved) <= set(KEPT_CATEGORIES)

    def test_the_less_of_a_model_is_trained_the_less_is_saved(self) -> None:
        full, lora, ladder = (memory(method).saved_for_backward_bytes or 0 for method in ("full", "lora", "ladder"))
        assert full > lora > ladder > 0

    def test_checkpointing_saves_less_and_peaks_no_higher(self) -> None:
        plain, checkpointed = memory("lora"), memory("lora", gradient_checkpointing=True)
        assert plain.saved_for_backward_bytes is not None
        assert checkpointed.saved_for_backward_bytes is not None
        assert checkpointed.saved_for_backward_bytes < plain.saved_for_backward_bytes * 0.8
        assert checkpointed.peak_allocated_bytes <= plain.peak_allocated_bytes

    def test_blocks_that_are_alike_are_on_one_line(self) -> None:
        saved = details("lora").saved_for_backward["activations"]
        assert any(place.startswith("model.layers.{0-3}.") for place in saved)
        assert len(saved) < len(unfold(saved)) / 2

    def test_a_side_network_saves_in_its_own_blocks_and_nothing_in_the_backbones(self) -> None:
        places = unfold(details("ladder").saved_for_backward["activations"])
        assert any(place.startswith("side_network.blocks.3") for place in places)
        backbone = sum(size for place, size in places.items() if place.startswith("model.layers."))
        assert backbone < sum(places.values()) / 2

    def test_it_says_where_the_peak_is_reached(self) -> None:
        phase, *where = details("full").peak_at.split(", ")
        assert phase in ("forward", "backward", "optimizer")
        assert where

    def test_they_are_kept_on_request_alone(self) -> None:
        cell = Cell(model="random:tiny-llama", method="full", seq_len=8, data="random")
        assert predict_cell(cell, GPU, counts_flops=False).record.details is None

    @pytest.mark.parametrize("span", [LOAD, EVALUATE])
    def test_a_span_without_backward_saves_nothing_and_says_that_nobody_knows(self, span: str) -> None:
        trace = predicted("lora").trace
        assert kept_for_backward(trace, span) is None
        assert details_of(trace, span).saved_for_backward == {}
        assert details_of(trace, span).at_peak

    def test_the_whole_trace_is_a_span_too(self) -> None:
        trace = predicted("lora").trace
        assert (
            sum(map(total, details_of(trace).at_peak.values())) + trace.peak().breakdown_bytes["rounding"]
            == trace.peak_allocated_bytes
        )
        with pytest.raises(KeyError):
            details_of(trace, "lunch")


class Block(nn.Module):
    """A block that can keep what it was given."""

    kept: Tensor | None = None

    def __init__(self, *, keeps: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(256, 256, bias=False)
        self.keeps = keeps

    def forward(self, x: Tensor) -> Tensor:
        if self.keeps:
            self.kept = x * 2  # what a debugging session left behind
        return torch.relu(self.linear(x))


class Net(nn.Module):
    def __init__(self, keeping: int | None = None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(keeps=n == keeping) for n in range(4))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x


def trained(keeping: int | None = None) -> MemoryTrace:
    with predict_memory(GPU) as trace:
        model = Net(keeping).cuda()
        with trace.span("step"):
            model(torch.ones(1024, 256, device="cuda")).sum().backward()
    return trace


class TestAHiddenStateThatIsKeptAlive:
    """What the whole room is for: one block of many holds on to a tensor, and is named."""

    def test_is_saved_for_backward_and_at_the_peak_under_the_name_of_its_module(self) -> None:
        before, after = (details_of(trained(keeping), "step") for keeping in (None, 2))
        for old, new in ((before.at_peak, after.at_peak), (before.saved_for_backward, after.saved_for_backward)):
            was, now = unfold(old["activations"]), unfold(new["activations"])
            assert {place: size for place, size in now.items() if was.get(place) != size} == {
                "blocks.2: mul.Tensor": MIB
            }
            assert set(was) <= set(now)

    def test_costs_its_bytes_and_no_more(self) -> None:
        assert trained(2).peak_allocated_bytes == trained().peak_allocated_bytes + MIB


class TestOfOtherCode:
    def test_code_without_modules_is_placed_outside_of_them(self) -> None:
        with predict_memory(GPU) as trace:
            x = torch.ones(256, 256, device="cuda", requires_grad=True)
            (x.exp() * 2).sum().backward()
        found = details_of(trace)
        assert all(place.startswith("(outside of modules, ") for places in found.at_peak.values() for place in places)

    def test_without_any_allocation_there_is_nothing_to_tell(self) -> None:
        with predict_memory(GPU) as trace, trace.span("nothing"):
            pass
        assert (
            details_of(trace, "nothing") == details_of(trace) == Details(peak_at="", at_peak={}, saved_for_backward={})
        )

    def test_a_span_that_begins_at_its_peak_has_nothing_running(self) -> None:
        with predict_memory(GPU) as trace:
            held = [torch.ones(MIB, device="cuda")]
            with trace.span("freeing"):
                held.clear()
        found = details_of(trace, "freeing")
        assert found.peak_at == ""
        assert sum(map(total, found.at_peak.values())) == 4 * MIB

    def test_a_module_with_braces_in_its_name_keeps_its_bytes(self) -> None:
        with predict_memory(GPU) as trace:
            model = nn.ModuleDict(
                {"{0-2}": nn.Linear(256, 256), "default": nn.Linear(256, 256), "007": nn.ReLU()}
            ).cuda()
            trace.name_model(model)
            x = torch.ones(4, 256, device="cuda")
            for part in model.values():
                x = part(x)
        at_peak = details_of(trace).at_peak
        places = unfold({place: size for sizes in at_peak.values() for place, size in sizes.items()})
        assert places["(0-2): weight"] == places["default: weight"] == 256 * 256 * 4
