"""Verdicts on invented ledgers whose slopes are known."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable
from typing import Any

import pytest

from ladderscope.records import Record, Status
from ladderscope.studies.bases import ON_CPU
from ladderscope.studies.findings import Findings, verdicts_by_claim
from ladderscope.studies.folder import Study

Invent = Callable[..., list[Record]]


@pytest.fixture(scope="module")
def mixed(study: Study, invent: Invent) -> Findings:
    """Ladder scales as QLoRA does at half of the cost; xLadder's slope is half of QLoRA's."""
    return study.analyse(invent({"xladder": 0.1}, cost={"ladder": 0.5}))


def answers(findings: Findings) -> dict[str, str]:
    return {verdict.claim: verdict.answer for verdict in findings.verdicts}


def test_equal_exponents_are_equivalent_and_others_different(mixed: Findings) -> None:
    found = answers(mixed)
    assert found["slope-ladder"] == "reproduced"
    assert found["slope-lst"] == "reproduced"
    assert found["slope-xladder"] == "not reproduced"


def test_the_same_loss_at_the_same_compute_decides_nothing(mixed: Findings) -> None:
    """Ladder has QLoRA's curve over its own compute here, whatever its steps cost."""
    assert answers(mixed)["equal-compute"] == "cannot tell"


@pytest.mark.parametrize(("factor", "answer"), [(0.9, "reproduced"), (1.1, "not reproduced")])
def test_a_lower_loss_at_equal_compute_is_what_is_claimed(
    study: Study, module: Callable[[str], Any], invent: Invent, factor: float, answer: str
) -> None:
    records = [_scaled(one, factor) if one.cell.method == "ladder" else one for one in invent({})]
    found = module("equal").at_equal(records, "ladder", "qlora", "compute", 0.95)
    analysis = sys.modules["ladderscope_study_scaling_slopes_analysis"]
    assert analysis.equal_compute(found, study.definition.bounds, ON_CPU).answer == answer


@pytest.mark.slow
def test_noise_leaves_no_verdict_and_the_margin_that_would_have_been_shown(study: Study, invent: Invent) -> None:
    findings = study.analyse(invent({}, noise=0.1))
    (ladder,) = [verdict for verdict in findings.verdicts if verdict.claim == "slope-ladder"]
    assert ladder.answer == "cannot tell"
    assert "margin" in ladder.why


def test_a_ledger_with_holes_says_how_many(study: Study, invent: Invent) -> None:
    findings = study.analyse(invent({})[:-3])
    assert set(answers(findings).values()) == {"cannot tell"}
    assert all("3 of 216 cells" in verdict.why for verdict in findings.verdicts)


@pytest.mark.parametrize("status", ["error", "timeout"])
def test_failed_cells_count_as_missing(study: Study, invent: Invent, status: Status) -> None:
    failed = [Record(cell=one.cell, meter="cpu", status=status, error="no luck") for one in invent({})]
    findings = study.analyse(failed)
    assert all("216 of 216 cells" in verdict.why for verdict in findings.verdicts)
    assert not findings.tables


@pytest.mark.slow
def test_the_margin_of_the_study_decides(study: Study, invent: Invent) -> None:
    """The same ledger with a margin that nothing can be shown to be within."""
    strict = {**study.definition.bounds, "margin": 1e-6}
    other = Study(study.folder, dataclasses.replace(study.definition, bounds=strict))
    assert answers(other.analyse(invent({})))["slope-ladder"] == "cannot tell"


def test_too_few_backbones_tell_nothing(study: Study, module: Callable[[str], Any], invent: Invent) -> None:
    records = [_scaled(one, 0.9) if one.cell.method == "ladder" else one for one in invent({})]
    found = module("equal").at_equal(records, "ladder", "qlora", "compute", 0.95)
    analysis = sys.modules["ladderscope_study_scaling_slopes_analysis"]
    verdict = analysis.equal_compute(found, {**study.definition.bounds, "backbones": 7.0}, ON_CPU)
    assert verdict.answer == "cannot tell"
    assert "6 of the 7 backbones" in verdict.why


def test_verdicts_tables_and_figures_say_where_their_numbers_come_from(mixed: Findings) -> None:
    assert {verdict.basis for verdict in mixed.verdicts} == {ON_CPU}
    assert [table.bases for table in mixed.tables] == [{ON_CPU}] * 4
    assert [figure.bases for figure in mixed.figures] == [{ON_CPU}] * 2


def test_runs_on_a_cpu_and_on_a_gpu_do_not_fill_up_one_ledger(study: Study, invent: Invent) -> None:
    records = [dataclasses.replace(one, meter="cuda") if one.cell.method == "qst" else one for one in invent({})]
    findings = study.analyse(records)
    assert all("36 of 216 cells" in verdict.why for verdict in findings.verdicts)


def test_every_claim_has_its_verdict(study: Study, mixed: Findings) -> None:
    assert set(verdicts_by_claim(mixed, study.definition.claims, study.name)) == set(answers(mixed))


def test_the_tables_name_all_methods_and_the_figures_can_be_drawn(mixed: Findings) -> None:
    from matplotlib.figure import Figure as Canvas

    slopes, multipliers, equal, losses = mixed.tables
    assert {row[0] for row in slopes.rows} == {row[0] for row in multipliers.rows} == {row[0] for row in equal.rows}
    assert len(losses.rows) == 6
    for figure in mixed.figures:
        canvas = Canvas(layout="constrained")
        figure.draw(canvas)
        assert canvas.axes[0].lines


def test_the_gap_is_taken_where_both_have_spent_the_most(module: Callable[[str], Any], invent: Invent) -> None:
    """At half the cost, Ladder has spent half the compute at equal data, and is ahead in data at equal compute."""
    records = invent({}, cost={"ladder": 0.5}, noise=0.0)
    at_equal = module("equal").at_equal
    assert at_equal(records, "ladder", "qlora", "compute", 0.95).mean == pytest.approx(0, abs=0.02)
    assert at_equal(records, "ladder", "qlora", "data", 0.95).mean > 0.03
    assert at_equal(records, "qlora", "qlora", "time", 0.95).mean == 0


def _scaled(record: Record, factor: float) -> Record:
    assert record.eval_loss is not None
    return dataclasses.replace(
        record, eval_loss=dataclasses.replace(record.eval_loss, after=record.eval_loss.after * factor)
    )


def test_logarithms_are_averaged(module: Callable[[str], Any], invent: Invent) -> None:
    records = invent({}, noise=0.0)
    half = [_scaled(one, 0.5) if one.cell.method == "ladder" else one for one in records]
    assert module("equal").at_equal(half, "ladder", "qlora", "data", 0.95).mean == pytest.approx(
        math.log(0.5), abs=1e-9
    )


def test_what_the_machine_did_beside_it_does_not_count_as_time(module: Callable[[str], Any], invent: Invent) -> None:
    records = invent({})
    waited = [
        dataclasses.replace(one, step_seconds=[s * (1 + i % 2) for i, s in enumerate(one.step_seconds)])
        for one in records
    ]
    equal = module("equal")
    quiet = equal.at_equal(records, "ladder", "qlora", "time", 0.95)
    assert equal.at_equal(waited, "ladder", "qlora", "time", 0.95) == quiet
