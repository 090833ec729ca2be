"""The verdicts of the committed studies follow from their ledgers: other numbers give other verdicts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from ladderscope.records import Record, Status
from ladderscope.studies.folder import Study, find_study

ROOT = Path(__file__).parents[3] / "studies"
NAMES = ("memory_7b_12gb", "qst_memory", "qst_flops")
Change = Callable[[Record], bool]


def verdicts(study: Study, records: list[Record]) -> dict[str, str]:
    return {verdict.claim: verdict.answer for verdict in study.analyse(records).verdicts}


def scaled(record: Record, factor: float) -> Record:
    """The record with so many times the bytes and FLOPs; what was measured on a CPU stays as it is."""
    if record.meter == "cpu":
        return record
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
        ("memory_7b_12gb", "ladder", 0.1, "against-checkpointing", "holds"),
        ("memory_7b_12gb", "ladder", 2.5, "against-everything", "does not hold"),
        ("qst_memory", "qst", 3.0, "pairs", "not reproduced"),
        ("qst_memory", "qst", 0.2, "pairs", "not reproduced"),
        ("qst_memory", "qst", 3.0, "factor-2.3", "not reproduced"),
        ("qst_memory", "qst", 0.2, "factor-2.3", "not reproduced"),
        ("qst_memory", "qst", 1.8, "factor-7", "reproduced"),
        ("qst_memory", "full", 0.55, "factor-7", "reproduced"),
    ],
)
def test_other_numbers_give_other_verdicts(name: str, method: str, factor: float, claim: str, answer: str) -> None:
    study = find_study(ROOT, name)
    records = [scaled(one, factor) if one.cell.method == method else one for one in study.records()]
    assert verdicts(study, study.records())[claim] != answer
    assert verdicts(study, records)[claim] == answer


@pytest.mark.parametrize(("factor", "direction"), [(1.0, "the factor is larger"), (3.0, "the factor is smaller")])
def test_a_factor_that_is_not_reproduced_says_on_which_side_it_is(factor: float, direction: str) -> None:
    study = find_study(ROOT, "qst_memory")
    records = [scaled(one, factor) if one.cell.method == "qst" else one for one in study.records()]
    (verdict,) = [one for one in study.analyse(records).verdicts if one.claim == "factor-7"]
    assert (verdict.answer, verdict.direction) == ("not reproduced", direction)


LIKE_THE_PAPER = {"random:llama-2-7b": 1.0, "random:llama-2-13b": 1.37 / 1.92, "random:llama-2-70b": 3.26 / 10.1}
"""FLOPs so many times what they are grow with the models as the published ones do."""
LST_OF_THE_PAPER = (0.94 / 0.52, 1.19 / 0.52, 2.12 / 0.52)


def grown(study: Study, factors: Mapping[str, Sequence[float]]) -> list[Record]:
    """Records that grow like the paper's; a method's are further so many times what they are, a factor a model."""
    models = list(LIKE_THE_PAPER)
    return [
        scaled(one, grows * factors.get(one.cell.method, (1, 1, 1))[models.index(one.cell.model)])
        for one in study.records()
        if (grows := LIKE_THE_PAPER.get(one.cell.model))
    ]


@pytest.mark.parametrize(
    ("claim", "factors", "answer"),
    [
        ("flops", {"qst": (0.78,) * 3}, "reproduced"),
        ("flops", {"qst": (0.5,) * 3}, "not reproduced"),
        ("flops", {"qst": (2.0,) * 3}, "not reproduced"),
        ("others", {"lst": LST_OF_THE_PAPER}, "reproduced"),
        ("others", {"lst": LST_OF_THE_PAPER, "lora": (1.2,) * 3}, "not reproduced"),
        ("others", {}, "not reproduced"),
    ],
)
def test_flops_are_compared_on_both_sides_once_the_same_is_counted(
    claim: str, factors: Mapping[str, Sequence[float]], answer: str
) -> None:
    study = find_study(ROOT, "qst_flops")
    assert verdicts(study, study.records())[claim] == "cannot tell"
    assert verdicts(study, grown(study, factors))[claim] == answer


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_half_must_hold_with_adapters_in_both_dtypes(dtype: str) -> None:
    study = find_study(ROOT, "memory_7b_12gb")
    records = [
        scaled(one, 2.5) if (one.cell.method, one.cell.adapter_dtype) == ("ladder", dtype) else one
        for one in study.records()
    ]
    assert verdicts(study, records)["half"] == "not reproduced"


def test_bf16_decides_on_qst_and_fp32_does_not() -> None:
    study = find_study(ROOT, "qst_memory")
    before = verdicts(study, study.records())
    changed = [
        scaled(one, 9) if one.cell.adapter_dtype == "fp32" and one.cell.method != "full" else one
        for one in study.records()
    ]
    assert verdicts(study, changed) == before


@pytest.mark.parametrize(
    ("method", "reduction", "model", "status", "answer"),
    [
        ("ladder", 8, "", "ok", "reproduced"),
        ("ladder", 16, "mistral-7b", "oom", "not reproduced"),
        ("ladder", 8, "mistral-7b", "oom", "cannot tell"),
        ("qlora", None, "mistral-7b", "ok", "not reproduced"),
    ],
)
def test_what_fits_is_told_only_where_both_widths_agree(
    method: str, reduction: int | None, model: str, status: Status, answer: str
) -> None:
    study = find_study(ROOT, "memory_7b_12gb")

    def is_changed(one: Record) -> bool:
        cell = one.cell
        is_of = (cell.method, cell.reduction_factor, cell.seq_len) == (method, reduction, 2048)
        return is_of and model in cell.model and one.gpu == "rtx-3060-12gb" and not cell.settings

    records = [dataclasses.replace(one, status=status) if is_changed(one) else one for one in study.records()]
    assert verdicts(study, records)["fits-12gb"] == answer
    without = [one for one in study.records() if not is_changed(one)]
    assert verdicts(study, without)["fits-12gb"] == "cannot tell"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("status", ["error", "timeout"])
def test_failed_cells_break_nothing(status: Status, name: str) -> None:
    study = find_study(ROOT, name)
    failed = [
        Record(cell=one.cell, meter=one.meter, gpu=one.gpu, status=status, error="no luck") for one in study.records()
    ]
    assert set(verdicts(study, failed).values()) == {"cannot tell"}
    assert list(study.further(failed)) == []
    half = [*failed[::2], *study.records()[1::2]]
    assert study.analyse(half).tables
    study.further(half)


@pytest.mark.parametrize(("models", "answer"), [(3, "reproduced"), (2, "cannot tell")])
def test_seconds_of_all_models_that_were_measured_on_one_gpu_decide_on_speed(models: int, answer: str) -> None:
    study = find_study(ROOT, "qst_flops")
    names = ["random:llama-2-7b", "random:llama-2-13b", "random:llama-2-70b"][:models]
    measured = [
        dataclasses.replace(one, meter="cuda", gpu="NVIDIA RTX A5000", forecast=None, step_seconds=[seconds])
        for one in study.records()
        for method, seconds in (("qlora", 3.0), ("qst", 1.0))
        if one.cell.method == method and one.cell.model in names
    ]
    (verdict,) = [one for one in study.analyse([*study.records(), *measured]).verdicts if one.claim == "speed"]
    assert verdict.answer == answer
    assert verdict.basis == ("measured on a GPU" if models == 3 else None)


def test_what_rests_on_a_prediction_in_part_says_so() -> None:
    study = find_study(ROOT, "memory_7b_12gb")
    records = study.records()
    big = [one for one in records if one.gpu == "1024GiB:sm86"]
    measured = [dataclasses.replace(one, meter="cuda", gpu="NVIDIA RTX A6000") for one in big]
    bases = {verdict.claim: verdict.basis for verdict in study.analyse([*records, *measured]).verdicts}
    assert (bases["half"], bases["fits-12gb"]) == ("measured on a GPU", "predicted")
    one_less = [one for one in measured if one.cell.method != "qlora" or "qwen" not in one.cell.model]
    bases = {verdict.claim: verdict.basis for verdict in study.analyse([*records, *one_less]).verdicts}
    assert bases["half"] == "in part predicted, in part measured on a GPU"


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
