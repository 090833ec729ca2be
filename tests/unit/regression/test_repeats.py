"""Entries of one measurement and of several."""

from __future__ import annotations

from typing import Any

import pytest

from ladderscope.records import Cell, Details, Flops, Memory, Params, Record
from ladderscope.regression.entry import Entry
from ladderscope.regression.take import entry_of

CELL = Cell(model="random:tiny-llama", method="lora", rank=4, data="random")


def record(activations: int, reserved: int = 900, saved: int = 70, **changes: Any) -> Record:
    """A measurement whose peak is 100 bytes of weights and its activations."""
    memory = Memory(
        peak_allocated_bytes=100 + activations,
        peak_reserved_bytes=reserved,
        peak_rss_bytes=5000,
        breakdown_bytes={"weights": 100, "activations": activations},
        saved_for_backward_bytes=saved,
    )
    values: dict[str, Any] = {
        "cell": CELL,
        "meter": "cuda",
        "status": "ok",
        "gpu": "NVIDIA L4",
        "memory": memory,
        "params": Params(trainable=8, total=80),
        "flops": Flops(per_step=1000, per_token=1.0, by_component={"head": 400, "adapter": 600}),
    }
    return Record(**{**values, **changes})


THREE = [record(60, reserved=940, saved=71), record(20, reserved=900, saved=75), record(30, reserved=960, saved=70)]


def test_one_measurement_is_its_own_entry_and_has_no_repeats() -> None:
    entry = entry_of(THREE[:1])
    assert entry.metrics["peak_allocated"] == 160
    assert entry.breakdown == {"weights": 100, "activations": 60}
    assert entry.repeats == {}


def test_of_several_measurements_each_metric_is_its_own_median() -> None:
    """No single record of the three has all of these."""
    assert entry_of(THREE).metrics == {
        "peak_allocated": 130,
        "peak_reserved": 940,
        "saved_for_backward": 71,
        "flops": 1000,
        "trainable_params": 8,
    }


@pytest.mark.parametrize("records", [THREE, THREE[::-1], THREE[:2], [*THREE, record(90)]])
def test_the_breakdown_sums_to_the_median_peak_however_many_there_are(records: list[Record]) -> None:
    entry = entry_of(records)
    assert sum(entry.breakdown.values()) == entry.metrics["peak_allocated"]


def test_all_single_values_are_kept_by_metric_and_category() -> None:
    repeats = {name: sorted(values) for name, values in entry_of(THREE).repeats.items()}
    assert repeats["peak_allocated"] == [120, 130, 160]
    assert repeats["peak_reserved"] == [900, 940, 960]
    assert repeats["saved_for_backward"] == [70, 71, 75]
    assert repeats["activations"] == [20, 30, 60]
    assert repeats["weights"] == [100, 100, 100]


def test_the_order_of_the_measurements_does_not_matter() -> None:
    assert entry_of(THREE[::-1]).to_json() == entry_of(THREE).to_json()


def test_an_entry_of_several_measurements_comes_back_from_json() -> None:
    entry = entry_of(THREE)
    assert Entry.from_json(entry.name, entry.to_json()) == entry


def test_an_entry_is_named_by_what_measured_it_and_where() -> None:
    assert entry_of(THREE).name == "random:tiny-llama lora r=4 256 tokens, data random, measured on NVIDIA L4"
    on_a_cpu = entry_of([record(1, meter="cpu", gpu=None)])
    assert on_a_cpu.name.endswith("measured on a CPU")
    assert not any("cuda" in name for name in on_a_cpu.versions)


def test_the_places_of_an_entry_are_those_of_the_record() -> None:
    places = {"activations": {"lm_head: mm": 30}}
    details = Details(peak_at="backward, lm_head, mm", at_peak=places, saved_for_backward=places)
    entry = entry_of([record(30, meter="predict", gpu="l4-24gb", details=details)])
    assert (entry.peak_at, entry.at_peak, entry.saved_for_backward) == ("backward, lm_head, mm", places, places)
