"""The verdicts of the committed studies follow from their ledgers: other numbers give other verdicts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from ladderscope.records import Record
from ladderscope.studies.folder import Study, find_study

ROOT = Path(__file__).parents[3] / "studies"
NAMES = ("memory_7b_12gb", "qst_memory", "qst_flops")
Change = Callable[[Record], bool]


def verdicts(study: Study, records: list[Record]) -> dict[str, str]:
    return {verdict.claim: verdict.answer for verdict in study.analyse(records).verdicts}


def scaled(record: Record, factor: float) -> Record:
    """The record with so many times the bytes and FLOPs."""
    assert record.memory is not None
    assert record.forecast is not None
    assert record.flops is not None
    memory = dataclasses.replace(record.memory, peak_allocated_bytes=int(factor * record.memory.peak_allocated_bytes))
    phases = {
        name: dataclasses.replace(
            phase,
            peak_allocated_bytes=int(factor * phase.peak_allocated_bytes),
            peak_reserved_bytes=int(factor * phase.peak_reserved_bytes),
        )
        for name, phase in record.forecast.phases.items()
    }
    flops = dataclasses.replace(record.flops, per_token=factor * record.flops.per_token)
    forecast = dataclasses.replace(record.forecast, phases=phases)
    return dataclasses.replace(record, memory=memory, forecast=forecast, flops=flops)


@pytest.mark.parametrize("name", NAMES)
def test_without_records_nothing_can_be_told(name: str) -> None:
    study = find_study(ROOT, name)
    assert set(verdicts(study, []).values()) == {"cannot tell"}
    assert list(study.further([])) == []


@pytest.mark.parametrize(
    ("name", "method", "factor", "claim", "answer"),
    [
        ("memory_7b_12gb", "ladder", 2.5, "half", "not reproduced"),
        ("memory_7b_12gb", "ladder", 0.1, "half", "reproduced"),
        ("memory_7b_12gb", "ladder", 0.1, "against-checkpointing", "reproduced"),
        ("memory_7b_12gb", "ladder", 2.5, "against-everything", "not reproduced"),
        ("qst_memory", "qst", 3.0, "pairs", "not reproduced"),
        ("qst_memory", "qst", 0.2, "factor-2.3", "reproduced"),
        ("qst_memory", "qst", 3.0, "factor-7", "not reproduced"),
        ("qst_memory", "qst", 0.2, "factor-7", "reproduced"),
        ("qst_flops", "qst", 0.1, "flops", "reproduced"),
        ("qst_flops", "qst", 3.0, "flops", "not reproduced"),
        ("qst_flops", "lora", 3.0, "others", "not reproduced"),
    ],
)
def test_other_numbers_give_other_verdicts(name: str, method: str, factor: float, claim: str, answer: str) -> None:
    study = find_study(ROOT, name)
    records = [scaled(one, factor) if one.cell.method == method else one for one in study.records()]
    assert verdicts(study, records)[claim] == answer


def test_seconds_that_were_measured_on_a_gpu_decide_on_speed() -> None:
    study = find_study(ROOT, "qst_flops")
    measured = [
        dataclasses.replace(one, meter="cuda", gpu="NVIDIA RTX A5000", forecast=None, step_seconds=[seconds])
        for one in study.records()
        for method, seconds in (("qlora", 3.0), ("qst", 1.0))
        if one.cell.method == method
    ]
    (verdict,) = [one for one in study.analyse([*study.records(), *measured]).verdicts if one.claim == "speed"]
    assert (verdict.answer, verdict.basis) == ("reproduced", "measured")


def test_a_cell_whose_cache_alone_is_too_large_is_asked_for_on_the_card() -> None:
    study = find_study(ROOT, "memory_7b_12gb")
    big = [one for one in study.records() if one.gpu == "1024GiB:sm86"]
    asked = {(cell.cell_id, gpu) for cell, gpu in study.further(big)}
    assert asked
    for one in big:
        assert one.forecast is not None
        peaks = one.forecast.phases.values()
        reserved, allocated = max(p.peak_reserved_bytes for p in peaks), max(p.peak_allocated_bytes for p in peaks)
        usable = 11_931 * 2**20 - one.forecast.outside_bytes
        if allocated <= usable < reserved:
            assert (one.cell.cell_id, "rtx-3060-12gb") in asked
