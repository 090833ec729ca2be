"""Seconds per step on a CPU stand beside predicted FLOPs and decide nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ladderscope.records import Flops, Record
from ladderscope.studies.findings import Findings, Value
from ladderscope.studies.folder import Study, find_study
from ladderscope.studies.markdown import section_of
from ladderscope.studies.run import study_jobs

ROOT = Path(__file__).parents[4] / "studies"
SECONDS = {"qlora": 12.0, "qst": 5.0, "lora": 9.0, "lst": 4.5}
FLOPS = {"qlora": 1000, "qst": 500, "lora": 980, "lst": 520}


@pytest.fixture(scope="module")
def study() -> Study:
    return find_study(ROOT, "qst_flops")


@pytest.fixture(scope="module")
def predicted(study: Study) -> list[Record]:
    return [one for one in study.records() if one.meter == "predict"]


@pytest.fixture(scope="module")
def measured(study: Study) -> list[Record]:
    """Invented records of the jobs of the grid that are measured."""
    jobs = [job for job in study_jobs(study, quick=False) if not job.is_prediction]
    return [
        Record(
            cell=job.cell,
            meter=job.meter,
            gpu=job.gpu,
            status="ok",
            weights="pretrained",
            flops=Flops(per_step=(n := FLOPS[job.cell.method] * 10**9), per_token=n / 1536, by_component={"head": n}),
            step_seconds=[60.0] + [SECONDS[job.cell.method]] * 4,
            tokens_per_step=1536,
            env={"cpu": "2 x A Processor", "cpu_threads": 2},
        )
        for job in jobs
    ]


def rows(findings: Findings) -> dict[str, list[str]]:
    """Method -> the cells of its row, as text."""
    (table,) = [one for one in findings.tables if one.title.startswith("Seconds per step of")]
    texts = [[cell.text if isinstance(cell, Value) else cell for cell in row] for row in table.rows]
    return {row[2].split()[0]: row for row in texts}


def speed(findings: Findings) -> tuple[str, str | None, str]:
    (found,) = [one for one in findings.verdicts if one.claim == "speed"]
    return found.answer, found.basis, found.why


def test_four_cells_of_real_weights_are_measured_on_a_cpu_and_the_rest_is_predicted(study: Study) -> None:
    jobs = study_jobs(study, quick=False)
    of_cpu = [job for job in jobs if job.meter == "cpu"]
    assert [job.cell.method_label for job in of_cpu] == ["qlora r=64", "qst 1/16", "lora r=32", "lst 1/8"]
    assert {(job.cell.model, job.cell.dtype, job.cell.adapter_dtype, job.cell.tokens_per_step) for job in of_cpu} == {
        ("smollm2-135m", "bf16", "bf16", 4 * 384)
    }
    assert {job.meter for job in jobs if job not in of_cpu} == {"predict"}
    assert all(job.is_prediction for job in study_jobs(study, quick=True))


def test_ratios_of_seconds_stand_beside_those_of_flops(
    study: Study, predicted: list[Record], measured: list[Record]
) -> None:
    found = rows(study.analyse([*predicted, *measured]))
    assert found["qlora"] == ["2 x A Processor", "2", "qlora r=64", "12", "1.00", "1.00", "83.3"]
    assert found["qst"][3:6] == ["5", "0.42", "0.50"]
    assert found["lst"][3:6] == ["4.5", "0.38", "0.52"]


def test_a_cpu_does_not_decide_on_speed_and_says_that_it_is_one(
    study: Study, predicted: list[Record], measured: list[Record]
) -> None:
    answer, basis, why = speed(study.analyse([*predicted, *measured]))
    assert (answer, basis) == ("cannot tell", None)
    assert "2.40 times as long as QST's on smollm2-135m (measured on a CPU), with 2.00 times the FLOPs" in why


def test_other_verdicts_and_tables_do_not_change(
    study: Study, predicted: list[Record], measured: list[Record]
) -> None:
    before, after = study.analyse(predicted), study.analyse([*predicted, *measured])
    assert [one for one in before.verdicts if one.claim != "speed"] == [
        one for one in after.verdicts if one.claim != "speed"
    ]
    assert list(before.tables)[:-1] == list(after.tables)[:-1]


def test_what_was_not_measured_is_said(study: Study, predicted: list[Record], measured: list[Record]) -> None:
    assert rows(study.analyse(predicted))["qst"][3] == "not measured"
    assert "CPU" not in speed(study.analyse(predicted))[2]
    failed = [dataclasses.replace(one, status="error", flops=None, step_seconds=[]) for one in measured]
    assert rows(study.analyse([*predicted, *failed]))["lora"][3] == "not measured"
    without = [one for one in measured if one.cell.method != "qlora"]
    assert rows(study.analyse([*predicted, *without]))["qst"][3:6] == ["5", "-", "-"]


def test_seconds_of_two_kinds_of_cpu_are_not_divided(
    study: Study, predicted: list[Record], measured: list[Record]
) -> None:
    mixed = [
        dataclasses.replace(one, env={"cpu": "another", "cpu_threads": 2}) if one.cell.method == "qst" else one
        for one in measured
    ]
    findings = study.analyse([*predicted, *mixed])
    assert rows(findings)["qst"][3:6] == ["5", "-", "0.50"]
    assert "on smollm2-135m" not in speed(findings)[2]


def test_the_table_says_that_it_was_measured_on_a_cpu(
    study: Study, predicted: list[Record], measured: list[Record]
) -> None:
    text = section_of(study.analyse([*predicted, *measured]).tables[-1])
    assert "**Measured on a CPU**." in text
    assert "Losses of these runs are no result" in text


def test_the_ratio_of_flops_beside_the_open_verdict_says_that_it_is_predicted(
    study: Study, predicted: list[Record]
) -> None:
    (speed,) = [one for one in study.analyse(predicted).verdicts if one.claim == "speed"]
    assert "times QST's at most (predicted)." in speed.why
